import { launchWaitMs } from "./launches.ts";
import { silentAfterMs, sweepAfterMs } from "./limits.ts";
import type { Pair } from "./pair.ts";

/** Whether the pair belongs into the index that the sweeper reads: something may still have to be done about it. */
export const isLive = (pair: Pair): boolean =>
  pair.state !== "ended" || pair.leaving !== undefined || pair.end?.relaunch === true;

/** Whether it counts for the caps: a task runs for it, or will. */
export const isClaimed = (pair: Pair): boolean => pair.state !== "ended";

/** What the sweeper has to do about a live pair; may be both. */
export interface SweepNeeds {
  /**
   * Send RunTask again for `pair.launchId`, whatever the pair's state: where ECS knows the task it starts nothing, and tells
   * whether that task is dead (then `stopped`).
   */
  runTask: boolean;
  /** Look these tasks up in ECS. For each that is STOPPED, or that ECS no longer knows: `stopped`. */
  askEcs: { launchId: string; taskArn: string }[];
}

/** What a lost answer, or a lost word of ECS's, left undone. */
export const sweepNeeds = (pair: Pair, nowMs: number): SweepNeeds => {
  const { state, launchId, taskArn, leaving, end } = pair;
  const isOld = (sinceMs: number, limitMs = sweepAfterMs) => nowMs - sinceMs > limitMs;
  const isSilent = state === "running" && isOld(pair.heartbeatAtMs ?? 0, silentAfterMs);
  const mayCome = end?.owed !== true || launchWaitMs(pair, nowMs) === 0;
  const isOwed = end?.relaunch === true && isOld(end.atMs) && mayCome;
  const isSlow = state === "launching" && isOld(pair.claimedAtMs);
  const askEcs: SweepNeeds["askEcs"] = [];
  if ((isSilent || isOwed) && taskArn !== undefined) askEcs.push({ launchId, taskArn });
  if (leaving?.taskArn !== undefined && isOld(leaving.sinceMs) && !(isOwed && leaving.taskArn === taskArn)) {
    askEcs.push({ launchId: leaving.launchId, taskArn: leaving.taskArn });
  }
  // A launch that ended before it confirmed has no known task to ask about.
  return { runTask: isSlow || (isOwed && taskArn === undefined), askEcs };
};
