import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { PcmDecoder } from "../pcm.ts";
import { ItemSounds } from "./audio.ts";
import { formatContent, mergeContent, partAt, partOf, wirePartsOf } from "./content.ts";
import { type Entry, lastStatus, mergeFields, setArguments } from "./item.ts";
import { ConversationItems, type IdentifiedItem, merge } from "./items.ts";
import { RecentIds } from "./order.ts";
import { HeardSpeech } from "./speech.ts";
import type { ConversationChange, ConversationItem, ItemDelta, WireItem } from "./types.ts";

export type {
  ContentPart,
  ConversationChange,
  ConversationItem,
  FormattedItem,
  FormattedTool,
  ItemDelta,
} from "./types.ts";

type EventOf<Type extends RealtimeServerEvent["type"]> = Extract<RealtimeServerEvent, { type: Type }>;
type Response = EventOf<"response.done">["response"];

export interface ConversationOptions {
  /** Items keep their sound in `formatted.audio`: up to 10 minutes of it in all. Default: false, it stays empty. */
  keepAudio?: boolean | undefined;
}

/** Beyond it the oldest items leave the view; the server still has them. */
const maxItems = 10_000;
const rememberedResponses = 256;

/**
 * The conversation as the server tells of it, item by item and in its order, in the shape that the old client showed.
 * Lenient: what one lost event would have told is taken from the next that tells it too, and what comes twice or late changes
 * nothing. Takes events under today's names (see EventNames).
 */
export class Conversation {
  readonly #items = new ConversationItems(maxItems);
  /** Responses that write to no conversation. */
  readonly #outsideIds = new RecentIds(rememberedResponses);
  readonly #decoder = new PcmDecoder();
  readonly #sounds: ItemSounds | undefined;
  readonly #speech: HeardSpeech | undefined;

  constructor({ keepAudio = false }: ConversationOptions = {}) {
    if (!keepAudio) return;
    this.#sounds = new ItemSounds();
    this.#speech = new HeardSpeech();
  }

  /** In the server's order. The list itself changes with the conversation. */
  get items(): readonly ConversationItem[] {
    return this.#items.order.items;
  }

  /** In the server's order. */
  getItems(): ConversationItem[] {
    return [...this.items];
  }

  getItem(id: string): ConversationItem | null {
    return this.#items.get(id)?.item ?? null;
  }

  /** Forgets every item. */
  clear(): void {
    this.#items.clear();
    this.#sounds?.clear();
    this.#speech?.clear();
  }

  /** What goes to the server, for what its answer does not tell: that an item was put in front, and where a commit ends. */
  sent(event: RealtimeClientEvent): void {
    if (event.type === "input_audio_buffer.commit") this.#speech?.commitSent();
    if (event.type !== "conversation.item.create" || event.previous_item_id !== "root") return;
    if (event.item.id !== undefined) this.#items.order.expectInFront(event.item.id);
  }

  /** What the server was sent to hear, 24 kHz mono, in order. Copied; only used where audio is kept. */
  heardInput(pcm: Int16Array): void {
    this.#speech?.append(pcm);
  }

  /** Applies a server event and tells what it changed, in the order in which that is told. `decodedPcm`: an audio delta's samples. */
  apply(event: RealtimeServerEvent, decodedPcm?: Int16Array): ConversationChange[] {
    this.#speech?.apply(event);
    switch (event.type) {
      case "response.created":
        if (isOutside(event.response)) this.#outsideIds.add(event.response.id);
        return [];
      case "response.output_item.added":
        return this.#onOutputItemAdded(event);
      case "conversation.item.added":
      case "conversation.item.created":
        return this.#onAdded(event);
      case "conversation.item.done":
        return this.#finish(event.item, { place: event });
      case "response.output_item.done":
        return this.#finish(event.item, { responseId: event.response_id });
      case "response.done":
        return this.#onResponseDone(event);
      case "conversation.item.retrieved":
        return this.#onRetrieved(event.item);
      case "conversation.item.truncated":
        return this.#onTruncated(event);
      case "conversation.item.deleted":
        return this.#gone(this.#items.delete(event.item_id));
      case "conversation.item.input_audio_transcription.delta":
        return this.#onTranscript(event, event.delta ?? "", false);
      case "conversation.item.input_audio_transcription.completed":
        return this.#onTranscript(event, event.transcript ?? "", true);
      case "response.content_part.added":
        this.#onPartAdded(event);
        return [];
      case "response.function_call_arguments.done": {
        const entry = this.#items.growing(event.item_id);
        if (entry !== undefined && event.arguments) setArguments(entry.item, event.arguments);
        return [];
      }
      default:
        return this.#onDelta(event, decodedPcm);
    }
  }

