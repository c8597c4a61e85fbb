import { type EndReason, exitCodes } from "../../bridge-task/job.ts";
import { type CallRecord, nothingHappened } from "../../bridge-task/record/call-record.ts";
import { callOf, type Place } from "./launcher.ts";
import type { Pair } from "./protocol.ts";

/** Whether this launch stopped before it could write how its stay ended. */
export const diedSilently = (pair: Pair, launchId: string): boolean =>
  pair.leaving?.launchId === launchId || (pair.launchId === launchId && pair.state !== "ended");

const isEndReason = (reason: string | undefined): reason is EndReason =>
  reason !== undefined && Object.hasOwn(exitCodes, reason);

/** Why it was leaving when it died, as far as it said so or was told; a crash in the goodbye changes nothing about that. */
const reasonOf = ({ launchId: latest, end, wish, leaving }: Pair, launchId: string): CallRecord["reason"] => {
  const reason = latest === launchId ? (end ?? wish)?.reason : leaving?.reason;
  return isEndReason(reason) ? reason : "crashed";
};

/**
 * The record of a stay whose task crashed: what the claim tells. Who was there and what was said is lost with the task.
 * `startedAt` is the claim's, so that it is one record however often ECS tells of the end.
 */
export const crashRecordOf = (
  { cid, userId }: Place,
  pair: Pair,
  { launchId, detail, nowMs }: { launchId: string; detail: string; nowMs: number },
): CallRecord => {
  const startedAtMs = pair.confirmedAtMs ?? pair.claimedAtMs;
  return {
    call: { ...callOf(cid), cid },
    agent: { userId },
    launchId,
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: new Date(nowMs).toISOString(),
    durationSeconds: Math.max(0, Math.round((nowMs - startedAtMs) / 1_000)),
    reason: reasonOf(pair, launchId),
    detail,
    ...nothingHappened,
  };
};
