import { type AttendanceLimits, defaultLimits } from "../attendance.ts";
import { Attendant, type EmptyReason } from "../attendant.ts";
import { deferred, withDeadline } from "../deadline.ts";
import { type End, emptyEnds } from "../departure.ts";
import type { Logger } from "../log.ts";
import type { WaitOutcome } from "../stream/outside.ts";

export interface OutsideOptions {
  /** Resolves when there is a reason to enter, or when there never will be one. */
  waitForPerson: (signal: AbortSignal) => Promise<WaitOutcome>;
  /** See AttendantOptions. Once it said yes, the agent does not enter any more. */
  mayLeave: (reason: EmptyReason) => Promise<boolean>;
  /** Told whom to tell that somebody comes. */
  onKnock: (listener: () => void) => void;
  limits: Pick<AttendanceLimits, "waitForMs" | "maxDurationMs">;
  signal: AbortSignal;
  logger: Logger;
}

/** Why the waiting is over: somebody is there or is about to be, or the stay ends outside. */
export type OutsideOutcome = { enter: "person" | "accepted" } | { end: End };

/** Longest wait for the answer whether the agent has given up already. */
const askedTimeoutMs = 3_000;

/** Waits outside of the call until there is a person in it, at most `waitForMs`. Rejects as `waitForPerson` does. */
export const waitOutside = async (options: OutsideOptions): Promise<OutsideOutcome> => {
  const { limits, signal, logger } = options;
  const over = deferred<End>();
  const stop = new AbortController();
  let asked: Promise<boolean> = Promise.resolve(false);
  const attendant = new Attendant({
    limits: { ...defaultLimits, ...limits },
    sinceMs: performance.now(),
    mayLeave: (reason) => {
      asked = options.mayLeave(reason);
      return asked;
    },
    onEnd: (reason) => over.resolve({ reason, detail: reason === "max_duration" ? "" : emptyEnds[reason] }),
    logger,
  });
  options.onKnock(() => attendant.tell({ type: "knock" }));
  attendant.tell({ type: "time" });
  const waiting = options.waitForPerson(AbortSignal.any([signal, stop.signal]));
  try {
    const came = await Promise.race([waiting, over.promise]);
    if ("reason" in came) return { end: came };
    if (came.cause === "call_ended") return { end: { reason: "call_ended", detail: came.detail } };
    // Who has said that it leaves has been replaced already, perhaps: what is not known counts as said.
    const hasLeft = await withDeadline(asked, askedTimeoutMs, "giving up").catch(() => true);
    return hasLeft ? { end: { reason: "waited", detail: emptyEnds.waited } } : { enter: came.cause };
  } finally {
    attendant.close();
    stop.abort();
    // Given up: its AbortedError is for nobody.
    waiting.catch(() => undefined);
  }
};
