import { comesBack, endOf, isFinal, neverWas, sawNobody, stayedSinceMs } from "./ends.ts";
import { type LaunchOf, launching, launchWaitMs } from "./launches.ts";
import { emptySkewMs } from "./limits.ts";
import { type Ask, changed, type IgnoredReason, type Return, type Step, unchanged } from "./messages.ts";
import type { Pair, PairEnd } from "./pair.ts";

type Wanted = Ask | Return;

/**
 * Whether the call is over for this pair, given the call's tombstone. The shell asks this between a claim and RunTask, with the
 * tombstone read again: if so, it takes `leave` ("call_ended", atMs: callEndedAtMs) instead of RunTask.
 */
export const isCallOver = (pair: Pair | undefined, callEndedAtMs: number | undefined): boolean =>
  // A deleted call may have been made again under its old id: then there is an event from after its end.
  callEndedAtMs !== undefined && !(pair?.latestEvent !== undefined && pair.latestEvent.atMs > callEndedAtMs);

const isPost = (input: Wanted) => input.type === "ask" && input.source === "post";

const inAnotherSession = (end: PairEnd, input: Wanted) =>
  end.sessionId !== undefined && input.sessionId !== undefined && end.sessionId !== input.sessionId;

/** An event from before the end of the stay: the agent was there for it. */
const isLate = (pair: Pair, end: PairEnd, input: Wanted): boolean => {
  // It was there for this very event, or for one that came later; whatever our clock says.
  if (pair.latestEvent !== undefined && input.eventAtMs <= pair.latestEvent.atMs) return true;
  // The next session may begin before the end of the last one is written.
  const isOfOther = inAnotherSession(end, input) && end.reason !== "removed";
  const knownMs = isOfOther ? stayedSinceMs(pair) : end.atMs;
  return input.eventAtMs <= knownMs - (sawNobody(end.reason) ? emptySkewMs : 0);
};

/**
 * DELETE came before the agent was in any session, as far as is known: it is sent away from the next one. Nothing of that holds
 * where it was asked for again, or where the call was made again under its old id.
 */
const isDismissedAhead = ({ reason, sessionId, atMs, owed }: PairEnd, { callEndedAtMs = 0 }: Wanted): boolean =>
  reason === "removed" && sessionId === undefined && owed !== true && callEndedAtMs <= atMs;

/** What an input comes to where the agent is gone, or is told to go. joins: a launch, if `joins` says yes to the event. */
const verdictOn = (pair: Pair, end: PairEnd, input: Wanted): "launch" | "joins" | IgnoredReason => {
  if (isPost(input) || neverWas(end.reason)) return "launch";
  if (isLate(pair, end, input)) return "late";
  if (comesBack(end.reason)) return "launch";
  const isLive = input.type === "return" && input.trigger === "live_started";
  // Going live again ends the end of a livestream, too.
  if (isLive && (end.reason === "backstage" || end.reason === "call_ended")) return "launch";
  const isCreated = input.type === "ask" && input.sessionId === undefined;
  if (isDismissedAhead(end, input)) return isCreated ? "joins" : "final";
  const isSame = input.sessionId !== undefined && input.sessionId === end.sessionId;
  if (isFinal(end.reason)) return isSame ? "final" : "joins";
  return input.type === "ask" || inAnotherSession(end, input) ? "joins" : "backstage";
};

/** The latest event that showed the call alive, with this one. A POST shows nothing: everybody may have left long ago. */
const latestOf = (pair: Pair | undefined, input: Wanted): Pick<Pair, "latestEvent"> => {
  const known = pair?.latestEvent;
  // The agent was never there for the event of a launch that never was: it may still be delivered again.
  const isMissed = pair?.end !== undefined && neverWas(pair.end.reason);
  if (isPost(input) || (known !== undefined && known.atMs >= input.eventAtMs && !isMissed))
    return known ? { latestEvent: known } : {};
  const sessionId = input.sessionId ?? known?.sessionId;
  return { latestEvent: { atMs: input.eventAtMs, ...(sessionId !== undefined && { sessionId }) } };
};

/** What an event asks for that cannot be launched yet is launched by the sweeper. */
const owed = (pair: Pair, of: Omit<LaunchOf, "launchId">): Pair => {
  const { configId, mail, agent, latestEvent, rings } = of;
  const called = { ...pair, ...(latestEvent && { latestEvent }) };
  // A task that is told to go is not out yet: when it is, the latest event says whether it is called for.
  if (pair.end === undefined) return called;
  const { agent: _, rings: __, ...rest } = called;
  const end = { ...pair.end, relaunch: true, owed: true } as const;
  return { ...rest, ...(agent !== undefined && { agent }), ...(rings && { rings }), configId, mail, end };
};

