import { comesBack, endOf, isFinal, neverWas, sawNobody, stayedSinceMs } from "./ends.ts";
import { launching, launchWaitMs } from "./launches.ts";
import { skewMs } from "./limits.ts";
import { type Ask, type IgnoredReason, type Return, type Step, unchanged } from "./messages.ts";
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
  // The next session may begin before the end of the last one is written.
  if (inAnotherSession(end, input) && end.reason !== "removed") return input.eventAtMs <= stayedSinceMs(pair);
  return input.eventAtMs <= end.atMs - (sawNobody(end.reason) ? skewMs : 0);
};

/** What an input comes to where the agent is gone, or is told to go. joins: a launch, if `joins` says yes to the event. */
const verdictOn = (pair: Pair, end: PairEnd, input: Wanted): "launch" | "joins" | IgnoredReason => {
  if (isPost(input) || neverWas(end.reason)) return "launch";
  if (isLate(pair, end, input)) return "late";
  if (comesBack(end.reason)) return "launch";
  const isLive = input.type === "return" && input.trigger === "live_started";
  // Going live again ends the end of a livestream, too.
  if (isLive && (end.reason === "backstage" || end.reason === "call_ended")) return "launch";
  const isSame = input.sessionId !== undefined && input.sessionId === end.sessionId;
  if (isFinal(end.reason)) return isSame ? "final" : "joins";
  return input.type === "ask" || inAnotherSession(end, input) ? "joins" : "backstage";
};

/** The latest event that showed the call alive, with this one. A POST shows nothing: everybody may have left long ago. */
const latestOf = (pair: Pair | undefined, input: Wanted): Pick<Pair, "latestEvent"> => {
  const known = pair?.latestEvent;
  if (isPost(input) || (known !== undefined && known.atMs >= input.eventAtMs))
    return known ? { latestEvent: known } : {};
  const sessionId = input.sessionId ?? known?.sessionId;
  return { latestEvent: { atMs: input.eventAtMs, ...(sessionId !== undefined && { sessionId }) } };
};

const launched = (
  pair: Pair | undefined,
  input: Wanted,
  { agent, configId, rings }: { configId: string; agent?: string | undefined; rings?: boolean },
  nowMs: number,
): Step => {
  const retryAfterMs = launchWaitMs(pair, nowMs);
  if (retryAfterMs > 0) return unchanged({ type: "refused", reason: "launches", retryAfterMs });
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
  return { pair: launching(pair, of, nowMs), runTask: true, answer: { type: "launched" } };
};

/** A task that has not joined yet will join the latest session; one that has says itself where it is. */
const sessionOf = (pair: Pair, { sessionId, eventAtMs }: Wanted): Partial<Pick<Pair, "sessionId" | "askedAtMs">> =>
  sessionId !== undefined && pair.state === "launching" && eventAtMs > pair.askedAtMs
    ? { sessionId, askedAtMs: eventAtMs }
    : {};

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
    : unchanged({ type: "ignored", reason: verdict });
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
  return unchanged(verdict === "joins" ? { type: "ask_joins" } : { type: "ignored", reason: verdict });
};
