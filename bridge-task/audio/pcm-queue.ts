/** A FIFO of samples: pieces of any length in, pieces of the wanted length out. Pieces are kept, not copied. */
export class PcmQueue {
  #pieces: Int16Array[] = [];
  #head = 0;
  #length = 0;

  /** Samples that wait. */
  get length(): number {
    return this.#length;
  }

  push(pcm: Int16Array): void {
    if (pcm.length === 0) return;
    this.#pieces.push(pcm);
    this.#length += pcm.length;
  }

  /** Up to `sampleCount` samples from the front, as a copy. */
  take(sampleCount: number): Int16Array {
    const taken = new Int16Array(Math.min(sampleCount, this.#length));
    let filled = 0;
    while (filled < taken.length) {
      const piece = this.#pieces[this.#head];
      if (!piece) break;
      const part = piece.subarray(0, taken.length - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === piece.length) this.#head++;
      else this.#pieces[this.#head] = piece.subarray(part.length);
    }
    this.#length -= filled;
    this.#compact();
    return taken;
  }

  clear(): void {
    this.#pieces = [];
    this.#head = 0;
    this.#length = 0;
  }

  /** Array.shift() per piece would cost O(n) with minutes queued; dropping spent pieces now and then does not. */
  #compact(): void {
    if (this.#head < 64 && this.#head < this.#pieces.length) return;
    this.#pieces.splice(0, this.#head);
    this.#head = 0;
  }
}
