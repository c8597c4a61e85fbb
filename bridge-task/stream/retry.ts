import { setTimeout as sleep } from "node:timers/promises";
import { BridgeError } from "../errors.ts";

/**
 * Pause before attempt `attempt + 1`, spread at random so that clients which failed together do not come back together:
 * 250 to 500 ms first, then growing by 2 s, never more than 5 s. The curve of Stream's JavaScript client.
 */
export const retryIntervalMs = (attempt: number, random: () => number = Math.random): number => {
  const shortestMs = Math.min(Math.max(250, (attempt - 1) * 2_000), 5_000);
  const longestMs = Math.min(500 + attempt * 2_000, 5_000);
  return shortestMs + random() * (longestMs - shortestMs);
};

export const isRetryable = (error: unknown): boolean => error instanceof BridgeError && error.retryable;

export interface RetryOptions {
  /** Attempts in all. */
  attempts: number;
  /** Ends the pauses early; the last error is thrown then. */
  signal?: AbortSignal;
  random?: () => number;
}

/** Runs `work` until it succeeds, fails with an error that is not `retryable`, or has used up its attempts. */
export const retrying = async <T>(
  work: (attempt: number) => Promise<T>,
  { attempts, signal, random }: RetryOptions,
): Promise<T> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!isRetryable(error) || attempt + 1 >= attempts || signal?.aborted) throw error;
      // An aborted pause means that nobody waits any more: the attempt's own error says more than the abort does.
      await sleep(retryIntervalMs(attempt, random), undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
};
