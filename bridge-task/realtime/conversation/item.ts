import { formatContent, partOf, wirePartsOf } from "./content.ts";
import type { ConversationItem, WireItem } from "./types.ts";

/** An item and what is known of its life. */
export interface Entry {
  readonly item: ConversationItem;
  /** The response that first told of it; undefined where the conversation did. */
  readonly responseId: string | undefined;
  /** The server told its place; before that it stands at the end. */
  isPlaced: boolean;
  /** Nothing more comes: what still does is late. */
  isDone: boolean;
  /** That it is complete was told. */
  isCompletionTold: boolean;
  isTruncated: boolean;
  /** Content parts whose speech has its final transcript. */
  readonly transcribed: Set<number>;
}

type Status = ConversationItem["status"];

const statusOf = (wire: WireItem): Status | undefined => ("status" in wire ? wire.status : undefined);

/** What never grows: it is complete as soon as it is there. */
const isInstant = (wire: WireItem): boolean =>
  wire.type === "function_call_output" || (wire.type === "message" && wire.role !== "assistant");

/** An item of the assistant's that the client put there, whole. What a model makes begins empty. */
const isWhole = (wire: WireItem): boolean => {
  if (statusOf(wire) !== "completed") return false;
  if (wire.type === "function_call") return Boolean(wire.arguments);
  return wire.type === "message" && wirePartsOf(wire).length > 0;
};

const firstStatus = (wire: WireItem): Status => {
  if (statusOf(wire) === "incomplete") return "incomplete";
  return isInstant(wire) || isWhole(wire) ? "completed" : "in_progress";
};

/** The status that an item ends with. `isCut`: its response was cancelled or failed. */
export const lastStatus = (wire: WireItem, isCut = false): Status => {
  const status = statusOf(wire);
  if (status === "completed" || status === "incomplete") return status;
  return isCut ? "incomplete" : "completed";
};

const formattedTool = (wire: WireItem): Pick<ConversationItem["formatted"], "tool"> => {
  if (wire.type !== "function_call") return {};
  const { name = "", call_id = "", arguments: args = "" } = wire;
  return { tool: { type: "function", name, call_id, arguments: args } };
};

export const entryOf = (wire: WireItem & { id: string }, responseId: string | undefined): Entry => {
  const { status: _, content: __, ...rest } = wire as WireItem & { id: string; status?: unknown; content?: unknown };
  const item = {
    ...rest,
    status: firstStatus(wire),
    content: wirePartsOf(wire).map(partOf),
    formatted: {
      audio: new Int16Array(0),
      text: "",
      transcript: "",
      ...formattedTool(wire),
      ...(wire.type === "function_call_output" ? { output: wire.output } : {}),
    },
  } as ConversationItem;
  formatContent(item, false);
  return {
    item,
    responseId,
    isPlaced: false,
    isDone: item.status !== "in_progress",
    isCompletionTold: false,
    isTruncated: false,
    transcribed: new Set(),
  };
};

/** Arguments as far as they are known now, in both places that show them. */
export const setArguments = (item: ConversationItem, text: string): void => {
  item.arguments = text;
  if (item.formatted.tool !== undefined) item.formatted.tool.arguments = text;
};

/** Takes over what only whole function calls and outputs have. Tells whether anything changed. */
export const mergeFields = (item: ConversationItem, wire: WireItem): boolean => {
  const before = `${item.name} ${item.arguments} ${item.output}`;
  if (wire.type === "function_call") {
    const { name, call_id } = wire;
    if (name) item.name = name;
    if (call_id) item.call_id = call_id;
    if (item.formatted.tool !== undefined)
      Object.assign(item.formatted.tool, { name: item.name, call_id: item.call_id });
    if (wire.arguments) setArguments(item, wire.arguments);
  } else if (wire.type === "function_call_output") {
    item.output = wire.output;
    item.formatted.output = wire.output;
  } else if (wire.type === "mcp_call") {
    const { arguments: args, output = null, error = null } = wire;
    Object.assign(item, { arguments: args, output, error });
  } else if (wire.type === "mcp_list_tools") {
    Object.assign(item, { tools: wire.tools });
  }
  return `${item.name} ${item.arguments} ${item.output}` !== before;
};
