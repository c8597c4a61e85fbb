import type { RealtimeToolsConfigUnion } from "openai/resources/realtime/realtime";
import type { AgentClient } from "../agent-client.ts";
import type { Duration } from "../duration.ts";
import type { AgentSettings, AgentUser, UrlTool } from "../job.ts";
import type { SessionUpdate } from "../realtime/session/keys.ts";
import type { ToolDefinition, ToolHandler } from "../realtime/tools/toolbox.ts";

/** A user of the Stream app, as far as events tell. */
export interface StreamUser {
  id: string;
  custom: Record<string, unknown>;
}

/** A call as an event, or Stream's answer, tells of it. */
export interface CallFacts {
  type: string;
  id: string;
  /** `type:id`. */
  cid: string;
  /** What the application stored with the call. */
  custom: Record<string, unknown>;
  createdBy: StreamUser | undefined;
}

/** Why an agent is asked whether it wants a call. */
export interface Trigger {
  type: "call.created" | "call.session_started" | "call.live_started";
  /** The session that the event tells of. */
  sessionId: string | undefined;
}

/** What may be said of an agent for one call. What is left out is the agent's own. */
export interface JoinsAnswer extends Pick<AgentSettings, "session" | "tools"> {
  /** Another user than the agent's own; `id` may be left out. */
  user?: Partial<AgentUser>;
  /** For tools and `connected`; never shown to the model. */
  data?: Record<string, unknown>;
}

/**
 * Whether an agent wants this call, and what is different about it there. It is bundled into the webhook, so its file imports
 * nothing but types. It has 2 s; when it throws or takes longer, the webhook answers 5xx and Stream delivers the event again.
 */
export type Joins = (call: CallFacts, trigger: Trigger) => boolean | JoinsAnswer | Promise<boolean | JoinsAnswer>;

/** The call that an agent is in, for what is a function of the call. */
export interface AgentCall extends CallFacts {
  /** From `joins`, or from the POST that asked for the agent. */
  data: Record<string, unknown>;
  /** The values of the agent's `secrets`, by name. */
  secrets: Readonly<Record<string, string>>;
}

/** A function that runs in the agent's own process. */
export interface InProcessTool extends ToolDefinition {
  handler: ToolHandler;
  /** Default: "30 seconds". */
  timeout?: Duration;
  /** Said when the tool takes longer than a second, e.g. "One moment, I am looking it up." */
  speaking?: string;
}

/** A remote MCP server, as the session's `tools` have it. */
export type McpTool = Extract<RealtimeToolsConfigUnion, { type: "mcp" }>;

type OfCall<T> = T | ((call: AgentCall) => T | Promise<T>);

/** An agent as code: who it is in the call, what it can do and how it talks. */
export interface Agent extends Omit<AgentSettings, "session" | "tools"> {
  /** Its user in the Stream app. As a function of the call it may change everything but the id. */
  user: OfCall<AgentUser>;
  /** What the model is told: the keys of a realtime session. */
  session: OfCall<SessionUpdate>;
  /** Names of tools in functions/tools, "end_call", "leave", URLs of yours, functions in this process, MCP servers. */
  tools?: readonly (string | UrlTool | InProcessTool | McpTool)[];
  /** Names of the task's environment variables that this agent needs. */
  secrets?: readonly string[];
  /**
   * Called once the agent is in the call and before it hears or says anything: the API of Stream's documentation.
   * Session updates that are made here, or before the promise that it returns resolves (10 s), are in force before the greeting.
   */
  connected?(client: AgentClient, call: AgentCall): void | Promise<void>;
}

/**
 * Defines an agent.
 *
 * @example
 * export const lucy = defineAgent({
 *   user: { id: "lucy", name: "Lucy" },
 *   session: (call) => ({ instructions: `You are Lucy. ${call.custom.instructions ?? ""}`, voice: "marin" }),
 *   tools: ["submit_support_ticket", "end_call"],
 *   greeting: "Greet the caller in one sentence.",
 *   idleTimeout: "30 seconds",
 * });
 */
export const defineAgent = (agent: Agent): Agent => agent;
