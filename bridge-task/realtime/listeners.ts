import { deferred } from "../deadline.ts";
import { SafeEmitter } from "../emitter.ts";

type Args<Events, Name extends keyof Events> = Events[Name] extends unknown[] ? Events[Name] : never;
type First<List> = List extends [infer Event, ...unknown[]] ? Event : undefined;
type AnyListener = (...args: unknown[]) => unknown;

/** How an application listens. A listener that throws, or whose promise rejects, is logged and harms nobody. */
export class Listeners<Events> {
  readonly #emitter: SafeEmitter<Record<string, unknown[]>>;
  /** Whoever waits for an event stops waiting at the end. */
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  /** @internal */
  constructor(onListenerError: (event: string, error: unknown) => void) {
    this.#emitter = new SafeEmitter(onListenerError);
  }

  /** Adds a listener and returns it. */
  on<Name extends keyof Events & string>(
    name: Name,
    listener: (...args: Args<Events, Name>) => unknown,
  ): typeof listener {
    this.#emitter.on(name, listener as AnyListener);
    return listener;
  }

  /** The same for the next event only. */
  onNext<Name extends keyof Events & string>(
    name: Name,
    listener: (...args: Args<Events, Name>) => unknown,
  ): typeof listener {
    this.#emitter.once(name, listener as AnyListener);
    return listener;
  }

  /** Removes a listener; without one, all of this name. */
  off<Name extends keyof Events & string>(name: Name, listener?: (...args: Args<Events, Name>) => unknown): true {
    this.#emitter.off(name, listener as AnyListener | undefined);
    return true;
  }

  /** Removes a listener of `onNext`; without one, all of this name. */
  offNext<Name extends keyof Events & string>(name: Name, listener?: (...args: Args<Events, Name>) => unknown): true {
    return this.off(name, listener);
  }

  /** Resolves with the next event of this name; with null after `timeoutMs`, or when the session ends without one. */
  async waitForNext<Name extends keyof Events & string>(
    name: Name,
    timeoutMs?: number,
  ): Promise<First<Events[Name]> | null> {
    if (this.#isOver) return null;
    const { promise, resolve } = deferred<unknown>();
    const giveUp = () => resolve(null);
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    this.#emitter.once(name, resolve);
    this.#waiting.add(giveUp);
    try {
      return (await promise) as First<Events[Name]> | null;
    } finally {
      clearTimeout(timer);
      this.#emitter.off(name, resolve);
      this.#waiting.delete(giveUp);
    }
  }

  /** Tells listeners of an event as if it had happened. */
  dispatch<Name extends keyof Events & string>(name: Name, ...args: Args<Events, Name>): true {
    this.#emitter.emit(name, ...args);
    return true;
  }

  clearEventHandlers(): true {
    this.#emitter.removeAllListeners();
    return true;
  }

  /** The same for an event whose name is known only now; not told where nobody listens. */
  protected tell(name: string, event: () => unknown[]): void {
    if (this.#emitter.isHeard(name)) this.#emitter.emit(name, ...event());
  }

  /** Nothing follows: waits end. */
  protected tellNoMore(): void {
    this.#isOver = true;
    for (const giveUp of [...this.#waiting]) giveUp();
  }
}
