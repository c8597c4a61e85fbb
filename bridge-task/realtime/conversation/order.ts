/** A set of ids that forgets the oldest beyond its limit. */
export class RecentIds {
  readonly #ids = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    // Again at the end, as the newest.
    this.#ids.delete(id);
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#limit && oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Tells whether it was there. */
  delete(id: string): boolean {
    return this.#ids.delete(id);
  }

  clear(): void {
    this.#ids.clear();
  }
}

/** The items of a conversation in the server's order. */
export class ItemOrder<Item extends { readonly id: string }> {
  readonly #items: Item[] = [];
  readonly #fronts = new RecentIds(64);

  get items(): readonly Item[] {
    return this.#items;
  }

  /** The client asked for this item to be put in front of all others. */
  expectInFront(itemId: string): void {
    this.#fronts.add(itemId);
  }

  /** At the end, until its place is told. */
  append(item: Item): void {
    this.#items.push(item);
  }

  /**
   * Puts an item where the server says it is: behind the item of this id. At the end where that is unknown.
   * Null means "in front" only for what was asked to go there: some compatible servers send null for every item.
   */
  place(item: Item, previousItemId: string | null | undefined): void {
    this.remove(item);
    const isInFront = this.#fronts.delete(item.id) && previousItemId === null;
    this.#items.splice(isInFront ? 0 : this.#indexBehind(previousItemId), 0, item);
  }

  remove(item: Item): void {
    const index = this.#items.lastIndexOf(item);
    if (index >= 0) this.#items.splice(index, 1);
  }

  clear(): void {
    this.#items.length = 0;
    this.#fronts.clear();
  }

  #indexBehind(itemId: string | null | undefined): number {
    // From the end: nearly always it is the last one.
    const index = itemId ? this.#items.findLastIndex(({ id }) => id === itemId) : -1;
    return index < 0 ? this.#items.length : index + 1;
  }
}
