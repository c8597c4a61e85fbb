import { sampleRate } from "../../bridge-task/audio/pcm.ts";
import { Fft } from "./fft.ts";
import { resample } from "./resample.ts";

export interface Correlation {
  /** Share of the signal that was found, 0 to 1. After a codec, noise or lost packets it has 0.7 and more, under an equally loud other 0.4; a wrong one less than 0.1. */
  score: number;
  /** Where in the recording (24 kHz) the signal begins best; negative if it began before the recording. */
  atSample: number;
}

/** The telephone band fits, and a sample is worth more than at 24 kHz. */
const rate = 8000;
/** Short enough that clock drift and the time stretching of a receiver's jitter buffer keep one piece in step. */
const pieceSamples = 1024;
/** How far pieces may move against each other (20 ms): stretching, a lost packet. */
const slackSamples = 160;
const fft = new Fft(8192);
const hop = fft.size - pieceSamples + 1;
/** Less power than this per sample (about −75 dBFS) is silence. */
const leastPower = 36;

/** Positive frequencies of the telephone band only, doubled: what is left is the analytic signal of that band. */
const keepBand = (re: Float64Array, im: Float64Array): void => {
  for (let bin = 0; bin < fft.size; bin++) {
    const hz = (bin * rate) / fft.size;
    const gain = hz >= 300 && hz <= 3400 ? 2 : 0;
    re[bin] = (re[bin] ?? 0) * gain;
    im[bin] = (im[bin] ?? 0) * gain;
  }
};

/** The band as an analytic signal: its real part is the sound, and magnitudes of products with it are blind to phase. */
interface Analytic {
  re: Float64Array;
  im: Float64Array;
}

/** Takes the band out without delay, in blocks that overlap: hum and rumble outside must not count. */
const bandOf = (pcm: Int16Array): Analytic => {
  const out = { re: new Float64Array(pcm.length), im: new Float64Array(pcm.length) };
  const margin = 1024;
  for (let start = 0; start < pcm.length; start += fft.size - 2 * margin) {
    const re = Float64Array.from({ length: fft.size }, (_, at) => pcm[start - margin + at] ?? 0);
    const im = new Float64Array(fft.size);
    fft.forward(re, im);
    keepBand(re, im);
    fft.inverse(re, im);
    const end = Math.min(fft.size - margin, margin + pcm.length - start);
    out.re.set(re.subarray(margin, end), start);
    out.im.set(im.subarray(margin, end), start);
  }
  return out;
};

/** The spectrum of a piece of the signal that begins at `at`, and the norm of its sound. */
interface Piece extends Analytic {
  at: number;
  norm: number;
}

const pieceOf = (signal: Analytic, at: number): Piece => {
  const re = new Float64Array(fft.size);
  const im = new Float64Array(fft.size);
  re.set(signal.re.subarray(at, at + pieceSamples));
  im.set(signal.im.subarray(at, at + pieceSamples));
  const norm = Math.sqrt(re.reduce((sum, sample) => sum + sample * sample, 0));
  fft.forward(re, im);
  return { at, re, im, norm };
};

/** For each place the norm of a piece's length from there on; never that of silence, which would be like anything. */
const windowNorms = (recording: Float64Array): Float64Array => {
  const norms = new Float64Array(recording.length);
  let power = 0;
  for (let at = recording.length - 1; at >= 0; at--) {
    power += (recording[at] ?? 0) ** 2 - (recording[at + pieceSamples] ?? 0) ** 2;
    norms[at] = Math.sqrt(Math.max(power, leastPower * pieceSamples));
  }
  return norms;
};

