import { ended, endOf, nextSessionOf } from "./ends.ts";
import { launchLimit, launchLimitOfAll, launchWindowMs } from "./limits.ts";
import type { Leaving, Pair } from "./pair.ts";

type Launches = Required<Pick<Pair, "launchedAtMs" | "wellLaunchedAtMs">>;

/** The launches of a pair that count at `nowMs`, oldest first; one that was told to go has ended well. */
const recentLaunches = (pair: Pair | undefined, nowMs: number): Launches => {
  const end = pair && endOf(pair);
  const { launchedAtMs = [], wellLaunchedAtMs = [] } = (pair && end ? ended(pair, end) : pair) ?? {};
  const isRecent = (atMs: number) => nowMs - atMs < launchWindowMs;
  return { launchedAtMs: launchedAtMs.filter(isRecent), wellLaunchedAtMs: wellLaunchedAtMs.filter(isRecent) };
};

/**
 * How long until the pair may be launched again; 0: it may now. Within `launchWindowMs` there are at most `launchLimit` launches
 * that ended badly, and `launchLimitOfAll` in all. A POST that comes too early is refused, and says when it may come again; an
 * event is not delivered again, so the pair stays `owed`, and the sweeper launches it when it may.
 */
export const launchWaitMs = (pair: Pair | undefined, nowMs: number): number => {
  const { launchedAtMs, wellLaunchedAtMs } = recentLaunches(pair, nowMs);
  const all = [...launchedAtMs, ...wellLaunchedAtMs].toSorted((one, other) => one - other);
  const oldest = Math.max(launchedAtMs.at(-launchLimit) ?? 0, all.at(-launchLimitOfAll) ?? 0);
  return Math.max(0, oldest + launchWindowMs - nowMs);
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
  const { launchedAtMs, wellLaunchedAtMs } = recentLaunches(pair, nowMs);
  return {
    ...of,
    version: pair?.version ?? 0,
    state: "launching",
    claimedAtMs: nowMs,
    knockCount: pair?.knockCount ?? 0,
    answers: pair?.answers ?? [],
    launchedAtMs: [...launchedAtMs, nowMs],
    ...(wellLaunchedAtMs.length > 0 && { wellLaunchedAtMs }),
    ...(leaving && { leaving }),
  };
};

/** The same agent once more, after its end: the stay goes on with what was in the mailbox, or in the session that called. */
export const relaunching = (pair: Pair, launchId: string, nowMs: number): Pair => {
  const { configId, mail, agent, latestEvent, rings } = pair;
  const sessionId = nextSessionOf(pair);
  const kept = {
    ...(agent !== undefined && { agent }),
    ...(sessionId !== undefined && { sessionId }),
    ...(latestEvent && { latestEvent }),
    ...(rings && { rings }),
  };
  const askedAtMs = Math.max(pair.askedAtMs, latestEvent?.atMs ?? 0);
  return launching(pair, { launchId, configId, askedAtMs, mail, ...kept }, nowMs);
};
