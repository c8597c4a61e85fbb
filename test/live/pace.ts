import { type RateLimit, RateLimitedError } from "./stream-api.ts";

/** How often new calls are looked for while all is well. */
export const usualPauseMs = 2_000;
const firstPauseAfter429Ms = 5_000;
const longestPauseMs = 60_000;
/** Others use the app, too: we never take more than this part of what it has left. */
const share = 0.25;

/** The pause after an answer: longer than usual where the app's requests run short before the limit is renewed. */
export const pauseAfterAnswer = (rateLimit: RateLimit | undefined, nowMs: number, usualMs = usualPauseMs): number => {
  if (rateLimit === undefined) return usualMs;
  const forUs = Math.max(1, rateLimit.remaining * share);
  const untilResetMs = Math.max(0, rateLimit.resetAtMs - nowMs);
  return Math.min(longestPauseMs, Math.max(usualMs, Math.ceil(untilResetMs / forUs)));
};

/** The pause after the `failureCount`-th failure in a row, from 1: doubled each time, and after a 429 until the limit is renewed. */
export const pauseAfterFailure = (error: unknown, failureCount: number, nowMs: number): number => {
  const isLimited = error instanceof RateLimitedError;
  const firstMs = isLimited ? firstPauseAfter429Ms : usualPauseMs;
  const doubledMs = firstMs * 2 ** Math.min(failureCount - 1, 10);
  const untilResetMs = isLimited && error.rateLimit ? error.rateLimit.resetAtMs - nowMs : 0;
  return Math.min(longestPauseMs, Math.max(doubledMs, untilResetMs));
};
