import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../bridge-task/errors.ts";
import { createLogger } from "../../bridge-task/log.ts";
import { CoordinatorSocket } from "../../bridge-task/stream/coordinator-socket.ts";
import { retryIntervalMs } from "../../bridge-task/stream/retry.ts";
import { defaultTimeouts, type StreamTimeouts } from "../../bridge-task/stream/timeouts.ts";
import type { Json, StreamApi } from "./stream-api.ts";

export interface EventsSocketOptions {
  api: StreamApi;
  userId: string;
  /** A connection of this id is open, and watches nothing yet. */
  onOpen: (connectionId: string) => void;
  /** It is not any more; `error` in words. Once per trouble, not per attempt. */
  onLost: (error: string) => void;
  onMessage: (message: Json) => void;
  timeouts?: StreamTimeouts;
}

/** A socket that held so long was well: its loss begins the pauses anew. */
const wellAfterMs = 10_000;
/** After so many failures in a row it is tried once in a while only. */
const lastingAfter = 10;
const lastingPauseMs = 30_000;

/** Keeps one connection to the coordinator's WebSocket open, whatever happens to it, until it is closed. */
export class EventsSocket {
  readonly #options: EventsSocketOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #socket: CoordinatorSocket | undefined;

  constructor(options: EventsSocketOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Idempotent; never throws; takes a second at most. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#socket?.close("npm start -- --live ends");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let failureCount = 0; !signal.aborted; ) {
      const { error, heldMs } = await this.#stay();
      if (signal.aborted) return;
      if (heldMs > wellAfterMs) failureCount = 0;
      failureCount += 1;
      if (heldMs > 0 || failureCount === 1) this.#options.onLost(messageOf(error));
      const pauseMs = failureCount > lastingAfter ? lastingPauseMs : retryIntervalMs(failureCount - 1);
      // The pause ends early when this is closed.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection from its opening to its loss. Never throws. `heldMs`: how long it was open. */
  async #stay(): Promise<{ error: unknown; heldMs: number }> {
    const { api, userId, onOpen, onMessage, timeouts = defaultTimeouts } = this.#options;
    let openedAtMs: number | undefined;
    let error: unknown;
    const logger = createLogger({ level: "warn", write: (line) => process.stderr.write(`${line}\n`) });
    this.#socket = new CoordinatorSocket({ ...api.eventSource(userId), timeouts, logger, onMessage });
    try {
      const connectionId = await this.#socket.open();
      openedAtMs = performance.now();
      if (!this.#closing.signal.aborted) onOpen(connectionId);
      error = await this.#socket.lost;
    } catch (thrown) {
      error = thrown;
    }
    await this.#socket.close("lost");
    return { error, heldMs: openedAtMs === undefined ? 0 : performance.now() - openedAtMs };
  }
}
