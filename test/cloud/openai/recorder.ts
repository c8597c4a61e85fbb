const samplesPerMs = 24;

/** Audio in order of arrival, bounded: once `maxMs` is reached the oldest goes. */
export class Recorder {
  readonly #maxSamples: number;
  #chunks: Int16Array[] = [];
  #samples = 0;
  #droppedSamples = 0;

  constructor(maxMs: number) {
    this.#maxSamples = maxMs * samplesPerMs;
  }

  push(pcm: Int16Array): void {
    this.#chunks.push(pcm);
    this.#samples += pcm.length;
    let dropped = 0;
    while (this.#samples > this.#maxSamples) {
      const length = this.#chunks[dropped]?.length ?? 0;
      this.#samples -= length;
      this.#droppedSamples += length;
      dropped += 1;
    }
    if (dropped > 0) this.#chunks.splice(0, dropped);
  }

  /** How much of the beginning is no longer there. */
  get droppedMs(): number {
    return this.#droppedSamples / samplesPerMs;
  }

  pcm(): Int16Array {
    const all = new Int16Array(this.#samples);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

/** When input audio arrived: for measurements. `atMs` is the Unix epoch in milliseconds, `endMs` the input clock after it. */
export interface Arrival {
  atMs: number;
  samples: number;
  endMs: number;
}

/** The latest arrivals, bounded. */
export class Arrivals {
  readonly #ring: Arrival[] = [];
  readonly #capacity = 100_000;
  #next = 0;

  push(arrival: Arrival): void {
    this.#ring[this.#next] = arrival;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  list(): Arrival[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
