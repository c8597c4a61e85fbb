import { samplesPerMs } from "./pcm.ts";

/**
 * Keeps audio that may not be sent yet, and the commits between it, in order. At most `maxHeldMs` of audio: then the oldest goes
 * first, as what was said last is what wants an answer.
 */
export class AudioGate {
  readonly #maxHeldSamples: number;
  #held: (Int16Array | "commit")[] = [];
  #heldSamples = 0;
  #samplesSinceCommit = 0;
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
    this.#samplesSinceCommit += pcm.length;
    while (this.#heldSamples > this.#maxHeldSamples) {
      const oldest = this.#held.shift();
      if (oldest === undefined) return;
      if (oldest === "commit") continue;
      this.#heldSamples -= oldest.length;
      this.#droppedSamples += oldest.length;
    }
  }

  /** What is held up to here becomes a message. */
  holdCommit(): void {
    this.#held.push("commit");
    this.#samplesSinceCommit = 0;
  }

  /** Held audio that no commit holds yet. */
  get samplesSinceCommit(): number {
    return this.#samplesSinceCommit;
  }

  get holdsCommit(): boolean {
    return this.#held.includes("commit");
  }

  /** Forgets all that is held. */
  clear(): void {
    this.#held = [];
    this.#heldSamples = 0;
    this.#samplesSinceCommit = 0;
  }

  /** All that was held, in order; the gate is empty afterwards. */
  release(): (Int16Array | "commit")[] {
    const held = this.#held;
    this.clear();
    return held;
  }
}
