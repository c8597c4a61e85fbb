/** Something that happened in the local cloud. `atMs` is the Unix epoch in milliseconds with a fraction (same clock in every process). */
export interface CloudEvent {
  seq: number;
  atMs: number;
  source: "stream" | "openai" | "aws" | "control";
  type: string;
  data: Record<string, unknown>;
}

/** Epoch milliseconds with sub-millisecond digits, comparable between processes of one machine. */
export const epochMs = (): number => performance.timeOrigin + performance.now();

/** What happened, in order, bounded: the oldest events go first once `capacity` is reached. */
export class EventLog {
  #events: CloudEvent[] = [];
  #seq = 0;
  readonly #capacity: number;
  readonly #watchers = new Set<(event: CloudEvent) => void>();

  constructor(capacity = 100_000) {
    this.#capacity = capacity;
  }

  record(source: CloudEvent["source"], type: string, data: Record<string, unknown> = {}): CloudEvent {
    this.#seq += 1;
    const event = { seq: this.#seq, atMs: epochMs(), source, type, data };
    this.#events.push(event);
    if (this.#events.length > this.#capacity) this.#events.splice(0, this.#capacity / 10);
    for (const watcher of [...this.#watchers]) watcher(event);
    return event;
  }

  /** Events with a `seq` above `after`. */
  since(after = 0): CloudEvent[] {
    return this.#events.filter((event) => event.seq > after);
  }

  /** Resolves with the first event, past or to come, for which `match` holds; rejects after `timeoutMs`. */
  waitFor(match: (event: CloudEvent) => boolean, timeoutMs: number, what: string): Promise<CloudEvent> {
    const known = this.#events.find(match);
    if (known) return Promise.resolve(known);
    const { promise, resolve, reject } = Promise.withResolvers<CloudEvent>();
    const watcher = (event: CloudEvent) => match(event) && resolve(event);
    const timer = setTimeout(() => reject(new Error(`${what}: not seen within ${timeoutMs} ms`)), timeoutMs);
    this.#watchers.add(watcher);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }

  watch(watcher: (event: CloudEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
