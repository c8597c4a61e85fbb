import { expect, test } from "vitest";
import { pauseAfterAnswer, pauseAfterFailure, usualPauseMs } from "./pace.ts";
import { RateLimitedError } from "./stream-api.ts";

const nowMs = 1_000_000;
const limit = (remaining: number, resetInMs: number) => ({ limit: 100, remaining, resetAtMs: nowMs + resetInMs });

test.each([
  ["nothing is said of a limit", undefined, usualPauseMs],
  ["much is left", limit(90, 30_000), usualPauseMs],
  // A quarter of 20 is ours: five requests in 30 s.
  ["little is left", limit(20, 30_000), 6_000],
  ["nothing is left", limit(0, 30_000), 30_000],
  ["the limit is renewed in an hour", limit(0, 3_600_000), 60_000],
  ["the limit was renewed already", limit(0, -5_000), usualPauseMs],
])("after an answer, where %s", (_what, rateLimit, pauseMs) => {
  expect(pauseAfterAnswer(rateLimit, nowMs)).toBe(pauseMs);
});

test("failures in a row double the pause, up to a minute", () => {
  const pauses = [1, 2, 3, 20].map((count) => pauseAfterFailure(new Error("no route"), count, nowMs));
  expect(pauses).toEqual([2_000, 4_000, 8_000, 60_000]);
});

test("a 429 waits until the limit is renewed, and longer than other failures where it does not say when", () => {
  expect(pauseAfterFailure(new RateLimitedError("too many", limit(0, 42_000)), 1, nowMs)).toBe(42_000);
  expect(pauseAfterFailure(new RateLimitedError("too many", undefined), 1, nowMs)).toBe(5_000);
});
