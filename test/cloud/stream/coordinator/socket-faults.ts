import type { Json } from "./fields.ts";

/** What may go wrong on the coordinator's sockets. Each holds until changed. */
export class CoordinatorSocketFaults {
  /** False: health checks go unanswered. */
  answersHealthChecks = true;
  /** New connections are cut off before they open. */
  refuses = false;
  /** The next `count` connections get this error instead of a yes. */
  error: { code: number; status: number; count: number } | undefined;
  /** Events are so late. */
  delayMs = 0;
  /** Types of events that never arrive, on no socket. */
  withheld: readonly string[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  /** The error that a connection gets now, if any; counts it. */
  takeError(): { code: number; status: number } | undefined {
    if (!this.error || this.error.count <= 0) return undefined;
    this.error.count -= 1;
    return this.error;
  }

  /** Passes an event on as the faults want it: not at all, now, or later; those of one delay in order. */
  deliver(event: Json, send: (event: Json) => void): void {
    if (this.withheld.includes(String(event.type))) return;
    if (this.delayMs === 0) {
      send(event);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      send(event);
    }, this.delayMs);
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
