import type { RealtimeConversationItemUserMessage } from "openai/resources/realtime/realtime";
import { encodePcm } from "./pcm.ts";

/** One part of what a user says in writing, sound (24 kHz mono PCM16) or image (a data URI). */
export type UserContentPart =
  | { type: "input_text"; text: string }
  | { type: "input_audio"; audio: Int16Array | ArrayBuffer | string; transcript?: string }
  | { type: "input_image"; image_url: string; detail?: "auto" | "low" | "high" };

/** The part as it goes on the wire: samples become base64, all else stays. */
export const wireContentOf = (part: UserContentPart): RealtimeConversationItemUserMessage.Content => {
  if (part.type !== "input_audio" || typeof part.audio === "string")
    return part as RealtimeConversationItemUserMessage.Content;
  const samples = part.audio instanceof Int16Array ? part.audio : new Int16Array(part.audio);
  return { ...part, audio: encodePcm(samples) };
};
