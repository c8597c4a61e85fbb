import { frameSamples } from "./pcm.ts";

/** Peaks are held below −1 dBFS. */
const ceiling = 29_200;
/** Above the ceiling what the gain did not catch is bent, never beyond full scale. */
const headroom = 32_767 - ceiling;
/** Gain comes down within this many samples (2.5 ms) ... */
const attackSamples = 60;
/** ... and recovers by at most this factor per frame, about 40 dB per second. */
const releasePerFrame = 1.1;

const bend = (sample: number): number => {
  const over = Math.abs(sample) - ceiling;
  if (over <= 0) return Math.round(sample);
  return Math.round(Math.sign(sample) * (ceiling + headroom * Math.tanh(over / headroom)));
};

/** Sums speakers' frames; a peak limiter with a smooth gain keeps the sum inside 16 bits. One frame alone passes unchanged. */
export class Mixer {
  #gain = 1;

  /** `frames`: one 20 ms frame for each speaker who has one. None gives silence. */
  mix(frames: readonly Int16Array[]): Int16Array {
    const [only] = frames;
    if (only && frames.length === 1 && this.#gain === 1) return only;
    const sum = new Int32Array(frameSamples);
    for (const frame of frames) for (let at = 0; at < frameSamples; at++) sum[at] = (sum[at] ?? 0) + (frame[at] ?? 0);
    return this.#limit(sum);
  }

  #limit(sum: Int32Array): Int16Array {
    let peak = 0;
    for (const sample of sum) peak = Math.max(peak, Math.abs(sample));
    const from = this.#gain;
    const wanted = Math.min(1, ceiling / Math.max(1, peak));
    const to = wanted < from ? wanted : Math.min(wanted, from * releasePerFrame);
    const rampSamples = to < from ? attackSamples : frameSamples;
    const limited = new Int16Array(frameSamples);
    for (let at = 0; at < frameSamples; at++) {
      const gain = at < rampSamples ? from + ((to - from) * (at + 1)) / rampSamples : to;
      limited[at] = bend((sum[at] ?? 0) * gain);
    }
    this.#gain = to;
    return limited;
  }
}
