import type { AgentSettings, AgentUser } from "../../bridge-task/job.ts";
import type { PairEndReason } from "../dispatch/protocol/pair.ts";

/*
 * What goes over the wire of the HTTP API, for both of its ends. Types only: the client's bundle imports this file.
 */

export interface CallAddress {
  type: string;
  id: string;
}

/**
 * Body of `POST /calls/:type/:id/agents`: an agent for this call. Everything that a definition can say can be said here, so
 * that no agent file is needed; where `agent` names one, the rest is laid over its definition, and `user.id` may be left out.
 */
export type JoinRequest = AgentSettings & {
  /** For tools; never shown to the model. */
  data?: Record<string, unknown>;
} & ({ agent: string; user?: Partial<AgentUser> } | { agent?: undefined; user: AgentUser });

/** Body of `PATCH /calls/:type/:id/agents/:userId`: what is left out stays as it is. */
export type UpdateRequest = Pick<AgentSettings, "session" | "tools"> & { data?: Record<string, unknown> };

/** Body of `POST /calls/:type/:id/agents/:userId/messages`. */
export interface MessageRequest {
  /** Said to the model as if a person had written it. */
  text: string;
  /** Whether the agent is to answer at once. Default: true. */
  respond?: boolean;
}

/** An agent in a call, as the API tells of it. */
export interface AgentView {
  userId: string;
  /** Name of its definition, where it has one. */
  agent?: string;
  /** `launching`: its process is being started. `running`: the process is up, in the call or about to join. */
  state: "launching" | "running" | "ended";
  /** Since when, ISO 8601. */
  since: string;
  /** It was told to leave, or leaves by itself, and is finishing. */
  isLeaving?: true;
  /** Why it ended. */
  reason?: PairEndReason;
  detail?: string;
  /** What to do about that reason, where something can be done. */
  advice?: string;
}

export interface JoinAnswer {
  /** `present`: the agent was there or on its way already, with the settings of then. */
  outcome: "launched" | "present";
  agent: AgentView;
}

/** What of an update is in force. */
export interface UpdateResult {
  /** Paths of settings: "session.instructions", "tools", "data". */
  applied: string[];
  notApplied: { field: string; reason: string }[];
}

/** `pending`: the agent has not answered within 5 s; it applies the update as soon as it can. */
export type UpdateAnswer = UpdateResult | { pending: string };

/** One field that cannot be used as it stands. */
export interface FieldProblem {
  /** As in `tools[0].url`; empty: the body as a whole. */
  field: string;
  problem: string;
  /** What to write instead. */
  mend: string;
}

/** Body of every answer that is not 2xx. */
export interface ErrorBody {
  /** A stable word. */
  error: string;
  /** What happened and what to do. */
  message: string;
  fields?: FieldProblem[];
  /** Which cap was reached. */
  cap?: "agents_per_call" | "calls_at_once" | "launches";
  retryAfterSeconds?: number;
}
