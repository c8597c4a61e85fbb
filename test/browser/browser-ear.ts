import path from "node:path";
import type { BrowserContext } from "playwright-core";
import { frameSamples, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { TimeoutError } from "../../bridge-task/errors.ts";
import { epochMs } from "../cloud/event-log.ts";

/* Audio comes in blocks of 100 ms; voice is judged by frames of 20 ms. */
/** Louder than comfort noise and codec residue, softer than every test signal. */
const voicedAmplitude = 400;

const isVoiced = (frame: Int16Array): boolean => {
  let power = 0;
  for (const sample of frame) power += sample * sample;
  return Math.sqrt(power / Math.max(1, frame.length)) > voicedAmplitude;
};

/** What a page in the browser received from others: 24 kHz mono, gapless from its first remote track on. */
export class BrowserEar {
  readonly #blocks: Int16Array[] = [];
  #sampleCount = 0;
  /** Epoch of the first sample, if audio came without delay: the smallest of all estimates is the nearest. */
  #startedAtMs = Number.POSITIVE_INFINITY;
  /** For each 20 ms whether there was voice. */
  readonly #voiced: boolean[] = [];
  readonly #watchers = new Set<() => void>();

  /** Records every page that will be opened in this context. */
  static async attach(context: BrowserContext): Promise<BrowserEar> {
    const ear = new BrowserEar();
    await context.exposeFunction("heardRemoteAudio", (base64: string) => ear.#push(base64));
    await context.addInitScript({ path: path.join(import.meta.dirname, "record-remote-audio.js") });
    return ear;
  }

  /** Everything heard from `fromSample` on. */
  pcm(fromSample = 0): Int16Array {
    const all = new Int16Array(this.#sampleCount);
    let at = 0;
    for (const block of this.#blocks) {
      all.set(block, at);
      at += block.length;
    }
    return all.subarray(Math.max(0, fromSample));
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  /** Where in the recording that moment is. */
  sampleAt(atEpochMs: number): number {
    return Math.round((atEpochMs - this.#startedAtMs) * samplesPerMs);
  }

  /** Milliseconds of voice from that sample on, in frames of 20 ms. */
  voicedMs(fromSample: number): number {
    return this.#voiced.slice(Math.max(0, Math.ceil(fromSample / frameSamples))).filter(Boolean).length * 20;
  }

  /**
   * Where the first silence of `quietMs` from that sample on begins, once it was heard. Judged by the recording, so it does
   * not matter when this is called.
   */
  async silenceAfter(fromSample: number, quietMs: number, timeoutMs: number, what: string): Promise<number> {
    let began: number | undefined;
    const find = (): boolean => {
      let quietFrames = 0;
      const first = Math.max(0, Math.ceil(fromSample / frameSamples));
      for (let frame = first; frame < this.#voiced.length && began === undefined; frame += 1) {
        quietFrames = this.#voiced[frame] ? 0 : quietFrames + 1;
        if (quietFrames * 20 >= quietMs) began = (frame + 1 - quietFrames) * frameSamples;
      }
      return began !== undefined;
    };
    await this.until(find, timeoutMs, what);
    return began ?? fromSample;
  }

  /** Checked with each block of received audio. Rejects after `timeoutMs`. */
  async until(condition: () => boolean, timeoutMs: number, what: string): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => {
      if (condition()) resolve();
    };
    const timer = setTimeout(() => {
      const heard = `${Math.round(this.#sampleCount / samplesPerMs)} ms received, ${this.voicedMs(0)} ms of it voice`;
      reject(new TimeoutError(`${what} (${heard})`, timeoutMs));
    }, timeoutMs);
    this.#watchers.add(check);
    await promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(check);
    });
  }

  #push(base64: string): void {
    const bytes = Buffer.from(base64, "base64");
    const block = new Int16Array(bytes.length / 2);
    for (let at = 0; at < block.length; at += 1) block[at] = bytes.readInt16LE(at * 2);
    for (let at = 0; at < block.length; at += frameSamples)
      this.#voiced.push(isVoiced(block.subarray(at, at + frameSamples)));
    this.#blocks.push(block);
    this.#sampleCount += block.length;
    this.#startedAtMs = Math.min(this.#startedAtMs, epochMs() - this.#sampleCount / samplesPerMs);
    for (const watcher of [...this.#watchers]) watcher();
  }
}
