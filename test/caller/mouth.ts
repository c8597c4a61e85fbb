import { frameSamples } from "../../bridge-task/audio/pcm.ts";
import { epochMs } from "../cloud/event-log.ts";

/** When something that was said left, Unix epoch in milliseconds. */
export interface Said {
  firstPacketAtMs: number;
  lastPacketAtMs: number;
}

interface Utterance {
  pcm: Int16Array;
  position: number;
  firstPacketAtMs: number;
  resolve: (said: Said) => void;
  reject: (error: Error) => void;
}

/** At most this many utterances wait; a test that queues more has lost its way. */
const maxWaiting = 32;

/** What a person says, one utterance after the other, cut into 20 ms frames; silence in between. */
export class Mouth {
  readonly #waiting: Utterance[] = [];
  readonly #silence = new Int16Array(frameSamples);

  say(pcm: Int16Array): Promise<Said> {
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(new Error(`${maxWaiting} utterances wait already: await say() before the next one`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    this.#waiting.push({ pcm, position: 0, firstPacketAtMs: 0, resolve, reject });
    return promise;
  }

  /** The next 20 ms. `done` is to be called once they were sent. */
  nextFrame(): { pcm: Int16Array; voiced: boolean; done: () => void } {
    const utterance = this.#waiting[0];
    if (!utterance) return { pcm: this.#silence, voiced: false, done: () => {} };
    if (utterance.position === 0) utterance.firstPacketAtMs = epochMs();
    const pcm = new Int16Array(frameSamples);
    pcm.set(utterance.pcm.subarray(utterance.position, utterance.position + frameSamples));
    utterance.position += frameSamples;
    if (utterance.position < utterance.pcm.length) return { pcm, voiced: true, done: () => {} };
    this.#waiting.shift();
    const { firstPacketAtMs } = utterance;
    return { pcm, voiced: true, done: () => utterance.resolve({ firstPacketAtMs, lastPacketAtMs: epochMs() }) };
  }

  /** What is still unsaid will not be said. */
  close(reason: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(reason));
  }
}
