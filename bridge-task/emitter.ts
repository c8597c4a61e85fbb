type Listener<Args extends unknown[]> = (...args: Args) => unknown;

/**
 * A typed emitter whose listeners cannot harm the emitter or each other: a listener that throws, or whose promise
 * rejects, is reported to `onListenerError` and the rest still run. Sources: mediasoup's safeEmit.
 */
export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never[]>>>();
  readonly #onListenerError: (event: string, error: unknown) => void;

  constructor(onListenerError: (event: string, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.add(listener as Listener<never[]>);
    this.#listeners.set(name, listeners);
    return () => this.off(name, listener);
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const off = this.on(name, (...args) => {
      off();
      return listener(...args);
    });
    return off;
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(name)?.delete(listener as Listener<never[]>);
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const result = (listener as Listener<Events[Name]>)(...args);
        if (result instanceof Promise) result.catch((error) => this.#onListenerError(String(name), error));
      } catch (error) {
        this.#onListenerError(String(name), error);
      }
    }
  }

  removeAllListeners(): void {
    this.#listeners.clear();
  }
}
