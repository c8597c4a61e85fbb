import { type ApiProblem, problems } from "./errors.ts";
import { newId } from "./ids.ts";
import { isObject, type JsonObject } from "./json.ts";
import { anything, base64, type Check, listOf, matching, nullable, object, oneOf, string, tagged } from "./schema.ts";

export interface ContentPart {
  type: "input_text" | "input_audio" | "input_image" | "output_text" | "output_audio";
  text?: string;
  transcript?: string | null;
  image_url?: string;
  detail?: string;
}

interface ItemBase {
  id: string;
  status: "in_progress" | "completed" | "incomplete";
}
export interface MessageItem extends ItemBase {
  type: "message";
  role: "system" | "user" | "assistant";
  content: ContentPart[];
}
export interface CallItem extends ItemBase {
  type: "function_call";
  name: string;
  call_id: string;
  arguments: string;
}
export interface CallOutputItem extends ItemBase {
  type: "function_call_output";
  call_id: string;
  output: string;
}
export type Item = MessageItem | CallItem | CallOutputItem;

/** An item of the conversation with the audio behind it. `fromModel`: the model spoke it, so it can be truncated. */
export interface StoredItem {
  item: Item;
  audio: Int16Array[];
  audioSamples: number;
  fromModel: boolean;
}

const samplesPerMs = 24;

export const audioMs = (stored: StoredItem): number => Math.floor(stored.audioSamples / samplesPerMs);

/** An item as a test sees it: a copy, with how much audio the server holds of it. */
export type ConversationEntry = Item & { audioMs: number };

export const entryOf = (stored: StoredItem): ConversationEntry => ({
  ...structuredClone(stored.item),
  audioMs: audioMs(stored),
});

/** A copy for the wire and the log: events already sent must not change when the item does. */
export const viewOf = (item: Item): JsonObject =>
  item.type === "message" ? { ...item, content: item.content.map((part) => ({ ...part })) } : { ...item };

/** The same with the stored audio in it, as only `conversation.item.retrieve` gives it. */
export const viewWithAudio = (stored: StoredItem): JsonObject => {
  const view = viewOf(stored.item);
  const first = Array.isArray(view.content) ? view.content[0] : undefined;
  if (isObject(first) && stored.audio.length > 0)
    first.audio = Buffer.concat(
      stored.audio.map((pcm) => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)),
    ).toString("base64");
  return view;
};

const base = {
  id: string(32),
  object: oneOf("realtime.item"),
  type: anything,
  status: oneOf("completed", "incomplete", "in_progress"),
};
const callId = matching(/^[a-zA-Z0-9_-]+$/, string(32));
const image: Check = (value, path) =>
  string()(value, path) ??
  (/^data:image\/[a-z+]+;base64,/.test(String(value)) ? undefined : problems.noImageData(path));
const text = object({ type: anything, text: string() }, ["text"]);
const message = (content: Check) => object({ ...base, role: anything, content: listOf(content) }, ["content"]);

const itemShape = tagged("type", {
  message: tagged("role", {
    system: message(tagged("type", { input_text: text })),
    user: message(
      tagged("type", {
        input_text: text,
        input_audio: object({ type: anything, audio: base64, transcript: nullable(string()) }),
        input_image: object({ type: anything, image_url: image, detail: oneOf("auto", "low", "high") }, ["image_url"]),
      }),
    ),
    assistant: message(
      tagged("type", {
        output_text: text,
        // Accepted for its transcript: a model's voice cannot be put into its mouth.
        output_audio: object({ type: anything, transcript: nullable(string()), audio: nullable(base64) }),
      }),
    ),
  }),
  function_call: object({ ...base, name: string(), call_id: callId, arguments: string() }, ["name", "arguments"]),
  function_call_output: object({ ...base, call_id: callId, output: string() }, ["call_id", "output"]),
});

export const checkItem = (value: unknown, path = "item"): ApiProblem | undefined => itemShape(value, path);

const withoutAudio = (part: JsonObject): ContentPart => {
  const { audio: _audio, ...rest } = part;
  // Checked by `itemShape`; an audio part always shows its transcript, if only as null.
  return (rest.type === "input_audio" ? { transcript: null, ...rest } : rest) as unknown as ContentPart;
};

