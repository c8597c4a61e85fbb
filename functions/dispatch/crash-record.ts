import { type CallRecord, nothingHappened } from "../../bridge-task/record/call-record.ts";
import { callOf, type Place } from "./launcher.ts";
import type { Pair } from "./protocol.ts";

/** Whether this launch stopped before it could write how its stay ended. */
export const diedSilently = (pair: Pair, launchId: string): boolean =>
  pair.leaving?.launchId === launchId || (pair.launchId === launchId && pair.state !== "ended");

/**
 * The record of a stay whose task crashed: what the claim tells. Who was there and what was said is lost with the task.
 * `startedAt` is the claim's, so that it is one record however often ECS tells of the end.
 */
export const crashRecordOf = ({ cid, userId }: Place, pair: Pair, detail: string, nowMs: number): CallRecord => {
  const startedAtMs = pair.confirmedAtMs ?? pair.claimedAtMs;
  return {
    call: { ...callOf(cid), cid },
    agent: { userId },
    launchId: pair.leaving?.launchId ?? pair.launchId,
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: new Date(nowMs).toISOString(),
    durationSeconds: Math.max(0, Math.round((nowMs - startedAtMs) / 1_000)),
    reason: "crashed",
    detail,
    ...nothingHappened,
  };
};
