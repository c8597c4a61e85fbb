import type { RealtimeConversationItemUserMessage } from "openai/resources/realtime/realtime";

/** Samples (24 kHz mono PCM16, little endian) or their bytes; text is base64 already. */
export type AudioInput = Int16Array | ArrayBuffer | Uint8Array | string;

/** One part of what a user says in writing, sound or image (a data URI). */
export type UserContentPart =
  | { type: "input_text"; text: string }
  /** Its old name. */
  | { type: "text"; text: string }
  | { type: "input_audio"; audio: AudioInput; transcript?: string }
  | { type: "input_image"; image_url: string; detail?: "auto" | "low" | "high" };

/** Audio as base64. Anything else stays as it is: the server says what is wrong with it. */
export const encodeAudio = (audio: AudioInput): string => {
  if (audio instanceof ArrayBuffer) return Buffer.from(audio).toString("base64");
  if (!ArrayBuffer.isView(audio)) return audio;
  return Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString("base64");
};

/** The part as it goes on the wire: samples become base64, all else stays. */
export const wireContentOf = (part: UserContentPart): RealtimeConversationItemUserMessage.Content =>
  (part.type === "input_audio"
    ? { ...part, audio: encodeAudio(part.audio) }
    : part) as RealtimeConversationItemUserMessage.Content;
