import {
  comesBack,
  comesBackAtOnce,
  ended,
  isCalledDespite,
  isCalledElsewhere,
  isIn,
  sawNobody,
  sureSessionOf,
  wishOf,
} from "./ends.ts";
import { acknowledged } from "./mailbox.ts";
import { type Beat, type Confirm, changed, type End, type Step, unchanged } from "./messages.ts";
import type { LeaveReason, Pair, PairEnd } from "./pair.ts";

/** The task of a launch asks whether it may join. */
export const confirm = (pair: Pair | undefined, { launchId, taskArn }: Confirm, nowMs: number): Step => {
  if (pair?.launchId !== launchId) return unchanged({ type: "replaced" });
  if (pair.state === "ended") {
    const reason = pair.end?.reason;
    const isTold = reason === "removed" || reason === "call_ended";
    return unchanged(isTold ? { type: "leave", reason } : { type: "replaced" });
  }
  if (pair.state === "running") {
    // The same task asks again when it did not get the answer. Another one of the same launch must not be there, and goes.
    return unchanged({ type: pair.taskArn === taskArn ? "confirmed" : "replaced" });
  }
  if (pair.leaving !== undefined) return unchanged({ type: "wait" });
  const running = { ...pair, state: "running", taskArn, confirmedAtMs: nowMs, heartbeatAtMs: nowMs } as const;
  return changed(running, { type: "confirmed" });
};

/** The running task says that it is well, where it is, and what it has read. */
export const beat = (pair: Pair | undefined, input: Beat, nowMs: number): Step => {
  if (pair?.launchId !== input.launchId || pair.state !== "running") return unchanged({ type: "replaced" });
  const alive = { ...isIn(pair, input.sessionId), heartbeatAtMs: nowMs };
  return changed(acknowledged(alive, input.acknowledged, nowMs), { type: "noted" });
};

/** Why the stay ended, and whether it goes on. */
const endOfStay = (pair: Pair, input: End, isMissed: boolean, nowMs: number): PairEnd => {
  const wish = wishOf(pair);
  // A task that leaves by itself while it is told to go has gone for that reason: nobody brings it back.
  const isTold = wish !== undefined && (wish.reason === "removed" || comesBack(input.reason));
  const reason = isTold ? wish.reason : input.reason;
  const goesOn = wish
    ? isCalledDespite(pair, wish)
    : isMissed || comesBackAtOnce(reason) || isCalledElsewhere(pair, sureSessionOf(pair));
  const sessionId = goesOn ? sureSessionOf(pair) : pair.sessionId;
  return {
    reason,
    atMs: reason === wish?.reason ? wish.atMs : nowMs,
    ...(sessionId !== undefined && { sessionId }),
    ...(input.detail !== undefined && { detail: input.detail }),
    ...(goesOn && { relaunch: true }),
  };
};

const withoutLeaving = ({ leaving: _, ...pair }: Pair): Pair => pair;

/** The launch is out of the call, if it was the one that others wait for. */
export const out = (pair: Pair, launchId: string): Pair =>
  pair.leaving?.launchId === launchId ? withoutLeaving(pair) : pair;

/** The task ends its stay, or says that it is out of the call. */
export const end = (pair: Pair | undefined, input: End, nowMs: number): Step => {
  const { launchId, isOut } = input;
  if (pair === undefined) return unchanged({ type: "noted" });
  if (pair.launchId !== launchId || pair.state === "ended") {
    const after = isOut ? out(pair, launchId) : pair;
    return after === pair ? unchanged({ type: "noted" }) : changed(after, { type: "noted" });
  }
  const stay = isIn(pair, input.sessionId);
  const isMissed = sawNobody(input.reason) && input.knockCount < stay.knockCount;
  if (isMissed && !isOut && wishOf(stay) === undefined) return unchanged({ type: "look_again" });
  const after = ended(stay, endOfStay(stay, input, isMissed, nowMs));
  if (isOut || pair.state === "launching") return changed(after, { type: "noted" });
  const { taskArn } = pair;
  const leaving = { launchId, ...(taskArn !== undefined && { taskArn }), sinceMs: nowMs };
  return changed({ ...after, leaving }, { type: "noted" });
};

/**
 * What the task of a confirmed launch finds in the pair. undefined: stay. Else it leaves, with that reason.
 * `sessionId`: the session that it is in; the end of another does not concern it.
 */
export const orderFor = (
  pair: Pair | undefined,
  launchId: string,
  sessionId: string | undefined,
): LeaveReason | "replaced" | undefined => {
  if (pair?.launchId === launchId && pair.state !== "ended") return wishOf(isIn(pair, sessionId))?.reason;
  return (pair?.leaving?.launchId === launchId ? pair.leaving.reason : undefined) ?? "replaced";
};
