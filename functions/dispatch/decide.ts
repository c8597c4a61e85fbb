import type { StreamUser } from "../../bridge-task/agents/agent.ts";
import type { Job } from "../../bridge-task/job.ts";
import type { StreamEvent } from "../envelope.ts";
import type { Candidate } from "./agents.ts";
import { epochMsOf, factsOf } from "./facts.ts";

/** Events older than this are replays or come too late to matter. */
export const staleAfterMs = 15 * 60_000;

export type IgnoreReason =
  /** No `created_at` that can be read: a replay could not be told from a delivery. */
  | "undated"
  | "stale"
  /** A type we do not act on. */
  | "type"
  /** The event carries no call. */
  | "no_call"
  | "call_ended"
  /** An agent's user created the call. */
  | "created_by_agent"
  /** Only agents' users are in the session. */
  | "started_by_agent"
  /** No agent wants the call. */
  | "no_agent";

/** One launch and what tells it from others, from which client tokens are made. */
export interface Launch {
  job: Job;
  /** Unix epoch in seconds. */
  callCreatedAtSeconds: number;
  /** The session that the event tells of; absent for call.created. */
  sessionId: string | undefined;
  /** When Stream made the event, Unix epoch in milliseconds. */
  eventAtMs: number;
}

export type Decision = { launch: Launch } | { ignore: IgnoreReason };

const triggers: ReadonlySet<string> = new Set(["call.created", "call.session_started"]);

/**
 * Who gets which agent, if anybody: a pure function of the event, the time and the agents.
 * `nowMs` is the Unix epoch in milliseconds.
 */
export const decide = (
  event: StreamEvent,
  { nowMs, agents }: { nowMs: number; agents: readonly Candidate[] },
): Decision => {
  const eventAtMs = epochMsOf(event.created_at);
  if (eventAtMs === undefined) return { ignore: "undated" };
  if (nowMs - eventAtMs > staleAfterMs) return { ignore: "stale" };
  if (!triggers.has(event.type)) return { ignore: "type" };

  const facts = factsOf(event);
  if (facts === undefined) return { ignore: "no_call" };
  if (facts.callEnded) return { ignore: "call_ended" };

  // Agents create calls (connectOpenAi) and start sessions (they may be first in): they would answer themselves for ever.
  const isAgent = (user: StreamUser) => user.custom.agent === true || agents.some(({ userId }) => userId === user.id);
  const { call, sessionUsers } = facts;
  if (call.createdBy !== undefined && isAgent(call.createdBy)) return { ignore: "created_by_agent" };
  if (event.type === "call.session_started" && sessionUsers.length > 0 && sessionUsers.every(isAgent)) {
    return { ignore: "started_by_agent" };
  }

  const agent = agents.find(({ joins }) => joins(call));
  if (agent === undefined) return { ignore: "no_agent" };
  return {
    launch: {
      job: { version: 1, call: { type: call.type, id: call.id }, agent: agent.name, agentUserId: agent.userId },
      callCreatedAtSeconds: facts.callCreatedAtSeconds,
      sessionId: event.type === "call.session_started" ? facts.sessionId : undefined,
      eventAtMs,
    },
  };
};
