import { skewMs } from "./limits.ts";
import type { Pair, PairEnd, PairEndReason } from "./pair.ts";

/**
 * What brings an agent back after a stay that ended so, in the same session of the call.
 * at_once: ECS's word that its task is gone. event: people who come. live: call.live_started. nothing: a POST, or another session.
 */
const returns: Record<PairEndReason, "at_once" | "event" | "live" | "nothing"> = {
  crashed: "at_once",
  internal: "at_once",
  join_failed: "at_once",
  model_lost: "at_once",
  sfu_lost: "at_once",
  stopped: "at_once",
  // Written by a launch that still has the pair, it is a misunderstanding, and nobody else would come.
  replaced: "at_once",
  gave_up: "event",
  idle: "event",
  waited: "event",
  launch_refused: "event",
  over_cap: "event",
  backstage: "live",
  bad_job: "nothing",
  blocked: "nothing",
  call_ended: "nothing",
  call_full: "nothing",
  disconnected: "nothing",
  e2ee: "nothing",
  end_call: "nothing",
  kicked: "nothing",
  left: "nothing",
  max_duration: "nothing",
  model_refused: "nothing",
  no_permission: "nothing",
  refused: "nothing",
  removed: "nothing",
};

/** Ends that nothing went wrong with: launches that end so are no crash loop. */
const goodEnds: ReadonlySet<PairEndReason> = new Set([
  "backstage",
  "blocked",
  "call_ended",
  "disconnected",
  "end_call",
  "idle",
  "kicked",
  "left",
  "max_duration",
  "removed",
  "waited",
]);

/** Whether people who come bring the agent back after such an end, in the same session too. */
export const comesBack = (reason: PairEndReason): boolean =>
  returns[reason] === "at_once" || returns[reason] === "event";

/** Whether it comes back as soon as its task is gone, without anybody asking. */
export const comesBackAtOnce = (reason: PairEndReason): boolean => returns[reason] === "at_once";

/** Whether nothing in the same session brings it back but a POST. */
export const isFinal = (reason: PairEndReason): boolean => returns[reason] === "nothing";

/** The launch never was: the very event that asked for it is delivered again, and may. */
export const neverWas = (reason: PairEndReason): boolean => reason === "launch_refused" || reason === "over_cap";

/** It left because it saw nobody, so somebody whom it could not see yet is news to it. */
export const sawNobody = (reason: PairEndReason): boolean => reason === "idle" || reason === "waited";

/** What the running task was told; but for the end of a session of which it has not said that it is in it. */
export const wishOf = ({ wish, hasToldSession }: Pair): Pair["wish"] =>
  wish?.sessionId === undefined || hasToldSession === true ? wish : undefined;

/**
 * Which session it is in, or is to join; undefined where the task has joined and not said which: it may be a later one than the
 * events told of, so the end of that one is not the end of its stay, nor of the next that goes on with it.
 */
export const sureSessionOf = ({ state, sessionId, hasToldSession }: Pair): string | undefined =>
  state === "running" && hasToldSession !== true ? undefined : sessionId;

/** The pair once the task has said where it is: the end of another session does not concern it, it has moved on. */
export const isIn = (pair: Pair, sessionId: string | undefined): Pair => {
  if (sessionId === undefined) return pair;
  const { wish, ...told } = { ...pair, sessionId, hasToldSession: true as const };
  const isOld = wish?.sessionId !== undefined && wish.sessionId !== sessionId;
  return wish === undefined || isOld ? told : { ...told, wish };
};

/** The end of the stay, or the one that the running task was told; undefined where the agent is there, or is coming. */
export const endOf = (pair: Pair): PairEnd | undefined => {
  const wish = wishOf(pair);
  if (pair.end !== undefined || wish === undefined) return pair.end;
  const session = wish.sessionId ?? pair.sessionId;
  return { reason: wish.reason, atMs: wish.atMs, ...(session !== undefined && { sessionId: session }) };
};

/**
 * From when on an event of another session is of a later one: the session it was in was there when it joined, or, if it never
 * did, when the event came that it was launched for.
 */
export const stayedSinceMs = ({ confirmedAtMs, askedAtMs }: Pair): number => confirmedAtMs ?? askedAtMs;

/**
 * Whether people called for the agent in a later session than the one it was in: the event came while the task had not noticed
 * that its own session was over.
 */
export const isCalledElsewhere = (pair: Pair, sessionId: string | undefined): boolean => {
  const { latestEvent } = pair;
  if (sessionId === undefined || latestEvent?.sessionId === undefined) return false;
  return latestEvent.sessionId !== sessionId && latestEvent.atMs > stayedSinceMs(pair);
};

/** Where the agent goes when it comes back: to the session that it was in, or to the one that called since. */
export const nextSessionOf = (pair: Pair): string | undefined => {
  const { end, latestEvent } = pair;
  const isCalled = latestEvent !== undefined && latestEvent.atMs > stayedSinceMs(pair);
  return (isCalled ? latestEvent.sessionId : undefined) ?? end?.sessionId;
};

/** Whether an event shows that the call lives after all: it was deleted, and made again under its old id. */
export const livesAfter = ({ latestEvent }: Pair, callEndedAtMs: number): boolean =>
  latestEvent !== undefined && latestEvent.atMs > callEndedAtMs + skewMs;

/** Whether somebody calls for the agent whom the wish to leave does not concern. */
export const isCalledDespite = (pair: Pair, { reason, atMs, sessionId }: NonNullable<Pair["wish"]>): boolean => {
  if (reason === "removed") return false;
  return sessionId === undefined ? livesAfter(pair, atMs) : isCalledElsewhere(pair, sessionId);
};

/** The latest launch is one of those that ended well. */
const withGoodEnd = ({ launchedAtMs, wellLaunchedAtMs = [], ...pair }: Pair): Pair => ({
  ...pair,
  launchedAtMs: launchedAtMs.slice(0, -1),
  wellLaunchedAtMs: [...wellLaunchedAtMs, ...launchedAtMs.slice(-1)],
});

/** The pair after its stay. */
export const ended = ({ wish: _, ...pair }: Pair, end: PairEnd): Pair => {
  const isNew = pair.state !== "ended";
  return { ...(isNew && goodEnds.has(end.reason) ? withGoodEnd(pair) : pair), state: "ended", end };
};

/** The end without what comes after it. */
export const forGood = ({ relaunch: _, owed: __, ...end }: PairEnd): PairEnd => end;
