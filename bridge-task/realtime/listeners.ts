import { deferred } from "../deadline.ts";
import { SafeEmitter } from "../emitter.ts";
import { InvalidInputError } from "../errors.ts";

type Args<Events, Name extends keyof Events> = Events[Name] extends unknown[] ? Events[Name] : never;
type First<List> = List extends [infer Event, ...unknown[]] ? Event : undefined;
type AnyListener = (...args: unknown[]) => unknown;

const checked = (name: string, listener: unknown): AnyListener => {
  if (typeof listener === "function") return listener as AnyListener;
  throw new InvalidInputError(`a listener is a function: on("${name}", (event) => …)`);
};

/** How an application listens. A listener that throws, or whose promise rejects, is logged and harms nobody. */
export class Listeners<Events> {
  readonly #emitter: SafeEmitter<Record<string, unknown[]>>;
  /** Whoever waits for an event, by its name. They are no listeners: `off` is not for them. */
  readonly #waiting = new Map<string, Set<(event: unknown) => void>>();
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
    this.#emitter.on(name, checked(name, listener));
    return listener;
  }

  /** The same for the next event only. */
  onNext<Name extends keyof Events & string>(
    name: Name,
    listener: (...args: Args<Events, Name>) => unknown,
  ): typeof listener {
    this.#emitter.once(name, checked(name, listener));
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
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => resolve(null), timeoutMs);
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(resolve));
    try {
      return (await promise) as First<Events[Name]> | null;
    } finally {
      clearTimeout(timer);
      waiting.delete(resolve);
    }
  }

  /** Tells listeners of an event as if it had happened. */
  dispatch<Name extends keyof Events & string>(name: Name, ...args: Args<Events, Name>): true {
    this.tell(name, () => args);
    return true;
  }

  clearEventHandlers(): true {
    this.#emitter.removeAllListeners();
    return true;
  }

  /** Like `dispatch`, for a name that is known only now. The event is not made where nobody listens, and nothing follows the end. */
  protected tell(name: string, event: () => unknown[]): void {
    const waiting = this.#waiting.get(name);
    const isAwaited = waiting !== undefined && waiting.size > 0;
    if (this.#isOver || !(isAwaited || this.#emitter.isHeard(name))) return;
    const args = event();
    for (const resolve of waiting ?? []) resolve(args[0]);
    this.#emitter.emit(name, ...args);
  }

  /** Nothing follows: waits end. */
  protected tellNoMore(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.values()) for (const resolve of waiting) resolve(null);
  }
}
