import { samplesPerMs } from "./pcm.ts";

/**
 * Keeps audio that may not be sent yet, in order. At most `maxHeldMs` of it: then the oldest goes first, as what was said
 * last is what wants an answer.
 */
export class AudioGate {
  readonly #maxHeldSamples: number;
  #held: Int16Array[] = [];
  #heldSamples = 0;
  #droppedSamples = 0;

  constructor(maxHeldMs: number) {
    this.#maxHeldSamples = maxHeldMs * samplesPerMs;
  }

  get heldMs(): number {
    return this.#heldSamples / samplesPerMs;
  }

  get droppedMs(): number {
    return this.#droppedSamples / samplesPerMs;
  }

  /** Keeps a copy: the caller may use its frame again. */
  hold(pcm: Int16Array): void {
    this.#held.push(pcm.slice());
    this.#heldSamples += pcm.length;
    while (this.#heldSamples > this.#maxHeldSamples) {
      const oldest = this.#held.shift();
      if (oldest === undefined) return;
      this.#heldSamples -= oldest.length;
      this.#droppedSamples += oldest.length;
    }
  }

  /** All that was held, in order; the gate is empty afterwards. */
  release(): Int16Array[] {
    const held = this.#held;
    this.#held = [];
    this.#heldSamples = 0;
    return held;
  }
}
