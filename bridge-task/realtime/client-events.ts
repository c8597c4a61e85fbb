import type {
  RealtimeClientEvent,
  RealtimeError,
  RealtimeErrorEvent,
  RealtimeServerEvent,
} from "openai/resources/realtime/realtime";
import type { EndReason } from "../job.ts";
import type { ConversationItem, ItemDelta } from "./conversation/conversation.ts";
import type { BetaServerEvents } from "./event-names.ts";
import type { ErrorAction, ModelError } from "./model-errors.ts";
import type { FinishedTool, StartedTool } from "./tools/runner.ts";
import type { AgentState } from "./turn/types.ts";

/** Anything that crossed the wire, in either direction. */
export type RealtimeRecord =
  | { time: string; source: "server"; event: RealtimeServerEvent }
  | { time: string; source: "client"; event: RealtimeClientEvent };

/** The server's own error event, with what to do next. The session goes on, unless `action` is `give_up`. */
export interface ErrorNotice extends Omit<RealtimeErrorEvent, "event_id"> {
  event_id?: string;
  error: RealtimeError;
  /** The server's own words. */
  message: string;
  action: ErrorAction;
  advice: string;
}

export interface CloseNotice {
  /** `disconnected`: the application asked for it. The others: the call, or the model server, ended it. */
  cause: EndReason;
  detail: string;
  error?: ModelError;
}

type ServerEvents = {
  [Event in RealtimeServerEvent as Exclude<Event["type"], "error">]: [event: Event];
};

/** What happens in a session: every server event under its own type, and these. */
export interface SessionEvents extends ServerEvents {
  /** Everything that crosses the wire, before it is told under its own name. */
  "realtime.event": [record: RealtimeRecord];
  /** An item is there, or changed. `delta`: what came with this change, null where nothing was added. */
  "conversation.updated": [change: { item: ConversationItem; delta: ItemDelta | null }];
  "conversation.item.appended": [appended: { item: ConversationItem }];
  /**
   * Once per item, when nothing more is made of it: a person's at once, with the words of speech still to come (in
   * `conversation.updated`, and as `conversation.item.input_audio_transcription.completed`); the agent's when it is made whole,
   * which is before it is heard whole. One that the model did not finish is never completed.
   */
  "conversation.item.completed": [completed: { item: ConversationItem }];
  /** A person began to speak; the agent is silent from here on. */
  "conversation.interrupted": [];
  /** A call of the model's begins to run. */
  "tool.started": [started: StartedTool];
  /** A call has the output that we gave it. `status`: `done`, or why the model got an error; `error`: what a handler threw. */
  "tool.finished": [finished: FinishedTool];
  "agent.state": [change: { state: AgentState }];
  error: [notice: ErrorNotice];
  /** Exactly once. Nothing follows. */
  close: [notice: CloseNotice];
}

/** What `on` takes: all of that, also under the names that server events had in the beta. */
export interface RealtimeClientEvents extends SessionEvents, Omit<BetaServerEvents, keyof SessionEvents> {}
