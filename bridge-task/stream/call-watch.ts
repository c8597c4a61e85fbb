import { setTimeout as sleep } from "node:timers/promises";
import { deferred } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type CallEvent, type CallState, readCallEvent } from "./call-events.ts";
import type { Coordinator } from "./coordinator.ts";
import { CoordinatorSocket } from "./coordinator-socket.ts";
import { CoordinatorError } from "./errors.ts";
import { retryIntervalMs } from "./retry.ts";
import type { StreamTimeouts } from "./timeouts.ts";

export interface CallWatchOptions {
  coordinator: Coordinator;
  timeouts: StreamTimeouts;
  logger: Logger;
  /** The call's events arrive from now on; the call as it is, where Stream told it. */
  onWatched: (call: CallState | undefined) => void;
  /** They do not any more. After `onWatched`, never without it. */
  onLost: () => void;
  onEvent: (event: CallEvent) => void;
}

/** API code of a token that has expired: a new one is accepted at once. */
const tokenExpired = 40;
/** A socket that held so long was well: its loss begins the pauses anew. */
const wellAfterMs = 10_000;
/** After so many failures in a row it is no passing trouble: then it is tried once a minute, within the app's rate limits. */
const lastingAfter = 10;
const lastingPauseMs = 60_000;
/** Attempts after which those who wait for the events shall wait no longer. */
const patience = 2;

const pauseAfter = (failureCount: number): number =>
  failureCount > lastingAfter ? lastingPauseMs : Math.round(retryIntervalMs(failureCount - 1));

/**
 * Keeps the events of a call coming, for as long as it is open: a socket to the coordinator, a request that makes it carry
 * this call's events, and both again after each loss. It owns the socket. All failures are warnings.
 */
export class CallWatch {
  readonly #options: CallWatchOptions;
  readonly #closing = new AbortController();
  readonly #watching = deferred();
  #running: Promise<void> | undefined;
  #socket: CoordinatorSocket | undefined;
  #failureCount = 0;

  constructor(options: CallWatchOptions) {
    this.#options = options;
  }

  /** Resolves when the events arrive, or when it is clear that they will not for now. Never rejects. */
  get watching(): Promise<void> {
    return this.#watching.promise;
  }

  /** Idempotent. */
  open(): void {
    this.#running ??= this.#run();
  }

  /** Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#watching.resolve();
    await this.#socket?.close("leaving the call");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const patienceTimer = setTimeout(this.#watching.resolve, this.#options.timeouts.watchingMs);
    let wasExpired = false;
    while (!signal.aborted) {
      const { error, heldMs } = await this.#stay();
      if (signal.aborted) break;
      if (heldMs > wellAfterMs) this.#failureCount = 0;
      this.#failureCount += 1;
      if (this.#failureCount >= patience) this.#watching.resolve();
      const isExpired = error instanceof CoordinatorError && error.apiCode === tokenExpired;
      // A new token that has expired as well means that our clock is wrong: no reason to hurry.
      const pauseMs = isExpired && !wasExpired ? 0 : pauseAfter(this.#failureCount);
      wasExpired = isExpired;
      this.#report(error, heldMs > 0, pauseMs);
      // The pause ends early when we leave: nothing is left to be done then.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    clearTimeout(patienceTimer);
  }

  /** One connection from its opening to its loss. Never throws. `heldMs`: how long events arrived. */
  async #stay(): Promise<{ error: unknown; heldMs: number }> {
    const { coordinator, logger, onWatched, onLost } = this.#options;
    let watchedAtMs: number | undefined;
    let error: unknown;
    try {
      this.#socket = this.#connection();
      const call = await coordinator.watch(await this.#socket.open(), this.#closing.signal);
      this.#closing.signal.throwIfAborted();
      watchedAtMs = performance.now();
      onWatched(call);
      logger.debug("call_watched", { failureCount: this.#failureCount });
      this.#watching.resolve();
      error = await this.#socket.lost;
    } catch (thrown) {
      error = thrown;
    }
    await this.#socket?.close("lost");
    if (watchedAtMs === undefined) return { error, heldMs: 0 };
    onLost();
    return { error, heldMs: performance.now() - watchedAtMs };
  }

  #connection(): CoordinatorSocket {
    const { coordinator, timeouts, logger, onEvent } = this.#options;
    const onMessage = (message: Record<string, unknown>) => {
      const event = readCallEvent(message, coordinator.cid);
      if (event) onEvent(event);
    };
    return new CoordinatorSocket({ ...coordinator.eventSource(), timeouts, logger, onMessage });
  }

  /** One warning per trouble, not one per attempt. */
  #report(error: unknown, wasWatched: boolean, pauseMs: number): void {
    const { logger } = this.#options;
    const fields = { error: messageOf(error), failureCount: this.#failureCount, pauseMs };
    if (wasWatched) logger.warn("call_events_lost", fields);
    else if (this.#failureCount === 1) logger.warn("call_events_unavailable", fields);
    else logger.debug("call_events_unavailable", fields);
  }
}
