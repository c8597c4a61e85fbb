import type { Playout } from "../../../bridge-task/audio/playout.ts";

/** The call's frame clock, as fast as the run goes; counts what it sent of each item. */
export class Mouth {
  /** By item. */
  readonly sentFrames = new Map<string, number>();
  /** How fast the call's time passes, from not at all. */
  framesPerTick = 0;
  readonly #playout: Playout;
  readonly #ticks: NodeJS.Timeout;

  constructor(playout: Playout) {
    this.#playout = playout;
    this.#ticks = setInterval(() => this.#tick(), 1);
  }

  close(): void {
    clearInterval(this.#ticks);
  }

  #tick(): void {
    for (let frame = 0; frame < this.framesPerTick; frame += 1) {
      const { itemId, voiced } = this.#playout.nextFrame();
      if (itemId !== null) this.sentFrames.set(itemId, (this.sentFrames.get(itemId) ?? 0) + 1);
      if (!voiced) return;
    }
  }
}
