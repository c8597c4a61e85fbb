import { deferred, unlessAborted, withDeadline } from "../deadline.ts";
import { BridgeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { EventQueue, isEssential } from "./event-queue.ts";
import type { OutgoingEvent } from "./events.ts";

export interface Try {
  /** JSON text. */
  body: string;
  eventId: string;
  timeoutMs: number;
  /** Nobody waits for the answer any more. */
  signal: AbortSignal;
}

export interface CourierOptions {
  /** Rejects where the answer is not 2xx: with a BridgeError that is not retryable where another try is in vain. */
  post: (oneTry: Try) => Promise<unknown>;
  logger: Logger;
}

interface Delivery {
  event: OutgoingEvent;
  abandoned: AbortController;
}

const tryTimeoutMs = 5_000;
/** Before the second and the third try. */
const backOffsMs = [1_000, 3_000];
/** Once the stay is over, there is not that much time. */
const lastTryTimeoutMs = 2_000;
const lastBackOffMs = 250;

/**
 * Delivers events to the application's backend, one after the other, three tries each. Whoever sends never waits; a backend that
 * is slow or gone costs events, never sound.
 */
export class Courier {
  readonly #post: CourierOptions["post"];
  readonly #logger: Logger;
  readonly #queue = new EventQueue();
  readonly #empty = deferred();
  /** What is being delivered. */
  #current: Delivery | undefined;
  /** Ends the wait for another try. */
  #hurry: () => void = () => undefined;
  #phase: "open" | "closing" | "closed" = "open";
  #failedCount = 0;

  constructor({ post, logger }: CourierOptions) {
    this.#post = post;
    this.#logger = logger;
  }

  send(event: OutgoingEvent): void {
    if (this.#phase !== "open") return;
    this.#queue.push(event);
    if (this.#current === undefined) void this.#deliverAll();
  }

  /**
   * Resolves when everything is delivered or given up, or after this time; past the half of it turns and tools are left out, so
   * that the end arrives. Never rejects. Idempotent.
   */
  async close(timeoutMs: number): Promise<void> {
    if (this.#phase === "open") this.#phase = "closing";
    if (this.#current === undefined) this.#empty.resolve();
    this.#hurry();
    const half = setTimeout(() => this.#keepEssential(), timeoutMs / 2);
    await withDeadline(this.#empty.promise, timeoutMs, "delivering the last events").catch((error) =>
      this.#logger.warn("events_undelivered", { count: this.#queue.length + 1, error }),
    );
    clearTimeout(half);
    this.#phase = "closed";
    this.#current?.abandoned.abort();
    this.#hurry();
    if (this.#queue.droppedCount > 0) this.#logger.warn("events_dropped", { count: this.#queue.droppedCount });
  }

  #keepEssential(): void {
    this.#queue.keepEssential();
    if (this.#current !== undefined && !isEssential(this.#current.event)) this.#current.abandoned.abort();
    this.#hurry();
  }

  async #deliverAll(): Promise<void> {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      this.#current = { event, abandoned: new AbortController() };
      await this.#deliver(this.#current);
      if (this.#phase === "closed") break;
    }
    this.#current = undefined;
    if (this.#phase !== "open") this.#empty.resolve();
  }

  async #deliver({ event, abandoned: { signal } }: Delivery): Promise<void> {
    const { droppedCount: droppedEventCount } = this.#queue;
    const body = JSON.stringify(event.type === "agent.left" ? { ...event, droppedEventCount } : event);
    for (const backOffMs of [...backOffsMs, undefined]) {
      try {
        await this.#try(event, body, signal);
        return;
      } catch (error) {
        const isInVain = signal.aborted || (error instanceof BridgeError && !error.retryable);
        if (!isInVain && backOffMs !== undefined) await this.#wait(backOffMs);
        if (isInVain || backOffMs === undefined || signal.aborted) {
          this.#gaveUp(event, error);
          return;
        }
      }
    }
  }

  #try({ id: eventId, type }: OutgoingEvent, body: string, signal: AbortSignal): Promise<unknown> {
    const timeoutMs = this.#phase === "open" ? tryTimeoutMs : lastTryTimeoutMs;
    const posted = this.#post({ body, eventId, timeoutMs, signal });
    return unlessAborted(withDeadline(posted, timeoutMs, `delivering ${type}`), signal, `delivering ${type}`);
  }

  async #wait(backOffMs: number): Promise<void> {
    const { promise, resolve } = deferred();
    const timer = setTimeout(resolve, this.#phase === "open" ? backOffMs : lastBackOffMs);
    this.#hurry = resolve;
    await promise;
    clearTimeout(timer);
  }

  #gaveUp({ type, id }: OutgoingEvent, error: unknown): void {
    this.#queue.gaveUp();
    this.#failedCount += 1;
    // The first, the tenth, the hundredth: a backend that is gone would fill the log.
    if (!/^10*$/.test(String(this.#failedCount))) return;
    this.#logger.warn("event_undeliverable", { type, id, count: this.#failedCount, error });
  }
}
