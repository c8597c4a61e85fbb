import type { Candidate } from "./agents.ts";
import { askAgents } from "./ask-agents.ts";
import type { Asking, Decision } from "./decide.ts";
import type { Dispatcher, Returned } from "./dispatcher.ts";

/** What an event came to. `reason` is a stable word; `fields` are for the log. */
export interface EventOutcome {
  /** `noted`: an end or a ring was passed on. `refused`: an agent wants the call, and may not come. */
  outcome: "launched" | "present" | "noted" | "ignored" | "refused";
  reason?: string;
  fields?: Record<string, unknown>;
}

export interface EventParts {
  dispatcher: Dispatcher;
  /** The agents that are asked. */
  agents: readonly Candidate[];
}

const askFor = async (asking: Asking, eventAtMs: number, { dispatcher, agents }: EventParts): Promise<EventOutcome> => {
  const assignment = await askAgents(agents, asking);
  const { type, id, cid } = asking.call;
  if (assignment === undefined) {
    // The application may ask for one.
    await dispatcher.alive(cid, eventAtMs);
    return { outcome: "ignored", reason: "no_agent" };
  }
  const { sessionId } = asking.trigger;
  const asked = await dispatcher.ask({ call: { type, id }, assignment, source: "event", sessionId, eventAtMs });
  const fields = { agent: assignment.agent, agentUserId: assignment.user.id };
  if (asked.outcome !== "refused") {
    const { pair, taskArn } = asked;
    return { outcome: asked.outcome, fields: { ...fields, launchId: pair.launchId, taskArn } };
  }
  const { reason, detail } = asked;
  if (reason === "ignored" || reason === "call_ended") return { outcome: "ignored", reason: detail ?? reason, fields };
  return { outcome: "refused", reason, fields };
};

/** An agent that is there, or stays away from this session for a reason, is not asked again. */
const isSettled = ({ outcome }: Returned): boolean => outcome !== "ask_joins";

const outcomeOf = (returned: readonly Returned[]): EventOutcome | undefined => {
  const best = (["launched", "present", "not_now"] as const).find((wanted) =>
    returned.some(({ outcome }) => outcome === wanted),
  );
  if (best === undefined) return undefined;
  const fields = { agents: returned.map(({ userId, outcome }) => `${userId} ${outcome}`).join(", ") };
  return best === "not_now" ? { outcome: "ignored", reason: "not_now", fields } : { outcome: best, fields };
};

const bringBack = async (
  { kind: _, otherwise, ...request }: Extract<Decision, { kind: "bring_back" }>,
  parts: EventParts,
): Promise<EventOutcome> => {
  const returned = await parts.dispatcher.bringBack(request);
  const settled = returned.filter(isSettled);
  const brought = outcomeOf(settled);
  // Of the agents that are asked, one at most is in a call; what a POST brought is beside the point.
  const isAnswered = settled.some(({ pair }) => parts.agents.some(({ name }) => name === pair.agent));
  if (isAnswered || "ignore" in otherwise) {
    const reason = "ignore" in otherwise ? otherwise.ignore : "no_agent";
    return brought ?? { outcome: "ignored", reason };
  }
  const asked = await askFor(otherwise, request.eventAtMs, parts);
  return asked.outcome === "ignored" && brought !== undefined ? brought : asked;
};

/** Does what was decided about an event. Rejects with retryable errors where a second delivery may do better. */
export const handleEvent = async (decision: Decision, parts: EventParts): Promise<EventOutcome> => {
  const { dispatcher } = parts;
  switch (decision.kind) {
    case "ignore":
      return { outcome: "ignored", reason: decision.reason };
    case "ask":
      return askFor(decision.asking, decision.eventAtMs, parts);
    case "bring_back":
      return bringBack(decision, parts);
    case "ring":
      await dispatcher.ring(decision.cid, decision.eventAtMs);
      return { outcome: "noted" };
    case "call_ended":
      await dispatcher.callEnded(decision.cid, decision.eventAtMs);
      return { outcome: "noted" };
    case "session_ended":
      await dispatcher.sessionEnded(decision.cid, decision.sessionId, decision.eventAtMs);
      return { outcome: "noted" };
  }
};
