import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { attemptWebhook } from "../cloud/stream/coordinator/webhook-attempt.ts";
import {
  type AttemptOutcome,
  requestBudgetMs,
  retries,
  streamWebhookPolicy,
  type WebhookPolicy,
} from "../cloud/stream/coordinator/webhook-policy.ts";
import type { StreamEvent } from "./call-facts.ts";
import { type Json, objectOf } from "./stream-api.ts";

/** One attempt, as a person wants to follow it. */
export interface Attempt {
  event: StreamEvent;
  attempt: number;
  outcome: AttemptOutcome;
  /** What the webhook answered; empty where it was no JSON object. */
  answer: Json;
}

export interface HookCourierOptions {
  url: string;
  streamApiKey: string;
  streamApiSecret: string;
  onAttempt: (attempt: Attempt) => void;
  /** Too many wait: this one is not delivered. */
  onDropped: (event: StreamEvent) => void;
  policy?: WebhookPolicy;
}

/** Events that wait or are on their way. */
const maxPending = 500;
const maxAtOnce = 8;

/**
 * Posts events to the webhook as Stream does: signed, with a delivery id that stays over the attempts, tried again by Stream's
 * policy. Those of one call go one after the other, which Stream does not promise.
 */
export class HookCourier {
  readonly #options: HookCourierOptions;
  readonly #policy: WebhookPolicy;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #waiting: StreamEvent[] = [];

  constructor(options: HookCourierOptions) {
    this.#options = options;
    this.#policy = options.policy ?? streamWebhookPolicy;
  }

  /** Returns at once. */
  send(event: StreamEvent): void {
    if (this.#closing.signal.aborted) return;
    if (this.#waiting.length + this.#running.size >= maxPending) {
      this.#options.onDropped(event);
      return;
    }
    this.#waiting.push(event);
    this.#next();
  }

  /** What waits is given up. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#waiting = [];
    await Promise.all(this.#running.values());
  }

  #next(): void {
    while (this.#running.size < maxAtOnce) {
      const index = this.#waiting.findIndex(({ call_cid }) => !this.#running.has(call_cid));
      const [event] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (event === undefined) return;
      const run = this.#deliver(event).finally(() => {
        this.#running.delete(event.call_cid);
        this.#next();
      });
      this.#running.set(event.call_cid, run);
    }
  }

  async #deliver(event: StreamEvent): Promise<void> {
    const { signal } = this.#closing;
    const { url, streamApiKey, streamApiSecret } = this.#options;
    const body = JSON.stringify(event);
    const id = randomUUID();
    const startedAtMs = performance.now();
    const elapsedMs = () => performance.now() - startedAtMs;
    for (let attempt = 1; ; attempt += 1) {
      const { outcome, text } = await attemptWebhook({
        url,
        apiKey: streamApiKey,
        apiSecret: streamApiSecret,
        id,
        attempt,
        body,
        timeoutMs: requestBudgetMs(elapsedMs(), this.#policy),
        closing: signal,
      });
      if (signal.aborted) return;
      this.#options.onAttempt({ event, attempt, outcome, answer: readAnswer(text) });
      if (!retries(attempt, outcome, elapsedMs(), this.#policy)) return;
      // The pause ends early when this is closed, and nothing is sent after it then.
      await sleep(this.#policy.retryDelayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}

const readAnswer = (text: string): Json => {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    // A function that failed answers otherwise: its status says what there is to say.
    return {};
  }
};
