import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type EventLog, epochMs } from "../../event-log.ts";
import type { AppSettings } from "./app.ts";
import type { Json } from "./fields.ts";
import { attemptWebhook } from "./webhook-attempt.ts";
import {
  type AttemptOutcome,
  delivered,
  requestBudgetMs,
  retries,
  streamWebhookPolicy,
  type WebhookPolicy,
} from "./webhook-policy.ts";

export interface WebhookTarget {
  url: string;
  /** Types that are sent; empty or absent: all, but `custom` only where `sendsCustomEvents`. */
  eventTypes?: readonly string[];
  sendsCustomEvents?: boolean;
}

/** What may go wrong on the way to a webhook. Each holds for all targets until changed. */
export interface WebhookFaults {
  /** Bodies are compressed; the signature stays over the uncompressed bytes. */
  gzip: boolean;
  /** Each event is delivered twice, with the same X-WEBHOOK-ID or with a new one. */
  duplicate: "none" | "same-id" | "new-id";
  /** Each delivery starts this much later. */
  delayMs: number;
  /** Every other event is held back until the next one was sent, or for this long if none follows; 0: in order. */
  swapWithinMs: number;
}

export const noWebhookFaults: WebhookFaults = { gzip: false, duplicate: "none", delayMs: 0, swapWithinMs: 0 };

const wants = (target: WebhookTarget, type: string): boolean =>
  target.eventTypes && target.eventTypes.length > 0
    ? target.eventTypes.includes(type)
    : type !== "custom" || target.sendsCustomEvents === true;

/** Sends call events to webhooks as Stream does: signed, with a delivery id, retried by its policy. */
export class Webhooks {
  readonly #log: EventLog;
  readonly #apiKey: string;
  readonly #apiSecret: string;
  readonly #policy: WebhookPolicy;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #held: { release: () => void } | undefined;
  readonly #app: AppSettings;
  faults: WebhookFaults = noWebhookFaults;

  constructor(options: {
    log: EventLog;
    apiKey: string;
    apiSecret: string;
    app: AppSettings;
    policy?: WebhookPolicy | undefined;
  }) {
    this.#app = options.app;
    this.#log = options.log;
    this.#apiKey = options.apiKey;
    this.#apiSecret = options.apiSecret;
    this.#policy = options.policy ?? streamWebhookPolicy;
  }

  /** Starts delivering and returns at once: what a webhook answers never holds up a call. */
  send(event: Json): void {
    const type = String(event.type);
    const body = Buffer.from(JSON.stringify(event));
    for (const target of this.#app.webhookTargets()) {
      if (!wants(target, type)) continue;
      const id = randomUUID();
      const turn = this.#turn();
      this.#start(target.url, id, type, body, turn);
      if (this.faults.duplicate !== "none")
        this.#start(target.url, this.faults.duplicate === "same-id" ? id : randomUUID(), type, body, turn);
    }
  }

  /** Resolves once nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  /** When a delivery may begin: at once, or, of two that are swapped, the first after the second. */
  #turn(): Promise<unknown> {
    const held = this.#held;
    if (held) {
      this.#held = undefined;
      // The one held back goes out once this one, sent on the next tick, is ahead of it.
      return Promise.resolve().then(() => void setTimeout(held.release, 20));
    }
    if (this.faults.swapWithinMs === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = { release: resolve };
    return Promise.race([promise, this.#sleep(this.faults.swapWithinMs)]);
  }

  #start(url: string, id: string, type: string, body: Buffer, turn: Promise<unknown>): void {
    const run = turn
      .then(() => this.#sleep(this.faults.delayMs))
      .then(() => (this.#closing.signal.aborted ? undefined : this.#deliver(url, id, type, body)))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #deliver(url: string, id: string, type: string, body: Buffer): Promise<void> {
    const startedAtMs = epochMs();
    for (let attempt = 1; ; attempt += 1) {
      const sentAtMs = epochMs();
      const outcome = await this.#attempt(
        url,
        id,
        attempt,
        body,
        requestBudgetMs(sentAtMs - startedAtMs, this.#policy),
      );
      if (this.#closing.signal.aborted) return;
      this.#log.record("stream", delivered(outcome) ? "webhook.delivered" : "webhook.failed", {
        type,
        webhookId: id,
        attempt,
        outcome: outcome.kind === "status" ? outcome.status : outcome.kind,
        tookMs: epochMs() - sentAtMs,
      });
      if (!retries(attempt, outcome, epochMs() - startedAtMs, this.#policy)) return;
      await this.#sleep(this.#policy.retryDelayMs);
    }
  }

  async #attempt(url: string, id: string, attempt: number, body: Buffer, timeoutMs: number): Promise<AttemptOutcome> {
    const { outcome } = await attemptWebhook({
      url,
      apiKey: this.#apiKey,
      apiSecret: this.#apiSecret,
      id,
      attempt,
      body,
      gzip: this.faults.gzip || this.#app.compressesWebhooks,
      timeoutMs,
      closing: this.#closing.signal,
    });
    return outcome;
  }

  async #sleep(ms: number): Promise<void> {
    if (ms === 0) return;
    // An abort only cuts the wait short: whoever waits looks at the signal itself.
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}
