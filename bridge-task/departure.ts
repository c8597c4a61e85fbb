import { withDeadline } from "./deadline.ts";
import type { EndReason } from "./job.ts";
import type { Logger } from "./log.ts";
import type { LeaveCause } from "./stream/stream-call.ts";

/** Why the agent is no longer in the call. */
export interface End {
  reason: EndReason;
  detail: string;
}

/** Longest wait for the rest of a sentence, and for a goodbye to either side. */
export const finishTimeoutMs = 10_000;
export const leaveTimeoutMs = 3_000;
/** A cut sentence fades out within this many milliseconds of packets. */
const fadeOutMs = 60;
/** Longer than all steps of leaving together. */
export const departureMs = finishTimeoutMs + fadeOutMs + 3 * leaveTimeoutMs;

/** Ends of our own choosing, which can wait for the end of a sentence. All others cut it. */
const finishing: ReadonlySet<EndReason> = new Set(["max_duration", "removed", "end_call", "left"]);

export const emptyEnds = {
  waited: "Nobody came in time.",
  idle: "The last person left, and nobody came back in time.",
} as const;

/** Which end of ours an end of Stream's is. */
export const streamEnds = {
  left: "disconnected",
  call_ended: "call_ended",
  backstage: "backstage",
  kicked: "kicked",
  blocked: "blocked",
  refused: "refused",
  sfu_lost: "sfu_lost",
} as const satisfies Record<LeaveCause, EndReason>;

/** What leaving takes. Each step may fail or hang: the next one comes all the same. */
export interface DepartureSteps {
  /** Resolves when the agent neither speaks nor is about to. */
  silent: () => Promise<void>;
  cutVoice: () => void;
  stopClock: () => void;
  endCallForAll: () => Promise<unknown>;
  leaveCall: () => Promise<void>;
  closeSession: () => Promise<void>;
}

/** Leaves in order: finish or cut the sentence, end the call where the agent ends it, leave it, close the session. Never rejects. */
export const depart = async ({ reason }: End, steps: DepartureSteps, logger: Logger): Promise<void> => {
  const step = async (name: string, work: () => Promise<unknown>, timeoutMs: number) => {
    try {
      await withDeadline(work(), timeoutMs, name);
    } catch (error) {
      logger.warn("leaving_step_failed", { step: name, error });
    }
  };
  if (finishing.has(reason)) await step("finishing the sentence", steps.silent, finishTimeoutMs);
  steps.cutVoice();
  await new Promise((resolve) => setTimeout(resolve, fadeOutMs));
  steps.stopClock();
  if (reason === "end_call") await step("ending the call for everybody", steps.endCallForAll, leaveTimeoutMs);
  await step("leaving the call", steps.leaveCall, leaveTimeoutMs);
  await step("closing the model session", steps.closeSession, leaveTimeoutMs);
};
