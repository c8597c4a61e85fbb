import type { ConversationItem as WireItem } from "openai/resources/realtime/realtime";
import { InvalidInputError } from "../../errors.ts";
import { isTree, type Tree } from "../session/tree.ts";
import { jsonTextOf } from "./json.ts";
import { type AudioInput, encodeAudio } from "./user-content.ts";

export interface NormalizedItem {
  item: WireItem;
  /** One sentence per part that was changed in meaning or left out. */
  warnings: string[];
}

const assistantPart = (part: Tree, index: number, warnings: string[]): Tree[] => {
  const { type, text, transcript } = part;
  if (type === "text") return [{ ...part, type: "output_text" }];
  if (type !== "audio" && type !== "output_audio") return [part];
  const said = typeof transcript === "string" && transcript !== "" ? transcript : text;
  const isSaid = typeof said === "string" && said !== "";
  const left = isSaid ? "its transcript stands as text" : "it has no transcript and was left out";
  warnings.push(`content[${index}]: audio cannot be put into the assistant's mouth; ${left}.`);
  return isSaid ? [{ type: "output_text", text: said }] : [];
};

const heardPart = (part: Tree): Tree => {
  if (part.type === "text") return { ...part, type: "input_text" };
  // From an item of the conversation: sound that the server had made text of.
  if (part.type !== "input_audio" || part.audio === undefined) return part;
  return { ...part, audio: encodeAudio(part.audio as AudioInput) };
};

const messageOfItem = (item: Tree, warnings: string[]): Tree => {
  const { content, role } = item;
  if (!Array.isArray(content)) return item;
  const parts = content.flatMap((part: unknown, index) => {
    if (!isTree(part)) return [part];
    // What only our own view of an item has.
    const { ga_type: _, ...wire } = part;
    return role === "assistant" ? assistantPart(wire, index, warnings) : [heardPart(wire)];
  });
  return { ...item, content: parts };
};

const asText = (value: unknown, what: string): string => (typeof value === "string" ? value : jsonTextOf(value, what));

/**
 * An item as the server takes it today: the beta's part types renamed, samples as base64, a tool's output and arguments as text.
 * What nobody can know to be wrong stays for the server to judge. Throws InvalidInputError where it is no item at all.
 */
export const normalizeItem = (asked: unknown): NormalizedItem => {
  if (!isTree(asked)) throw new InvalidInputError("An item must be an object such as { type, role, content }");
  const warnings: string[] = [];
  const { formatted: _, ...given } = asked;
  const item: Tree = given.type === undefined && given.role !== undefined ? { ...given, type: "message" } : given;
  let known = item;
  if (item.type === "message") known = messageOfItem(item, warnings);
  else if (item.type === "function_call") known = { ...item, arguments: asText(item.arguments ?? {}, "arguments") };
  else if (item.type === "function_call_output") known = { ...item, output: asText(item.output, "output") };
  return { item: known as unknown as WireItem, warnings };
};
