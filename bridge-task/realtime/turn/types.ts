import type { ResponseCreateEvent } from "openai/resources/realtime/realtime";
import type { EffectiveTurnDetection } from "../session/config.ts";
import type { AudioPart, SpokenPart } from "../voice.ts";

export type ResponseParameters = NonNullable<ResponseCreateEvent["response"]>;

/** A function that the model wants run. */
export interface ToolCall {
  readonly itemId: string;
  readonly callId: string;
  readonly name: string;
  /** JSON text as the model wrote it. */
  readonly arguments: string;
}

/** The calls of one response: each is answered by itself, then one response answers them all. */
export interface ToolBatch {
  readonly responseId: string;
  /** Calls that have no output yet. */
  readonly running: readonly ToolCall[];
  /** The outputs' items, oldest first. */
  readonly outputItemIds: readonly string[];
  /** Every output so far came from the application, which may ask for the response as well. */
  readonly isApplications: boolean;
  /** Every output so far is of a tool with which the model takes its leave: no more need be said after it. */
  readonly isFarewell: boolean;
  /** A sentence was said, or is to be said, because they take their time. */
  readonly isExcused: boolean;
}

/** Somebody wants the model to respond. */
export interface Wish {
  /** Unique in the session; the first attempt's `event_id`, later ones are made from it. */
  readonly id: string;
  /** Without parameters, wishes are alike: several become one. */
  readonly parameters: ResponseParameters | undefined;
  /** Conversation items that the response must have seen (what the user typed, a tool's outputs). */
  readonly sees: readonly string[];
  /** Given up when a person speaks first, as a greeting is. */
  readonly yieldsToSpeech: boolean;
  /** Owed to tools that have finished: a cancel does not take it back. */
  readonly survivesCancel?: boolean | undefined;
  /** Asked for because of outputs that an application gave: a response of its own that sees them will do, and goes first. */
  readonly isReplaceable?: boolean | undefined;
  readonly attemptCount: number;
}

/** How much of one part of the agent's speech was heard, in whole milliseconds of audio. */
export interface HeardPart {
  readonly itemId: string;
  readonly contentIndex: number;
  readonly ms: number;
}

/** Audio of one item of the conversation, as far as it may still be cut. */
export interface SpokenItem {
  readonly itemId: string;
  readonly responseId: string;
  readonly contentIndex: number;
  readonly receivedSampleCount: number;
  /** The server said that no more audio comes. */
  readonly isComplete: boolean;
}

/** The one response that writes to the conversation. */
export type ActiveResponse =
  | { readonly phase: "none" }
  /** `response.create` is on its way; `isCancelled`: it must end as soon as its id is known. */
  | { readonly phase: "requested"; readonly wish: Wish; readonly isCancelled: boolean }
  /** The server is generating. `id` is undefined where only an error told of it; `wish`: what it is taken to answer. */
  | { readonly phase: "active"; readonly id: string | undefined; readonly wish: Wish | undefined };

/** A sentence for while the tools of a batch take their time, see asides.ts. */
export type Aside =
  | { readonly phase: "none" }
  /** It waits for silence. */
  | { readonly phase: "due"; readonly batchId: string; readonly sentence: string }
  /** `response.create` is on its way. */
  | { readonly phase: "requested"; readonly batchId: string; readonly eventId: string }
  /** The server is making it. `isHeard`: the voice was given some of it. */
  | { readonly phase: "active"; readonly batchId: string; readonly responseId: string; readonly isHeard: boolean };

/** - `quiet`: nobody speaks. - `speaking`: between speech_started and speech_stopped. - `awaiting_response`: the server will answer that speech by itself. */
export type SpeechPhase = "quiet" | "speaking" | "awaiting_response";

export type WakeKind = "speech" | "response" | "retry" | "aside";

export interface TurnState {
  readonly turnDetection: EffectiveTurnDetection | null;
  readonly speech: SpeechPhase;
  readonly response: ActiveResponse;
  readonly aside: Aside;
  /** In the order in which they are sent; at most one without parameters. */
  readonly queue: readonly Wish[];
  /** Wishes taken to be answered by a response that may turn out to be the server's own, by `event_id`, oldest first. */
  readonly assumed: readonly { readonly eventId: string; readonly wish: Wish }[];
  /** Items we created that the server has neither shown nor refused yet. */
  readonly unconfirmedItemIds: ReadonlySet<string>;
  /** What the voice was given and may still hold, oldest first. */
  readonly spoken: readonly SpokenItem[];
  /** What the application says was heard of an item, until the cut that it belongs to is answered. */
  readonly heard: HeardPart | undefined;
  /** What the conversation keeps of speech that the voice is through with, oldest first. */
  readonly said: readonly HeardPart[];
  /** Responses and items whose late audio is dropped, oldest first. */
  readonly droppedIds: readonly string[];
  /** Responses that write to no conversation, oldest first. */
  readonly outsideResponseIds: readonly string[];
  /** What an aside consists of: the voice says it, the conversation does not hold it. Oldest first. */
  readonly asideItemIds: readonly string[];
  /** Responses of which the voice was given something, oldest first. */
  readonly voicedResponseIds: readonly string[];
  /** Responses that are over, oldest first. */
  readonly settledResponseIds: readonly string[];
  /** Calls whose response may still bring others, or that have no output yet, oldest first. */
  readonly toolBatches: readonly ToolBatch[];
  /** Keys of the calls that were told of, run or not, oldest first. */
  readonly toldCalls: readonly string[];
  /** Outputs that the application sent before we were told of the call, oldest first. */
  readonly earlyOutputs: readonly { readonly callId: string; readonly outputItemId: string }[];
  /** Items and wishes that the reducer made itself so far. */
  readonly madeCount: number;
  /** The voice holds audio that was not sent yet. */
  readonly isVoiceBusy: boolean;
  /** No response may be asked for now. */
  readonly isHeld: boolean;
  readonly failureCount: number;
  /** The newest wake of each kind; an older one that still fires means nothing. */
  readonly wakes: Readonly<Partial<Record<WakeKind, number>>>;
  readonly wakeCount: number;
}

