import type { EndReason } from "../job.ts";
import type { CallRecord, UsedTool } from "../record/call-record.ts";

/*
 * What the application's backend is told at its `events.url`: one signed POST each, in order, up to three tries.
 * A try whose answer was lost may have arrived: `id` tells what came before. Times are ISO 8601.
 */

interface Envelope {
  /** Unique; the same in every try. Also in the header Idempotency-Key. */
  id: string;
  at: string;
  call: { type: string; id: string; cid: string };
  agent: { userId: string; name?: string };
}

/** The agent is in the call. */
export interface AgentJoinedEvent extends Envelope {
  type: "agent.joined";
}

/** The stay is over, whether or not the agent got in; the last event of it. */
export interface AgentLeftEvent extends Envelope {
  type: "agent.left";
  reason: EndReason;
  record: CallRecord;
  /** Events of this stay that could not be delivered, or were too many. */
  droppedEventCount: number;
}

/** Something has to be mended; `agent.left` follows. */
export interface AgentFailedEvent extends Envelope {
  type: "agent.failed";
  reason: EndReason;
  /** What happened, for the log. */
  detail: string;
  /** What to do about it. */
  advice: string;
}

/** Somebody has said something. */
export interface TurnEvent extends Envelope {
  type: "turn";
  role: "agent" | "person";
  /** What was heard of it, at most 16,000 characters; of an interrupted agent's by estimate. */
  text: string;
  /** User id of the person who spoke, as far as it can be told. */
  speaker?: string;
  /** The rest was not heard: a person spoke over it, or the agent left. */
  interrupted?: true;
}

/** A tool has ended. */
export interface ToolFinishedEvent extends Envelope, UsedTool {
  type: "tool.finished";
}

export type OutgoingEvent = AgentJoinedEvent | AgentLeftEvent | AgentFailedEvent | TurnEvent | ToolFinishedEvent;
