import type { EndReason } from "../job.ts";

/*
 * What an agent tells the people in its call, as Stream's custom events: `call.on("custom", ({ custom }) => …)` of Stream's
 * SDKs gets one of these as `custom`. Each is at most 5 kB as JSON. Times are ISO 8601.
 */

/** What the agent does. `joining`: asked for, and on its way. */
export type ShownState = "joining" | "listening" | "thinking" | "speaking" | "using_tool" | "left";

/** What the agent does, told when it changes and again when a person joins. */
export interface AgentStateEvent {
  type: "agent.state";
  /** The agent's user id. */
  agent: string;
  state: ShownState;
  /** With `using_tool`: the tool that began last. */
  tool?: string;
  /** With `left`: why. */
  reason?: EndReason;
  at: string;
}

/** What was said, as it grows; told where the agent's `inCall.captions` is true. */
export interface AgentCaptionEvent {
  type: "agent.caption";
  /** The agent's user id. */
  agent: string;
  role: "agent" | "person";
  /** All of it so far: it takes the place of what was told of this `itemId` before. Empty where nothing of it was heard. */
  text: string;
  /** User id of the person who spoke, as far as it can be told. */
  speaker?: string;
  /** The same for all captions of one turn. */
  itemId: string;
  /** Nothing follows for this item. */
  final: boolean;
  /** With `final`: the rest was not heard. */
  interrupted?: true;
  at: string;
}

/** A tool begins or ends; told where the agent's `inCall.tools` is true. Neither arguments nor results are told. */
export interface AgentToolEvent {
  type: "agent.tool";
  /** The agent's user id. */
  agent: string;
  name: string;
  /** The same for the beginning and the end of one use. */
  callId: string;
  status: "started" | "done" | "failed";
  /** At the end: how long it took. */
  tookMs?: number;
  at: string;
}

export type AgentEvent = AgentStateEvent | AgentCaptionEvent | AgentToolEvent;

export type {
  AgentFailedEvent,
  AgentJoinedEvent,
  AgentLeftEvent,
  OutgoingEvent,
  ToolFinishedEvent,
  TurnEvent,
} from "../events-out/events.ts";
export type { CallRecord } from "../record/call-record.ts";
