import type { ContentPart, ConversationItem, WireItem } from "./types.ts";

/** A content part as any of the item and content_part events bring it. */
export interface WirePart {
  type?: string;
  text?: string;
  transcript?: string | null;
  audio?: string | null;
  image_url?: string;
  detail?: "auto" | "low" | "high";
}

/** No item has more parts; an index beyond is a fault of the server's. */
const maxParts = 64;

const assistantTypes: Readonly<Record<string, Pick<ContentPart, "type" | "ga_type">>> = {
  output_text: { type: "text", ga_type: "output_text" },
  text: { type: "text", ga_type: "output_text" },
  output_audio: { type: "audio", ga_type: "output_audio" },
  audio: { type: "audio", ga_type: "output_audio" },
};

export const partOf = ({ audio: _, ...part }: WirePart): ContentPart =>
  ({ ...part, ...assistantTypes[part.type ?? ""] }) as ContentPart;

export const wirePartsOf = (item: WireItem): WirePart[] => {
  if (item.type !== "message" || !Array.isArray(item.content)) return [];
  return item.content.slice(0, maxParts);
};

/** The part at this index, made where the event that tells of it was lost; undefined where there can be none. */
export const partAt = (
  item: ConversationItem,
  index: number,
  type: "audio" | "text" | "input_audio",
): ContentPart | undefined => {
  if (item.type !== "message" || !Number.isInteger(index) || index < 0 || index >= maxParts) return undefined;
  while (item.content.length <= index) item.content.push(partOf({ type }));
  return item.content[index];
};

/** What is known of a part after the server told of it again. A transcript that is made later is not lost to an older copy. */
const mergePart = (known: ContentPart | undefined, told: ContentPart, isAssistant: boolean): ContentPart => {
  if (known === undefined) return told;
  const isTranscriptTold = isAssistant ? typeof told.transcript === "string" : Boolean(told.transcript);
  const transcript = isTranscriptTold || known.transcript === undefined ? told.transcript : known.transcript;
  return { ...known, ...told, ...(transcript === undefined ? {} : { transcript }) };
};

/** Takes over what the server tells of an item's content; parts that it leaves out stay. Tells whether anything changed. */
export const mergeContent = (item: ConversationItem, told: readonly WirePart[]): boolean => {
  const before = JSON.stringify(item.content);
  const isAssistant = item.role === "assistant";
  for (const [index, part] of told.entries()) {
    item.content[index] = mergePart(item.content[index], partOf(part), isAssistant);
  }
  return JSON.stringify(item.content) !== before;
};

/** Brings `formatted` up to date with the content. `isTranscribed`: speech that came out as nothing is a single space. */
export const formatContent = (item: ConversationItem, isTranscribed: boolean): void => {
  const all = (key: "text" | "transcript") => item.content.map((part) => part[key] ?? "").join("");
  item.formatted.text = all("text");
  item.formatted.transcript = all("transcript") || (isTranscribed ? " " : "");
};
