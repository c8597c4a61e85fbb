import { deferred, withDeadline } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { AgentEvent } from "./events.ts";
import { fitted } from "./fit.ts";
import { Outbox } from "./outbox.ts";

export interface AnnouncerOptions {
  send: (event: AgentEvent) => Promise<unknown>;
  logger: Logger;
}

const sendTimeoutMs = 5_000;
/** After a failure nothing is sent for this long, twice as long after each further one. */
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/**
 * Tells people in the call, one event at a time, at the outbox's rate. Whoever offers never waits, and what cannot be sent ends
 * nothing: the first failure is a warning in the log, and captions and tools of it are lost.
 */
export class Announcer {
  readonly #send: AnnouncerOptions["send"];
  readonly #logger: Logger;
  readonly #outbox = new Outbox();
  readonly #empty = deferred();
  #timer: NodeJS.Timeout | undefined;
  #pausedUntilMs = 0;
  #failureCount = 0;
  #isSending = false;
  /** `closing`: nothing new is taken. */
  #phase: "open" | "closing" | "closed" = "open";

  constructor({ send, logger }: AnnouncerOptions) {
    this.#send = send;
    this.#logger = logger;
  }

  offer(event: AgentEvent): void {
    if (this.#phase !== "open") return;
    this.#outbox.offer(event);
    this.#pump();
  }

  sayStateAgain(): void {
    if (this.#phase !== "open") return;
    this.#outbox.sayStateAgain(new Date().toISOString());
    this.#pump();
  }

  /** Resolves when everything is told, or after this time. Never rejects. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#phase === "open") {
      this.#phase = "closing";
      this.#outbox.finish();
      // There is no later: what is left is tried now, and a few times more.
      this.#pausedUntilMs = 0;
      this.#failureCount = 0;
      this.#pump();
    }
    await withDeadline(this.#empty.promise, timeoutMs, "telling the call").catch((error) =>
      this.#logger.warn("in_call_events_unsent", { error }),
    );
    this.#phase = "closed";
    clearTimeout(this.#timer);
    const { droppedCount } = this.#outbox;
    if (droppedCount > 0) this.#logger.warn("in_call_events_dropped", { droppedCount });
  }

  #pump(): void {
    if (this.#isSending || this.#phase === "closed") return;
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    const pauseMs = this.#pausedUntilMs - nowMs;
    const next = pauseMs > 0 ? { waitMs: pauseMs } : this.#outbox.next(nowMs);
    if (next === undefined) {
      if (this.#phase === "closing") this.#empty.resolve();
    } else if ("event" in next) void this.#tell(next.event);
    else this.#timer = setTimeout(() => this.#pump(), Math.ceil(next.waitMs));
  }

  async #tell(event: AgentEvent): Promise<void> {
    this.#isSending = true;
    try {
      await withDeadline(this.#send(fitted(event)), sendTimeoutMs, "sending a custom event");
      this.#failureCount = 0;
    } catch (error) {
      this.#failureCount += 1;
      this.#outbox.failed(event);
      this.#pausedUntilMs =
        performance.now() + Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(10, this.#failureCount - 1));
      if (this.#failureCount === 1) this.#logger.warn("in_call_event_failed", { type: event.type, error });
    }
    this.#isSending = false;
    this.#pump();
  }
}