/** How alike a piece and the recording are, 0 to 1, for each place where the piece might begin. */
const likeness = (recording: Float64Array, norms: Float64Array, pieces: Piece[]): Float32Array[] => {
  const results = pieces.map(() => new Float32Array(recording.length));
  for (let start = 0; start < recording.length; start += hop) {
    const blockRe = new Float64Array(fft.size);
    const blockIm = new Float64Array(fft.size);
    blockRe.set(recording.subarray(start, start + fft.size));
    fft.forward(blockRe, blockIm);
    for (const [index, piece] of pieces.entries()) {
      const re = new Float64Array(fft.size);
      const im = new Float64Array(fft.size);
      for (let bin = 0; bin < fft.size; bin++) {
        const [aRe, aIm, bRe, bIm] = [blockRe[bin] ?? 0, blockIm[bin] ?? 0, piece.re[bin] ?? 0, piece.im[bin] ?? 0];
        re[bin] = aRe * bRe + aIm * bIm;
        im[bin] = aIm * bRe - aRe * bIm;
      }
      fft.inverse(re, im);
      const result = results[index] ?? new Float32Array();
      for (let at = 0; at < hop && start + at < recording.length; at++) {
        const magnitude = Math.hypot(re[at] ?? 0, im[at] ?? 0);
        result[start + at] = magnitude / (piece.norm * (norms[start + at] ?? 1));
      }
    }
  }
  return results;
};

/** The largest value within ±slack of each place. */
const widened = (values: Float32Array): Float32Array => {
  const out = new Float32Array(values.length);
  const queue = new Int32Array(values.length);
  let [head, tail] = [0, 0];
  for (let at = 0; at < values.length + slackSamples; at++) {
    if (at < values.length) {
      while (tail > head && (values[queue[tail - 1] ?? 0] ?? 0) <= (values[at] ?? 0)) tail--;
      queue[tail++] = at;
    }
    const center = at - slackSamples;
    if (center < 0) continue;
    while ((queue[head] ?? 0) < center - slackSamples) head++;
    out[center] = values[queue[head] ?? 0] ?? 0;
  }
  return out;
};

/** Where the pieces themselves were best around `at`: the middle one, so that stretching in one place does not count. */
const refined = (exact: Float32Array[], pieces: Piece[], at: number): number => {
  const starts = pieces.map((piece, index) => {
    const values = exact[index] ?? new Float32Array();
    let best = at + piece.at;
    for (let place = best - slackSamples; place <= at + piece.at + slackSamples; place++) {
      if ((values[place] ?? 0) > (values[best] ?? 0)) best = place;
    }
    return best - piece.at;
  });
  return starts.sort((a, b) => a - b)[starts.length >> 1] ?? at;
};

/**
 * Looks for a known signal in a recording, both 24 kHz mono: how sure it is that the signal is there, and where. Blind to
 * delay, gain, phase and small clock drift, and tolerant to codecs and noise: the signal is cut into short pieces, each is
 * looked for in the telephone band, and the pieces that lie in step count, each with the share of its energy that fits.
 */
export const correlate = (recording: Int16Array, signal: Int16Array): Correlation => {
  const heard = bandOf(resample(recording, sampleRate, rate)).re;
  const known = bandOf(resample(signal, sampleRate, rate));
  const starts = Array.from({ length: Math.floor(known.re.length / pieceSamples) }, (_, index) => index * pieceSamples);
  const pieces = starts.map((at) => pieceOf(known, at)).filter(({ norm }) => norm ** 2 > leastPower * pieceSamples);
  if (pieces.length === 0) throw new Error("the signal to look for is shorter than 128 ms, or silent");
  const exact = likeness(heard, windowNorms(heard), pieces);
  const found = exact.map(widened);
  let best: Correlation = { score: 0, atSample: 0 };
  for (let at = -known.re.length; at < heard.length; at++) {
    let sum = 0;
    for (const [index, piece] of pieces.entries()) sum += (found[index]?.[at + piece.at] ?? 0) ** 2;
    const score = sum / pieces.length;
    if (score > best.score) best = { score: Math.min(1, score), atSample: at };
  }
  if (best.score === 0) return best;
  return { score: best.score, atSample: Math.round((refined(exact, pieces, best.atSample) * sampleRate) / rate) };
};
