/** How one delivery attempt ended. */
export type AttemptOutcome = { kind: "status"; status: number } | { kind: "network" } | { kind: "timeout" };

export interface WebhookPolicy {
  /** How long one request may take. */
  requestTimeoutMs: number;
  /** All attempts of one delivery together. */
  totalTimeoutMs: number;
  /** Pause before the next attempt. Stream does not publish its own; ours is short, so that tests see retries soon. */
  retryDelayMs: number;
}

/** Stream's documented numbers: 6 s per request, 15 s in all. */
export const streamWebhookPolicy: WebhookPolicy = {
  requestTimeoutMs: 6_000,
  totalTimeoutMs: 15_000,
  retryDelayMs: 250,
};

/** How often a delivery is attempted in all when an attempt ends like this (Stream's documentation); 1: not retried. */
export const attemptLimit = (outcome: AttemptOutcome): number => {
  if (outcome.kind === "timeout") return 3;
  if (outcome.kind === "network") return 2;
  return outcome.status === 408 || outcome.status === 429 || outcome.status >= 500 ? 3 : 1;
};

export const delivered = (outcome: AttemptOutcome): boolean =>
  outcome.kind === "status" && outcome.status >= 200 && outcome.status < 300;

/**
 * Whether another attempt follows the `attempt`-th (from 1), which ended like this `elapsedMs` after the first began.
 */
export const retries = (attempt: number, outcome: AttemptOutcome, elapsedMs: number, policy: WebhookPolicy): boolean =>
  !delivered(outcome) && attempt < attemptLimit(outcome) && elapsedMs + policy.retryDelayMs < policy.totalTimeoutMs;

/** The time the next request gets, in whole milliseconds: never past the end of the whole delivery. */
export const requestBudgetMs = (elapsedMs: number, policy: WebhookPolicy): number =>
  Math.max(1, Math.floor(Math.min(policy.requestTimeoutMs, policy.totalTimeoutMs - elapsedMs)));
