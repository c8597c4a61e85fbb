import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
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
    const body = JSON.stringify(event);
    const id = randomUUID();
    const startedAtMs = performance.now();
    const elapsedMs = () => performance.now() - startedAtMs;
    for (let attempt = 1; ; attempt += 1) {
      const { outcome, answer } = await this.#attempt(id, attempt, body, requestBudgetMs(elapsedMs(), this.#policy));
      if (signal.aborted) return;
      this.#options.onAttempt({ event, attempt, outcome, answer });
      if (!retries(attempt, outcome, elapsedMs(), this.#policy)) return;
      // The pause ends early when this is closed, and nothing is sent after it then.
      await sleep(this.#policy.retryDelayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  async #attempt(
    id: string,
    attempt: number,
    body: string,
    timeoutMs: number,
  ): Promise<{ outcome: AttemptOutcome; answer: Json }> {
    const { url, streamApiKey, streamApiSecret } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(url, {
        method: "POST",
        signal: AbortSignal.any([timeout, this.#closing.signal]),
        headers: {
          "content-type": "application/json",
          "x-webhook-id": id,
          "x-webhook-attempt": String(attempt),
          "x-api-key": streamApiKey,
          "x-signature": createHmac("sha256", streamApiSecret).update(body).digest("hex"),
        },
        body,
      });
      const text = await response.text();
      return { outcome: { kind: "status", status: response.status }, answer: readAnswer(text) };
    } catch {
      // Why a request failed does not matter to Stream's policy, only whether its time was up.
      return { outcome: { kind: timeout.aborted ? "timeout" : "network" }, answer: {} };
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
