import { formatContent, mergeContent, partAt, wirePartsOf } from "./content.ts";
import { type Entry, entryOf, mergeFields } from "./item.ts";
import { ItemOrder, RecentIds } from "./order.ts";
import { ParkedTranscripts } from "./transcripts.ts";
import type { ConversationItem, WireItem } from "./types.ts";

const rememberedIds = 1_024;

export type IdentifiedItem = WireItem & { id: string };

/** The items that are in the conversation, and what must be remembered of those that are not: gone, or still to come. */
export class ConversationItems {
  readonly order = new ItemOrder<ConversationItem>();
  readonly #maxItems: number;
  readonly #entries = new Map<string, Entry>();
  readonly #transcripts = new ParkedTranscripts();
  /** So that late news do not bring them back. */
  readonly #deletedIds = new RecentIds(rememberedIds);

  /** Beyond `maxItems` the oldest leaves. */
  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get(itemId: string | undefined): Entry | undefined {
    return itemId === undefined ? undefined : this.#entries.get(itemId);
  }

  /** An item that still grows; undefined for what comes late, or for an item that is not in the conversation. */
  growing(itemId: string): Entry | undefined {
    const entry = this.#entries.get(itemId);
    return entry?.isDone === false ? entry : undefined;
  }

  isDeleted(itemId: string): boolean {
    return this.#deletedIds.has(itemId);
  }

  /** At the end, until the server tells its place. */
  add(wire: IdentifiedItem, responseId: string | undefined): { entry: Entry; leaving: ConversationItem | undefined } {
    const entry = entryOf(wire, responseId);
    this.#deletedIds.delete(wire.id);
    this.#entries.set(wire.id, entry);
    this.order.append(entry.item);
    for (const { contentIndex, transcript, isComplete } of this.#transcripts.take(wire.id)) {
      transcribe(entry, contentIndex, transcript, isComplete);
    }
    const [oldest] = this.order.items;
    const leaving = this.order.items.length > this.#maxItems ? oldest : undefined;
    if (leaving !== undefined) this.remove(leaving.id);
    return { entry, leaving };
  }

  /** Where the server says it is; afterwards only other items move around it. */
  place(entry: Entry, previousItemId: string | null | undefined): void {
    if (entry.isPlaced) return;
    entry.isPlaced = true;
    this.order.place(entry.item, previousItemId);
  }

  /** Undefined where it is not in the conversation. */
  remove(itemId: string): ConversationItem | undefined {
    const item = this.#entries.get(itemId)?.item;
    this.#entries.delete(itemId);
    if (item !== undefined) this.order.remove(item);
    return item;
  }

  /** It was deleted: it does not come back, unless the server says that it was added again. */
  delete(itemId: string): ConversationItem | undefined {
    this.#deletedIds.add(itemId);
    this.#transcripts.take(itemId);
    return this.remove(itemId);
  }

  /** Items that came with a response, and of which the server never said that they are in the conversation. */
  strays(responseId: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.responseId === responseId && !entry.isPlaced);
  }

  /** The item whose transcript this changes; undefined where it changes none, as when the item is still to come. */
  transcribe(itemId: string, contentIndex: number, text: string, isComplete: boolean): ConversationItem | undefined {
    if (this.isDeleted(itemId)) return undefined;
    const entry = this.#entries.get(itemId);
    if (entry !== undefined) return transcribe(entry, contentIndex, text, isComplete) ? entry.item : undefined;
    this.#transcripts.park(itemId, contentIndex, text, isComplete);
    return undefined;
  }

  clear(): void {
    this.order.clear();
    this.#entries.clear();
    this.#transcripts.clear();
  }
}

/** Tells whether it is news. */
const transcribe = ({ item, transcribed }: Entry, contentIndex: number, text: string, isComplete: boolean): boolean => {
  const part = partAt(item, contentIndex, "input_audio");
  const before = part?.transcript ?? "";
  if (part === undefined || (transcribed.has(contentIndex) && (!isComplete || before === text))) return false;
  part.transcript = isComplete ? text : before + text;
  if (isComplete) transcribed.add(contentIndex);
  formatContent(item, transcribed.size > 0);
  return true;
};

/** Takes over what the server tells of an item. Tells whether that changed anything. */
export const merge = ({ item, transcribed, isTruncated }: Entry, wire: WireItem): boolean => {
  // A copy from before the cut would bring back what nobody heard.
  if (isTruncated) return false;
  const isContentChanged = mergeContent(item, wirePartsOf(wire));
  if (isContentChanged) formatContent(item, transcribed.size > 0);
  return mergeFields(item, wire) || isContentChanged;
};
