import { isCalledElsewhere } from "./ends.ts";
import { launchLimit, launchWindowMs } from "./limits.ts";
import type { Leaving, Pair } from "./pair.ts";

/** The launches of a pair that count at `nowMs`, oldest first. */
const recentLaunches = (pair: Pair | undefined, nowMs: number): number[] =>
  pair?.launchedAtMs.filter((launchedAtMs) => nowMs - launchedAtMs < launchWindowMs) ?? [];

/** How long until the pair may be launched again; 0: it may now. */
export const launchWaitMs = (pair: Pair | undefined, nowMs: number): number => {
  const oldest = recentLaunches(pair, nowMs).at(-launchLimit);
  return oldest === undefined ? 0 : oldest + launchWindowMs - nowMs;
};

/** The launch that may still be in the call when another one begins. */
const leavingOf = ({ state, launchId, taskArn, leaving, wish }: Pair, nowMs: number): Leaving | undefined =>
  state !== "running"
    ? leaving
    : {
        launchId,
        ...(taskArn !== undefined && { taskArn }),
        sinceMs: nowMs,
        ...(wish !== undefined && { reason: wish.reason }),
      };

/** What a launch is made of, where it differs from what the pair had. */
export type LaunchOf = Pick<Pair, "launchId" | "configId" | "askedAtMs" | "mail"> &
  Pick<Partial<Pair>, "agent" | "sessionId" | "latestEvent" | "rings">;

/** The pair with a new launch. What was there, if it may still be in the call, has to be out before the new one joins. */
export const launching = (pair: Pair | undefined, of: LaunchOf, nowMs: number): Pair => {
  const leaving = pair && leavingOf(pair, nowMs);
  return {
    ...of,
    version: pair?.version ?? 0,
    state: "launching",
    claimedAtMs: nowMs,
    knockCount: pair?.knockCount ?? 0,
    answers: pair?.answers ?? [],
    launchedAtMs: [...recentLaunches(pair, nowMs), nowMs],
    ...(leaving && { leaving }),
  };
};

/** The same agent once more, after its end: the stay goes on with what was in the mailbox, or in the session that called. */
export const relaunching = (pair: Pair, launchId: string, nowMs: number): Pair => {
  const { configId, mail, agent, end, latestEvent, rings } = pair;
  const last = end?.sessionId ?? pair.sessionId;
  const sessionId = isCalledElsewhere(pair, last) ? latestEvent?.sessionId : last;
  const kept = {
    ...(agent !== undefined && { agent }),
    ...(sessionId !== undefined && { sessionId }),
    ...(latestEvent && { latestEvent }),
    ...(rings && { rings }),
  };
  const askedAtMs = Math.max(pair.askedAtMs, latestEvent?.atMs ?? 0);
  return launching(pair, { launchId, configId, askedAtMs, mail, ...kept }, nowMs);
};
