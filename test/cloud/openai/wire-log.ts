import { isObject, type JsonObject } from "./json.ts";

const byteCount = (base64: string): number => Buffer.byteLength(base64, "base64");

const withoutAudio = (part: unknown): unknown =>
  isObject(part) && typeof part.audio === "string" ? { ...part, audio: { bytes: byteCount(part.audio) } } : part;

const withoutItemAudio = (item: unknown): unknown =>
  isObject(item) && Array.isArray(item.content) ? { ...item, content: item.content.map(withoutAudio) } : item;

/** An event of either direction as the log keeps it: audio replaced by `{ bytes }`, everything else as it was. */
export const forLog = (event: JsonObject): JsonObject => {
  const { type, audio, delta, item } = event;
  return {
    ...event,
    ...(typeof audio === "string" ? { audio: { bytes: byteCount(audio) } } : {}),
    ...(type === "response.output_audio.delta" && typeof delta === "string"
      ? { delta: { bytes: byteCount(delta) } }
      : {}),
    ...(item === undefined ? {} : { item: withoutItemAudio(item) }),
  };
};