  #onOutputItemAdded({ item, response_id }: EventOf<"response.output_item.added">): ConversationChange[] {
    if (!hasId(item) || this.#items.isDeleted(item.id) || this.#outsideIds.has(response_id)) return [];
    return this.#items.get(item.id) === undefined ? this.#add(item, response_id).changes : [];
  }

  #onAdded({ item, previous_item_id }: { item: WireItem; previous_item_id?: string | null }): ConversationChange[] {
    if (!hasId(item)) return [];
    const known = this.#items.get(item.id);
    const { entry, changes } = known === undefined ? this.#add(item) : { entry: known, changes: [] };
    this.#items.place(entry, previous_item_id);
    return changes;
  }

  #onPartAdded({ item_id, content_index, part }: EventOf<"response.content_part.added">): void {
    const item = this.#items.growing(item_id)?.item;
    // A part that its own first delta has made is there already.
    if (item?.type !== "message" || content_index !== item.content.length) return;
    item.content.push(partOf(part));
    formatContent(item, false);
  }

  #onDelta(event: RealtimeServerEvent, decodedPcm: Int16Array | undefined): ConversationChange[] {
    switch (event.type) {
      case "response.output_text.delta":
        return this.#grow(event, (item) => {
          const part = partAt(item, event.content_index, "text");
          if (part === undefined) return undefined;
          part.text = (part.text ?? "") + event.delta;
          item.formatted.text += event.delta;
          return { text: event.delta };
        });
      case "response.output_audio_transcript.delta":
        return this.#grow(event, (item) => {
          const part = partAt(item, event.content_index, "audio");
          if (part === undefined) return undefined;
          part.transcript = (part.transcript ?? "") + event.delta;
          item.formatted.transcript += event.delta;
          return { transcript: event.delta };
        });
      case "response.output_audio.delta": {
        const { item_id, content_index, delta } = event;
        const audio = decodedPcm ?? this.#decoder.decode(`${item_id} ${content_index}`, delta);
        return this.#grow(event, (item) => {
          if (partAt(item, content_index, "audio") === undefined) return undefined;
          this.#sounds?.append(item, content_index, audio);
          return { audio };
        });
      }
      case "response.function_call_arguments.delta":
        return this.#grow(event, (item) => {
          if (item.type !== "function_call") return undefined;
          setArguments(item, (item.arguments ?? "") + event.delta);
          return { arguments: event.delta };
        });
      default:
        return [];
    }
  }

  #grow(
    { item_id }: { item_id: string },
    grow: (item: ConversationItem) => ItemDelta | undefined,
  ): ConversationChange[] {
    const item = this.#items.growing(item_id)?.item;
    const delta = item && grow(item);
    return item === undefined || delta === undefined ? [] : [{ type: "updated", item, delta }];
  }

  #add(wire: IdentifiedItem, responseId?: string): { entry: Entry; changes: ConversationChange[] } {
    const { entry, leaving } = this.#items.add(wire, responseId);
    const { item } = entry;
    if (leaving !== undefined) this.#sounds?.forget(leaving);
    const spoken = this.#speech?.take(wire.id);
    if (spoken !== undefined) this.#sounds?.append(item, 0, spoken);
    const changes: ConversationChange[] = [updated(item), { type: "appended", item }, ...completion(entry)];
    return { entry, changes };
  }

  /** `isCut`: its response did not come to its end. */
  #finish(
    wire: WireItem,
    told: { place?: { previous_item_id?: string | null }; responseId?: string | undefined; isCut?: boolean },
  ): ConversationChange[] {
    const { place, responseId, isCut } = told;
    if (!hasId(wire) || this.#items.isDeleted(wire.id)) return [];
    if (responseId !== undefined && this.#outsideIds.has(responseId)) return [];
    const known = this.#items.get(wire.id);
    const { entry, changes } = known === undefined ? this.#add(wire, responseId) : { entry: known, changes: [] };
    if (place !== undefined) this.#items.place(entry, place.previous_item_id);
    const { item, isDone } = entry;
    if (!isDone) {
      entry.isDone = true;
      item.status = lastStatus(wire, isCut);
      this.#sounds?.finish(item);
    }
    const isChanged = merge(entry, wire);
    return [...changes, ...(isDone && !isChanged ? [] : [updated(item)]), ...completion(entry)];
  }

  /** Heals what the items' own events did not tell, and undoes what they did where the response writes to no conversation. */
  #onResponseDone({ response }: EventOf<"response.done">): ConversationChange[] {
    if (isOutside(response)) {
      this.#outsideIds.add(response.id);
      return this.#items.strays(response.id).flatMap(({ item }) => this.#gone(this.#items.remove(item.id)));
    }
    const { id: responseId, output, status } = response;
    if (!Array.isArray(output)) return [];
    const lost = output.filter(({ id }) => this.#items.get(id)?.isDone !== true);
    return lost.flatMap((item) => this.#finish(item, { responseId, isCut: status !== "completed" }));
  }

  #onRetrieved(wire: WireItem): ConversationChange[] {
    const entry = this.#items.get(wire.id);
    if (entry === undefined) return [];
    const { item, transcribed } = entry;
    const parts = wirePartsOf(wire);
    if (parts.length > 0) item.content.length = Math.min(item.content.length, parts.length);
    mergeContent(item, parts);
    mergeFields(item, wire);
    formatContent(item, transcribed.size > 0);
    const sounding = [...parts.entries()].filter(([, { audio }]) => audio);
    if (sounding.length > 0) this.#sounds?.forget(item);
    for (const [index, { audio }] of sounding) {
      this.#sounds?.append(item, index, new PcmDecoder().decode("", audio ?? ""));
    }
    return [updated(item)];
  }

  #onTruncated({ item_id, content_index, audio_end_ms }: EventOf<"conversation.item.truncated">): ConversationChange[] {
    const entry = this.#items.get(item_id);
    const part = entry?.item.content[content_index];
    if (entry === undefined || part === undefined) return [];
    entry.isTruncated = true;
    // Nobody knows which words were heard: the server forgets them too.
    part.transcript = "";
    formatContent(entry.item, false);
    this.#sounds?.truncate(entry.item, content_index, audio_end_ms);
    return [updated(entry.item)];
  }

  #onTranscript(
    { item_id, content_index }: { item_id: string; content_index?: number },
    transcript: string,
    isComplete: boolean,
  ): ConversationChange[] {
    const item = this.#items.transcribe(item_id, content_index ?? 0, transcript, isComplete);
    return item === undefined ? [] : [{ type: "updated", item, delta: { transcript } }];
  }

  #gone(item: ConversationItem | undefined): ConversationChange[] {
    if (item === undefined) return [];
    this.#sounds?.forget(item);
    return [updated(item)];
  }
}

const hasId = (item: WireItem): item is IdentifiedItem => typeof item?.id === "string";

/** `null` is how the server says that a response writes to no conversation; the SDK's type leaves that out. */
const isOutside = (response: Response): response is Response & { id: string } =>
  (response.conversation_id as string | null | undefined) === null && response.id !== undefined;

const updated = (item: ConversationItem): ConversationChange => ({ type: "updated", item, delta: null });

/** Told once per item, as soon as it is complete. */
const completion = (entry: Entry): ConversationChange[] => {
  if (entry.isCompletionTold || entry.item.status !== "completed") return [];
  entry.isCompletionTold = true;
  return [{ type: "completed", item: entry.item }];
};