const launched = (
  pair: Pair | undefined,
  input: Wanted,
  { agent, configId, rings }: { configId: string; agent?: string | undefined; rings?: boolean },
  nowMs: number,
): Step => {
  const of = {
    launchId: input.launchId,
    configId,
    askedAtMs: input.eventAtMs,
    ...(agent !== undefined && { agent }),
    ...(input.sessionId !== undefined && { sessionId: input.sessionId }),
    ...(rings === true && { rings: true as const }),
    ...latestOf(pair, input),
    // Only a stay that was cut off goes on with its letters: those of an earlier one are old news.
    mail: pair?.end?.relaunch === true ? pair.mail : [],
  };
  const retryAfterMs = launchWaitMs(pair, nowMs);
  if (pair !== undefined && retryAfterMs > 0) {
    const answer = { type: "refused", reason: "launches", retryAfterMs } as const;
    return isPost(input) ? unchanged(answer) : changed(owed(pair, of), answer);
  }
  return { pair: launching(pair, of, nowMs), runTask: true, answer: { type: "launched" } };
};

/** A task that has not said where it is will join the latest session, or has joined it. */
const sessionOf = (pair: Pair, input: Wanted): Partial<Pick<Pair, "sessionId" | "askedAtMs">> => {
  const { sessionId, eventAtMs } = input;
  const knownAtMs = Math.max(pair.askedAtMs, pair.latestEvent?.atMs ?? 0);
  if (sessionId === undefined || pair.hasToldSession === true || eventAtMs <= knownAtMs) return {};
  return pair.state === "launching" ? { sessionId, askedAtMs: eventAtMs } : { sessionId };
};

/** It is there, or is coming: the task is told that somebody called for it. */
const knocked = (pair: Pair, input: Wanted): Step => {
  const { knockCount, state } = pair;
  const isLaunching = state === "launching";
  return {
    pair: { ...pair, ...sessionOf(pair, input), ...latestOf(pair, input), knockCount: knockCount + 1 },
    runTask: isLaunching,
    answer: { type: isLaunching ? "launching" : "present" },
  };
};

const isAfterCall = (pair: Pair | undefined, input: Wanted): boolean =>
  isPost(input)
    ? isCallOver(pair, input.callEndedAtMs)
    : input.callEndedAtMs !== undefined && input.eventAtMs <= input.callEndedAtMs;

/** This very request was stored before, and its answer was lost: it counts once, whatever became of it since. */
const isRepeated = ({ launchId, leaving }: Pair, input: Wanted): boolean =>
  launchId === input.launchId || leaving?.launchId === input.launchId;

const repeated = ({ state, launchId }: Pair, input: Wanted): Step =>
  state === "launching" && launchId === input.launchId
    ? { pair: undefined, runTask: true, answer: { type: "launched" } }
    : unchanged({ type: "present" });

/** It stays away; where DELETE came before any session, it is this one that it was sent away from. */
const ignored = (pair: Pair, input: Wanted, reason: IgnoredReason): Step => {
  const { end } = pair;
  const { sessionId } = input;
  if (reason !== "final" || end === undefined || sessionId === undefined || !isDismissedAhead(end, input)) {
    return unchanged({ type: "ignored", reason });
  }
  return changed({ ...pair, end: { ...end, sessionId } }, { type: "ignored", reason });
};

/** A POST, or an event whose `joins` said yes. */
export const ask = (pair: Pair | undefined, input: Ask, nowMs: number): Step => {
  if (isAfterCall(pair, input)) {
    return unchanged({ type: isPost(input) ? "refused" : "ignored", reason: "call_ended" });
  }
  if (pair === undefined) return launched(pair, input, input, nowMs);
  if (isRepeated(pair, input)) return repeated(pair, input);
  const end = endOf(pair);
  if (end === undefined) return knocked(pair, input);
  const verdict = verdictOn(pair, end, input);
  return verdict === "launch" || verdict === "joins"
    ? launched(pair, input, input, nowMs)
    : ignored(pair, input, verdict);
};

/** An event that brings back an agent that was there. */
export const bringBack = (pair: Pair | undefined, input: Return, nowMs: number): Step => {
  if (isAfterCall(pair, input)) return unchanged({ type: "ignored", reason: "call_ended" });
  if (pair === undefined) return unchanged({ type: "ask_joins" });
  if (isRepeated(pair, input)) return repeated(pair, input);
  const end = endOf(pair);
  if (end === undefined) return knocked(pair, input);
  const verdict = verdictOn(pair, end, input);
  // Somebody is there: it need not wait for the call to be answered.
  if (verdict === "launch") return launched(pair, input, { ...pair, rings: false }, nowMs);
  return verdict === "joins" ? unchanged({ type: "ask_joins" }) : ignored(pair, input, verdict);
};
