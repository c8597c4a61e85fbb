import type { ConversationItem as WireItem } from "openai/resources/realtime/realtime";

export type { WireItem };

/** `audio` and `text` are the assistant's own; `ga_type` is what the protocol calls those today. */
export interface ContentPart {
  type: "input_text" | "input_audio" | "input_image" | "audio" | "text";
  ga_type?: "output_audio" | "output_text";
  text?: string;
  transcript?: string | null;
  image_url?: string;
  detail?: "auto" | "low" | "high";
}

/** A function call of the model's, as far as it has arrived. */
export interface FormattedTool {
  type: "function";
  name: string;
  call_id: string;
  /** JSON text. */
  arguments: string;
}

export interface FormattedItem {
  /** 24 kHz mono PCM16. Empty unless the conversation keeps audio. */
  audio: Int16Array;
  /** All written text of the item. */
  text: string;
  /** All spoken text; a single space where speech was transcribed as nothing. */
  transcript: string;
  tool?: FormattedTool;
  output?: string;
  /** For the application: nothing here reads or writes it. */
  file?: unknown;
}

/**
 * One item of the conversation, as the old client shows it: the fields of the wire, kept up to date, with a `formatted`
 * view. The same object for as long as the item lives.
 */
export interface ConversationItem {
  readonly id: string;
  object?: "realtime.item";
  type: WireItem["type"];
  role?: "user" | "assistant" | "system";
  status: "in_progress" | "completed" | "incomplete";
  /** Without the parts' audio. Empty where the item's type has none. */
  content: ContentPart[];
  /** Of a function call, or a tool of an MCP server. */
  name?: string;
  call_id?: string;
  arguments?: string;
  /** Of a function_call_output. */
  output?: string | null;
  formatted: FormattedItem;
}

/** What was added to an item; one key is there. */
export interface ItemDelta {
  transcript?: string;
  /** 24 kHz mono PCM16. */
  audio?: Int16Array;
  text?: string;
  arguments?: string;
}

export type ConversationChange =
  /** The item is new. */
  | { type: "appended"; item: ConversationItem }
  /** Nothing more comes. Once per item, and never for one that was cut short. */
  | { type: "completed"; item: ConversationItem }
  /** `delta` is null where more than an addition changed: created, done, truncated, deleted. */
  | { type: "updated"; item: ConversationItem; delta: ItemDelta | null };
