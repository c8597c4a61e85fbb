type Listener<Args extends unknown[]> = (...args: Args) => unknown;

/**
 * A typed emitter whose listeners cannot harm the emitter or each other: a listener that throws, or whose promise
 * rejects, is reported to `onListenerError` and the rest still run. Sources: mediasoup's safeEmit.
 */
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> {
  /** By name, each listener with whether it hears one event only. */
  readonly #listeners = new Map<keyof Events, Map<Listener<never[]>, "always" | "once">>();
  readonly #anyListeners = new Set<(name: keyof Events, args: unknown[]) => unknown>();
  readonly #onListenerError: (event: string, error: unknown) => void;

  constructor(onListenerError: (event: string, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener; the result removes it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    this.#of(name).set(listener as Listener<never[]>, "always");
    return () => this.off(name, listener);
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#of(name);
    if (!listeners.has(listener as Listener<never[]>)) listeners.set(listener as Listener<never[]>, "once");
    return () => this.off(name, listener);
  }

  /** Hears every event, after those who listen to it by name. */
  onAny(listener: (name: keyof Events, args: unknown[]) => unknown): void {
    this.#anyListeners.add(listener);
  }

  /** Without a listener, all of this name. */
  off<Name extends keyof Events>(name: Name, listener?: Listener<Events[Name]>): void {
    if (listener === undefined) this.#listeners.delete(name);
    else this.#listeners.get(name)?.delete(listener as Listener<never[]>);
  }

  isHeard(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const [listener, lasting] of [...(this.#listeners.get(name) ?? [])]) {
      // Told already by an event within this one, or removed by a listener before.
      if (this.#listeners.get(name)?.get(listener) !== lasting) continue;
      if (lasting === "once") this.#listeners.get(name)?.delete(listener);
      this.#call(name, () => (listener as Listener<Events[Name]>)(...args));
    }
    for (const listener of this.#anyListeners) this.#call(name, () => listener(name, args));
  }

  removeAllListeners(): void {
    this.#listeners.clear();
    this.#anyListeners.clear();
  }

  #of(name: keyof Events): Map<Listener<never[]>, "always" | "once"> {
    const listeners = this.#listeners.get(name) ?? new Map<Listener<never[]>, "always" | "once">();
    this.#listeners.set(name, listeners);
    return listeners;
  }

  #call(name: keyof Events, listener: () => unknown): void {
    try {
      const result = listener();
      if (result instanceof Promise) result.catch((error) => this.#onListenerError(String(name), error));
    } catch (error) {
      this.#onListenerError(String(name), error);
    }
  }
}
