import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { RealtimeRecord } from "../realtime/client-events.ts";
import { samplesPerMs } from "../realtime/pcm.ts";
import { asideKey } from "../realtime/turn/asides.ts";
import type { AgentState } from "../realtime/turn/types.ts";

/** What of a session matters to who said what. */
export type SpokenEvent =
  | { type: "state"; state: AgentState }
  /** A response that is no part of the conversation, and is not heard. */
  | { type: "outside_response"; responseId: string }
  /** What is said while a tool takes its time: outside of the conversation too, and heard all the same. */
  | { type: "aside"; responseId: string }
  /** Words of the agent's; `isWhole`: all of them. */
  | { type: "words"; itemId: string; responseId: string; text: string; isWhole: boolean }
  | { type: "sound"; itemId: string; responseId: string; ms: number }
  /** The model adds nothing to the item. */
  | { type: "made"; itemId: string }
  | { type: "response_over"; responseId: string }
  /** The voice was cut: so much was sent into the call. */
  | { type: "cut"; itemId: string; heardMs: number }
  | { type: "speech_started"; itemId: string }
  /** A person's turn was taken in. */
  | { type: "committed"; itemId: string }
  /** `text` undefined: transcription failed. */
  | { type: "transcript"; itemId: string; text: string | undefined; isFinal: boolean };

const bytesPerSample = 2;
const base64Ms = (base64: string): number => Math.floor((base64.length * 3) / 4 / bytesPerSample / samplesPerMs);

const ofServer = (event: RealtimeServerEvent): SpokenEvent | undefined => {
  switch (event.type) {
    case "response.created":
    case "response.done": {
      const { id, conversation_id, metadata } = event.response;
      if (id === undefined) return undefined;
      // Null is how the server says that a response writes to no conversation; the SDK's type leaves that out.
      const isOutside = (conversation_id as string | null | undefined) === null;
      const isAside = metadata?.[asideKey] !== undefined;
      if (isOutside && !isAside) return { type: "outside_response", responseId: id };
      if (event.type === "response.done") return { type: "response_over", responseId: id };
      return isAside ? { type: "aside", responseId: id } : undefined;
    }
    case "response.output_audio_transcript.delta":
      return { type: "words", itemId: event.item_id, responseId: event.response_id, text: event.delta, isWhole: false };
    case "response.output_audio_transcript.done": {
      const { item_id: itemId, response_id: responseId, transcript: text } = event;
      return { type: "words", itemId, responseId, text, isWhole: true };
    }
    case "response.output_audio.delta": {
      const { item_id: itemId, response_id: responseId, delta } = event;
      return { type: "sound", itemId, responseId, ms: base64Ms(delta) };
    }
    case "response.output_item.done":
      return event.item.id === undefined ? undefined : { type: "made", itemId: event.item.id };
    case "input_audio_buffer.speech_started":
      return { type: "speech_started", itemId: event.item_id };
    case "input_audio_buffer.committed":
      return { type: "committed", itemId: event.item_id };
    case "conversation.item.input_audio_transcription.delta":
      return { type: "transcript", itemId: event.item_id, text: event.delta ?? "", isFinal: false };
    case "conversation.item.input_audio_transcription.completed":
      return { type: "transcript", itemId: event.item_id, text: event.transcript.trim(), isFinal: true };
    case "conversation.item.input_audio_transcription.failed":
      return { type: "transcript", itemId: event.item_id, text: undefined, isFinal: true };
    default:
      return undefined;
  }
};

const ofClient = (event: RealtimeClientEvent): SpokenEvent | undefined => {
  if (event.type === "conversation.item.truncate") {
    return { type: "cut", itemId: event.item_id, heardMs: event.audio_end_ms };
  }
  return event.type === "conversation.item.delete" ? { type: "cut", itemId: event.item_id, heardMs: 0 } : undefined;
};

/** What a message of the wire tells of who said what, if anything. */
export const spokenEventOf = ({ source, event }: RealtimeRecord): SpokenEvent | undefined =>
  source === "server" ? ofServer(event) : ofClient(event);
