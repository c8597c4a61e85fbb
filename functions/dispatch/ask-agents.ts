import type { JoinsAnswer } from "../../bridge-task/agents/agent.ts";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import type { Assignment } from "../../bridge-task/job.ts";
import type { Candidate } from "./agents.ts";
import type { Asking } from "./decide.ts";

/** An agent could not say whether it wants a call. Stream delivers the event again. */
export class JoinsError extends BridgeError {
  constructor(agent: string, cause: unknown) {
    super(
      "joins_failed",
      `joins of the agent "${agent}" failed: ${messageOf(cause)}. It has ${joinsTimeoutMs / 1000} s and is asked again when the event is delivered again`,
      { retryable: true, cause, data: { agent } },
    );
  }
}

/** Its whole time: Stream waits 6 s, and ECS wants some of them. */
export const joinsTimeoutMs = 2_000;

/** An agent's yes, laid over what the webhook knows of it. */
export const assignmentOf = (
  { name, userId }: Candidate,
  { user, session, tools, data }: JoinsAnswer = {},
): Assignment => ({
  agent: name,
  user: { ...user, id: user?.id || userId },
  ...(session === undefined ? {} : { session }),
  ...(tools === undefined ? {} : { tools }),
  ...(data === undefined ? {} : { data }),
});

/**
 * Asks one agent after another; the first that wants the call gets it. Rejects with JoinsError when one throws, or has not
 * answered after 2 s for all of them.
 */
export const askAgents = async (
  candidates: readonly Candidate[],
  { call, trigger }: Asking,
  timeoutMs = joinsTimeoutMs,
): Promise<Assignment | undefined> => {
  const deadlineMs = performance.now() + timeoutMs;
  for (const candidate of candidates) {
    const leftMs = Math.max(0, Math.round(deadlineMs - performance.now()));
    // `async`, so that what a joins throws at once is a rejection like any other.
    const answered = (async () => candidate.joins(call, trigger))();
    const answer = await withDeadline(answered, leftMs, "its answer").catch((error: unknown) => {
      throw new JoinsError(candidate.name, error);
    });
    if (answer === true) return assignmentOf(candidate);
    if (typeof answer === "object" && answer !== null) return assignmentOf(candidate, answer);
  }
  return undefined;
};