export type TurnEvent =
  /** `isHeld`: what a response has to see or obey is still on its way, so none may be asked for. */
  | { type: "hold"; isHeld: boolean }
  | { type: "session_updated"; turnDetection: EffectiveTurnDetection | null }
  | { type: "response_wanted"; wish: Wish }
  /** `heard`: the application's own idea of it; the conversation keeps no more of that part, nor more than was sent. */
  | { type: "cancel_wanted"; heard?: HeardPart | undefined }
  | { type: "item_sent"; itemId: string }
  /** The server showed the item, or refused it. */
  | { type: "item_settled"; itemId: string }
  | { type: "speech_started" }
  /** Speech stopped or was committed. */
  | { type: "speech_stopped" }
  /** A silence ran out: the server is about to speak by itself. */
  | { type: "answer_due" }
  /** The server threw the speech away: no answer is due. */
  | { type: "speech_discarded" }
  | { type: "response_created"; responseId: string; isInConversation: boolean }
  /** An audio part begins: from now on the item has audio, if none was received yet. */
  | { type: "audio_part_added"; responseId: string; part: AudioPart }
  | { type: "audio_received"; responseId: string; part: AudioPart; sampleCount: number }
  /** The voice takes no more: it was not given these samples after all, and the reply must end. */
  | { type: "audio_refused"; part: AudioPart; sampleCount: number }
  | { type: "audio_completed"; itemId: string }
  | {
      type: "response_done";
      responseId: string;
      /** `failed_for_now`: the same may succeed when asked again. */
      outcome: "completed" | "cancelled" | "failed" | "failed_for_now";
    }
  /** A call's arguments are complete. The server tells of it several times. */
  | { type: "tool_called"; responseId: string; call: ToolCall }
  /** A call was cut off in the middle of its arguments: it is never run. */
  | { type: "tool_call_cut"; responseId: string; itemId: string }
  /** The handler's one result, error or timeout, as text. `isFarewell`: nothing need be said after it. */
  | { type: "tool_finished"; itemId: string; output: string; isFarewell?: boolean }
  /** A tool takes its time, and has a sentence for that. */
  | { type: "tool_slow"; itemId: string; sentence: string }
  /** A response of ours outside of the conversation, which is to be heard; `eventId`: of its request. */
  | { type: "aside_created"; responseId: string; eventId: string }
  | { type: "aside_done"; responseId: string }
  /** The application answered a call by itself; the output's item is on its way. */
  | { type: "tool_answered"; callId: string; outputItemId: string }
  /** The server refused what we sent as `eventId`. */
  | {
      type: "refused";
      eventId: string | undefined;
      isResponseActive: boolean;
      activeResponseId: string | undefined;
      /** The same may succeed when sent again. */
      isForNow?: boolean | undefined;
    }
  | { type: "voice_cut"; parts: readonly SpokenPart[] }
  | { type: "voice_drained" }
  | { type: "woken"; kind: WakeKind; wake: number };

export type TurnCommand =
  | { type: "create_response"; eventId: string; parameters: ResponseParameters | undefined }
  | { type: "cancel_response"; responseId: string | undefined }
  | { type: "truncate_item"; itemId: string; contentIndex: number; audioEndMs: number }
  | { type: "delete_item"; itemId: string }
  | { type: "run_tool"; call: ToolCall }
  /** `itemId`: of the new item; unique, at most 32 characters. */
  | { type: "send_tool_output"; callId: string; itemId: string; output: string }
  /** Hand this delta's samples to the voice. Never given without an `audio_received`. */
  | { type: "speak"; part: AudioPart }
  | { type: "finish_item"; itemId: string }
  /** Cut the voice now; its answer comes back as `voice_cut`. */
  | { type: "cut_voice" }
  /** Send `woken` after this time; replaces the earlier wake of its kind. */
  | { type: "wake"; kind: WakeKind; wake: number; afterMs: number }
  | { type: "abandon_wish"; wish: Wish };

/** What a user interface shows of the agent. */
export type AgentState = "listening" | "thinking" | "speaking";
