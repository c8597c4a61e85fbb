import {
  comesBackAtOnce,
  ended,
  forGood,
  isCalledDespite,
  isFinal,
  livesAfter,
  nextSessionOf,
  sureSessionOf,
  wishOf,
} from "./ends.ts";
import { launchWaitMs, relaunching } from "./launches.ts";
import { launchWindowMs, skewMs } from "./limits.ts";
import { changed, type Leave, type Refused, type Step, type Stopped, unchanged } from "./messages.ts";
import type { Pair, PairEnd } from "./pair.ts";
import { out } from "./task.ts";

/** What a wish outdoes: the end of one session, then the end of the call, then DELETE. */
const strengthOf = (wish: Pair["wish"]): number => {
  if (wish === undefined) return 0;
  if (wish.reason === "removed") return 3;
  return wish.sessionId === undefined ? 2 : 1;
};

const withSession = (sessionId: string | undefined) => (sessionId === undefined ? {} : { sessionId });

const leaveEnded = (pair: Pair, end: PairEnd, { reason, atMs, sessionId }: Leave): Pair => {
  // It was gone already; what it is told now is to stay away.
  if (reason === "removed") {
    if (isFinal(end.reason) && end.relaunch !== true) return pair;
    return { ...pair, end: { reason, atMs, ...withSession(end.sessionId) } };
  }
  const isOfOther = sessionId !== undefined && sessionId !== nextSessionOf(pair);
  const wish = { reason, atMs, ...withSession(sessionId) };
  if (end.relaunch !== true || isOfOther || isCalledDespite(pair, wish)) return pair;
  return { ...pair, end: forGood(end) };
};

/** DELETE, and the end of the call or of its session. */
export const leave = (pair: Pair | undefined, request: Leave, nowMs: number): Step => {
  const { reason, sessionId } = request;
  // DELETE sends away whatever is there when it is written.
  const atMs = reason === "removed" ? nowMs : request.atMs;
  const input = { ...request, atMs };
  if (pair === undefined) return unchanged({ type: "not_there" });
  const isOfCall = reason === "call_ended" && sessionId === undefined;
  if (isOfCall && livesAfter(pair, atMs) && pair.askedAtMs > atMs + skewMs) {
    return unchanged({ type: "ignored", reason: "late" });
  }
  if (pair.end !== undefined) {
    const after = leaveEnded(pair, pair.end, input);
    const answer = { type: pair.leaving === undefined ? "not_there" : "leaving" } as const;
    return after === pair ? unchanged(answer) : changed(after, answer);
  }
  if (sessionId !== undefined && sessionId !== pair.sessionId) {
    return unchanged({ type: "ignored", reason: "other_session" });
  }
  if (pair.state === "launching") {
    // Nobody has joined, and now nobody will: a task of this launch is told so when it asks.
    return changed(ended(pair, { reason, atMs, ...withSession(pair.sessionId) }), { type: "leaving" });
  }
  const wish = { reason, atMs, ...withSession(sessionId) };
  return strengthOf(wish) > strengthOf(wishOf(pair))
    ? changed({ ...pair, wish }, { type: "leaving" })
    : unchanged({ type: "leaving" });
};

/** A launch that never was does not count among those of the last minutes. */
const withdrawn = (pair: Pair | undefined, launchId: string, end: PairEnd): Step => {
  if (pair?.launchId !== launchId || pair.state !== "launching") return unchanged({ type: "ignored", reason: "known" });
  return changed(ended({ ...pair, launchedAtMs: pair.launchedAtMs.slice(0, -1) }, end), { type: "noted" });
};

export const overCap = (pair: Pair | undefined, launchId: string, nowMs: number): Step =>
  withdrawn(pair, launchId, { reason: "over_cap", atMs: nowMs, ...withSession(pair?.sessionId) });

/** ECS started nothing. A shell that asks again, as the sweeper does, gives up no sooner than the window of launches is over. */
export const refused = (pair: Pair | undefined, input: Refused, nowMs: number): Step => {
  const { launchId, detail, isAskedAgain } = input;
  if (isAskedAgain === true && pair !== undefined && nowMs - pair.claimedAtMs < launchWindowMs) {
    return unchanged({ type: "noted" });
  }
  return withdrawn(pair, launchId, { reason: "launch_refused", atMs: nowMs, detail, ...withSession(pair?.sessionId) });
};

export const ring = (pair: Pair | undefined): Step => {
  if (pair === undefined || pair.state === "ended") return unchanged({ type: "not_there" });
  return pair.rings === true ? unchanged({ type: "noted" }) : changed({ ...pair, rings: true }, { type: "noted" });
};

/** How the stay ended whose task ECS has found stopped. */
const endAtStop = (pair: Pair, { operatorStopped, detail }: Stopped, nowMs: number): PairEnd => {
  if (pair.end !== undefined) return pair.end;
  const wish = wishOf(pair);
  if (wish !== undefined) {
    const session = withSession(wish.sessionId ?? pair.sessionId);
    return { reason: wish.reason, atMs: wish.atMs, ...session, ...(isCalledDespite(pair, wish) && { relaunch: true }) };
  }
  return {
    reason: operatorStopped === true ? "stopped" : "crashed",
    atMs: nowMs,
    ...withSession(sureSessionOf(pair)),
    ...(detail !== undefined && { detail }),
    relaunch: true,
  };
};

/** ECS says that the task of a launch is gone: nobody waits for it any more, and another one goes on where it crashed. */
export const stopped = (pair: Pair | undefined, input: Stopped, nowMs: number): Step => {
  if (pair === undefined) return unchanged({ type: "not_there" });
  if (pair.launchId === input.newLaunchId && pair.state === "launching") {
    // This very word was stored before, and the answer was lost.
    return { pair: undefined, runTask: true, answer: { type: "launched" } };
  }
  const free = out(pair, input.launchId);
  if (pair.launchId !== input.launchId) {
    return free === pair ? unchanged({ type: "ignored", reason: "known" }) : changed(free, { type: "noted" });
  }
  const end = endAtStop(pair, input, nowMs);
  const gone = ended(free, end);
  const isNews = free !== pair || pair.state !== "ended";
  const noted = isNews ? changed(gone, { type: "noted" }) : unchanged({ type: "ignored", reason: "known" });
  if (end.relaunch !== true) return noted;
  if (input.operatorStopped === true && end.owed !== true) {
    return changed(ended(free, forGood(end)), { type: "noted" });
  }
  if (launchWaitMs(gone, nowMs) === 0) {
    return { pair: relaunching(gone, input.newLaunchId, nowMs), runTask: true, answer: { type: "launched" } };
  }
  if (end.owed === true) return noted;
  // It did not break down: somebody called for it.
  if (!comesBackAtOnce(end.reason)) return changed(ended(gone, { ...end, owed: true }), { type: "noted" });
  const detail = `${end.reason}${end.detail === undefined ? "" : `: ${end.detail}`}`;
  return changed(ended(gone, { ...forGood(end), reason: "gave_up", atMs: nowMs, detail }), { type: "gave_up" });
};
