import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { RealtimeRecord } from "../../bridge-task/realtime/client-events.ts";

const time = "2026-01-01T00:00:00.000Z";

/** What the model's server said, as a session tells it. Only the fields that matter here. */
export const server = (type: RealtimeServerEvent["type"], fields: object = {}): RealtimeRecord => ({
  time,
  source: "server",
  event: { type, event_id: "event", ...fields } as unknown as RealtimeServerEvent,
});

/** What we said to it. */
export const client = (type: RealtimeClientEvent["type"], fields: object = {}): RealtimeRecord => ({
  time,
  source: "client",
  event: { type, ...fields } as unknown as RealtimeClientEvent,
});

/** Sound of so many ms. */
const sound = (ms: number): string => Buffer.alloc(ms * 48).toString("base64");

/** One answer of the agent's, whole: its words and so much sound. */
export const answer = (itemId: string, text: string, soundMs: number, responseId = `r-${itemId}`): RealtimeRecord[] => [
  server("response.created", { response: { id: responseId } }),
  server("response.output_audio_transcript.delta", { item_id: itemId, response_id: responseId, delta: text }),
  server("response.output_audio.delta", { item_id: itemId, response_id: responseId, delta: sound(soundMs) }),
  server("response.output_audio_transcript.done", { item_id: itemId, response_id: responseId, transcript: text }),
  server("response.output_item.done", { item: { id: itemId, type: "message" } }),
  server("response.done", { response: { id: responseId, status: "completed" } }),
];

/** One turn of a person's, and what was understood of it. */
export const question = (itemId: string, transcript: string): RealtimeRecord[] => [
  server("input_audio_buffer.speech_started", { item_id: itemId, audio_start_ms: 0 }),
  server("input_audio_buffer.speech_stopped", { item_id: itemId, audio_end_ms: 0 }),
  server("input_audio_buffer.committed", { item_id: itemId }),
  server("conversation.item.input_audio_transcription.completed", { item_id: itemId, transcript }),
];
