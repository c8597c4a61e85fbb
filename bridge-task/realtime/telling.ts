import { SafeEmitter } from "../emitter.ts";

/** Tells events in the order in which they happened, also where a listener makes more of them happen. */
export class Telling<Events extends Record<keyof Events, unknown[]>> {
  readonly events: SafeEmitter<Events>;
  /** What is still to be told, oldest first. */
  #untold: (() => void)[] = [];
  /** Something is being told already, or what happens now has a cause that is told first. */
  #isLater = false;

  constructor(onListenerError: (event: string, error: unknown) => void) {
    this.events = new SafeEmitter(onListenerError);
  }

  tell<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    this.#untold.push(() => this.events.emit(name, ...args));
    this.#tellAll();
  }

  /** `tellCause` tells of what `work` is the effect of: it comes before all that `work` brings about. */
  asEffect(work: () => void, tellCause: () => void): void {
    this.#isLater = true;
    try {
      work();
    } finally {
      const effects = this.#untold;
      this.#untold = [];
      tellCause();
      this.#untold.push(...effects);
      this.#isLater = false;
    }
    this.#tellAll();
  }

  #tellAll(): void {
    if (this.#isLater) return;
    this.#isLater = true;
    try {
      for (let tell = this.#untold.shift(); tell !== undefined; tell = this.#untold.shift()) tell();
    } finally {
      this.#isLater = false;
    }
  }
}
