/**
 * What came before somebody could take it, at most `limit` of it: beyond that the oldest goes, because in a conversation
 * the latest matters most.
 */
export class Hold<Item> {
  readonly #limit: number;
  #items: Item[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: Item): void {
    this.#items.push(item);
    if (this.#items.length > this.#limit) this.#items.shift();
  }

  /** Hands out what is held, oldest first, and keeps nothing. */
  take(): Item[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}
