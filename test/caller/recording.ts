import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";

/** Adds without wrapping around. */
const clampedSum = (a: number, b: number): number => Math.max(-32_768, Math.min(32_767, a + b));

/**
 * Audio on a wall-clock timeline: 24 kHz mono, addressed by Unix epoch milliseconds. What is written twice is mixed.
 * Bounded: only the latest `maxSeconds` are kept; what lies before is forgotten and reads as silence.
 */
export class Recording {
  readonly startedAtMs: number;
  readonly #ring: Int16Array;
  /** Samples since the start up to which the ring is valid; everything from here on is silence. */
  #endSample = 0;

  constructor(startedAtMs: number, maxSeconds = 180) {
    this.startedAtMs = startedAtMs;
    this.#ring = new Int16Array(maxSeconds * 1_000 * samplesPerMs);
  }

  /** Sample index of a time, counted from the start. */
  sampleAt(atMs: number): number {
    return Math.round((atMs - this.startedAtMs) * samplesPerMs);
  }

  timeOf(sample: number): number {
    return this.startedAtMs + sample / samplesPerMs;
  }

  /** End of what has been written. */
  get endsAtMs(): number {
    return this.timeOf(this.#endSample);
  }

  /** Mixes `pcm` in from `sample` on. Samples before the start or older than what is kept are left out. */
  write(sample: number, pcm: Int16Array): void {
    const capacity = this.#ring.length;
    this.#extendTo(sample + pcm.length);
    const oldest = Math.max(0, this.#endSample - capacity);
    for (let index = Math.max(0, oldest - sample); index < pcm.length; index += 1) {
      const at = (sample + index) % capacity;
      this.#ring[at] = clampedSum(this.#ring[at] ?? 0, pcm[index] ?? 0);
    }
  }

  /** A copy of `[fromMs, toMs)`, silence where nothing is known. */
  read(fromMs = this.startedAtMs, toMs = this.endsAtMs): Int16Array {
    const from = this.sampleAt(fromMs);
    const result = new Int16Array(Math.max(0, this.sampleAt(toMs) - from));
    const oldest = Math.max(0, this.#endSample - this.#ring.length);
    for (let index = Math.max(0, oldest - from); index < result.length && from + index < this.#endSample; index += 1) {
      result[index] = this.#ring[(from + index) % this.#ring.length] ?? 0;
    }
    return result;
  }

  /** Moves the end forward; the ring's places that this opens hold old audio and are silenced. */
  #extendTo(endSample: number): void {
    const capacity = this.#ring.length;
    const from = Math.max(this.#endSample, endSample - capacity);
    for (let sample = from; sample < endSample; sample += 1) this.#ring[sample % capacity] = 0;
    this.#endSample = Math.max(this.#endSample, endSample);
  }
}
