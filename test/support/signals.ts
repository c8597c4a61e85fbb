import { concat, sampleRate, samplesPerMs } from "../../bridge-task/audio/pcm.ts";

export { type Correlation, correlate } from "./correlate.ts";
export { silence } from "./speech.ts";

/** About −20 dBFS: what a person at a headset reaches after automatic gain. */
const rms = 3200;
const syllableMs = { shortest: 80, longest: 180 };
const pauseMs = { shortest: 10, longest: 40 };
const edgeMs = 12;
/** The telephone band, which every codec, microphone filter and noise suppression keeps. */
const highestHz = 3400;
const pitchHz = { lowest: 110, highest: 330 };

/** FNV-1a: the same name gives the same signal on every machine. */
const hash = (name: string): number => {
  let value = 0x811c9dc5;
  for (const character of name) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
};

/** mulberry32, public domain: uniform in 0 to 1. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** A vowel-like sweep: harmonics of a gliding pitch under two resonances that glide too. Speech to a VAD, and to a noise suppressor. */
const syllable = (random: () => number): Float64Array => {
  const between = (low: number, high: number): number => low + random() * (high - low);
  const onPitchScale = (): number => pitchHz.lowest * (pitchHz.highest / pitchHz.lowest) ** random();
  const length = Math.round(between(syllableMs.shortest, syllableMs.longest) * samplesPerMs);
  const [fromPitch, toPitch] = [onPitchScale(), onPitchScale()];
  const first = { from: between(350, 900), to: between(350, 900), width: 120 };
  const second = { from: between(1000, 2800), to: between(1000, 2800), width: 200 };
  const pcm = new Float64Array(length);
  const edge = edgeMs * samplesPerMs;
  let phase = 2 * Math.PI * random();
  for (let at = 0; at < length; at++) {
    const progress = at / length;
    const pitch = fromPitch * (toPitch / fromPitch) ** progress;
    phase += (2 * Math.PI * pitch) / sampleRate;
    let sum = 0;
    for (let harmonic = 1; harmonic * pitch < highestHz; harmonic++) {
      const hz = harmonic * pitch;
      let gain = 0.05;
      for (const { from, to, width } of [first, second]) {
        gain += 1 / (1 + ((hz - from - (to - from) * progress) / width) ** 2);
      }
      sum += gain * Math.cos(harmonic * phase);
    }
    pcm[at] = sum * Math.min(1, (at + 1) / edge, (length - at) / edge);
  }
  return pcm;
};

/** Scales to the common loudness; the same for each syllable, so that none is lost in noise. */
const levelled = (pcm: Float64Array): Int16Array => {
  const energy = pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length;
  const gain = rms / Math.sqrt(energy);
  return Int16Array.from(pcm, (sample) => Math.max(-32_000, Math.min(32_000, Math.round(sample * gain))));
};

/**
 * A known test signal, 24 kHz mono: babble of random vowel-like sweeps, another for each name, the same one each time. It is
 * speech to a VAD, has no pause in which a turn would end, and survives Opus and a browser's voice processing; find it in a
 * recording with correlate(). Default 1.5 s; a longer one of the same name begins with the shorter.
 */
export const signal = (name: string, durationMs = 1500): Int16Array => {
  const random = randomFrom(hash(name));
  const parts: Int16Array[] = [];
  const wanted = Math.round(durationMs * samplesPerMs);
  for (let length = 0; length < wanted; ) {
    const pause = Math.round((pauseMs.shortest + random() * (pauseMs.longest - pauseMs.shortest)) * samplesPerMs);
    const next = concat([levelled(syllable(random)), new Int16Array(pause)]);
    parts.push(next);
    length += next.length;
  }
  return concat(parts).slice(0, wanted);
};