/** The stored form of an item that passed `checkItem`. `decode` turns its base64 audio into PCM. */
export const storedFrom = (value: JsonObject, decode: (base64: string) => Int16Array | undefined): StoredItem => {
  const parts = Array.isArray(value.content) ? value.content.filter(isObject) : [];
  const spoken = parts.find((part) => part.type === "input_audio" && typeof part.audio === "string");
  const pcm = spoken ? (decode(String(spoken.audio)) ?? new Int16Array()) : new Int16Array();
  const { object: _object, ...rest } = value;
  const item = {
    ...rest,
    id: typeof value.id === "string" ? value.id : newId("item"),
    status: typeof value.status === "string" ? value.status : "completed",
    ...(value.type === "message" ? { content: parts.map(withoutAudio) } : {}),
    ...(value.type === "function_call" ? { call_id: value.call_id ?? newId("call") } : {}),
  } as Item;
  return { item, audio: pcm.length > 0 ? [pcm] : [], audioSamples: pcm.length, fromModel: false };
};

/** The default conversation: its items in order. */
export class Conversation {
  readonly #items: StoredItem[] = [];

  get items(): readonly StoredItem[] {
    return this.#items;
  }

  get(itemId: string): StoredItem | undefined {
    return this.#items.find((stored) => stored.item.id === itemId);
  }

  get lastId(): string | null {
    return this.#items.at(-1)?.item.id ?? null;
  }

  /** Puts an item after `previousItemId` ("root": in front, undefined: at the end); gives the id before it. */
  add(stored: StoredItem, previousItemId?: string | null): { previousItemId: string | null } | { problem: ApiProblem } {
    if (this.get(stored.item.id)) return { problem: problems.itemExists(stored.item.id) };
    const { item } = stored;
    const problem = item.type === "function_call_output" ? this.#problemOfOutput(item.call_id) : undefined;
    if (problem) return { problem };
    const at = this.#placeAfter(previousItemId ?? undefined);
    if (at === undefined) return { problem: problems.noPreviousItem(String(previousItemId)) };
    this.#items.splice(at, 0, stored);
    return { previousItemId: this.#items[at - 1]?.item.id ?? null };
  }

  remove(itemId: string): boolean {
    const at = this.#items.findIndex((stored) => stored.item.id === itemId);
    if (at >= 0) this.#items.splice(at, 1);
    return at >= 0;
  }

  /** Cuts a spoken item to what was heard. The transcript goes with it: nobody knows which words that was. */
  truncate(itemId: string, audioEndMs: number): ApiProblem | undefined {
    const stored = this.get(itemId);
    if (!stored) return problems.noItemToTruncate(itemId);
    if (!stored.fromModel || stored.audioSamples === 0) return problems.onlyModelAudio();
    if (audioEndMs > audioMs(stored)) return problems.alreadyShorter(audioMs(stored), audioEndMs);
    keepFirst(stored, audioEndMs * samplesPerMs);
    if (stored.item.type === "message")
      for (const part of stored.item.content) if (part.type === "output_audio") part.transcript = "";
    return undefined;
  }

  /** Forgets the sound, but not the length, of all but the latest `ms` of audio. */
  keepAudio(ms: number): void {
    let left = ms * samplesPerMs;
    for (const stored of [...this.#items].reverse()) {
      left -= stored.audioSamples;
      if (left < 0) stored.audio = [];
    }
  }

  /**
   * The service checks that the call is in the conversation (also one that was cut). What it does about a second output is
   * not known; here it is refused, because a client that answers a call twice is wrong either way.
   */
  #problemOfOutput(callId: string): ApiProblem | undefined {
    const has = (type: Item["type"]) =>
      this.#items.some(({ item }) => item.type === type && "call_id" in item && item.call_id === callId);
    if (!has("function_call")) return problems.unknownToolCall(callId);
    return has("function_call_output") ? problems.answeredToolCall(callId) : undefined;
  }

  #placeAfter(previousItemId: string | undefined): number | undefined {
    if (previousItemId === undefined) return this.#items.length;
    if (previousItemId === "root") return 0;
    const at = this.#items.findIndex((stored) => stored.item.id === previousItemId);
    return at < 0 ? undefined : at + 1;
  }
}

const keepFirst = (stored: StoredItem, sampleCount: number): void => {
  let left = sampleCount;
  stored.audio = stored.audio.flatMap((pcm) => {
    const kept = pcm.subarray(0, Math.max(0, left));
    left -= pcm.length;
    return kept.length > 0 ? [kept] : [];
  });
  stored.audioSamples = Math.min(stored.audioSamples, sampleCount);
};
