export interface ParkedTranscript {
  contentIndex: number;
  transcript: string;
  isComplete: boolean;
}

const maxItems = 64;
const maxPartsPerItem = 8;

/** Transcripts that came before the item they belong to. The oldest go first. */
export class ParkedTranscripts {
  readonly #byItem = new Map<string, ParkedTranscript[]>();

  /** A delta is added to what is parked; a complete transcript replaces it. */
  park(itemId: string, contentIndex: number, transcript: string, isComplete: boolean): void {
    const parked = this.#byItem.get(itemId) ?? [];
    const known = parked.find((each) => each.contentIndex === contentIndex);
    if (known === undefined && parked.length < maxPartsPerItem) parked.push({ contentIndex, transcript, isComplete });
    else if (known !== undefined && (isComplete || !known.isComplete)) {
      known.transcript = isComplete ? transcript : known.transcript + transcript;
      known.isComplete = isComplete;
    }
    this.#byItem.set(itemId, parked);
    const [oldest] = this.#byItem.keys();
    if (this.#byItem.size > maxItems && oldest !== undefined) this.#byItem.delete(oldest);
  }

  /** What was parked for an item, which is then forgotten. */
  take(itemId: string): readonly ParkedTranscript[] {
    const parked = this.#byItem.get(itemId) ?? [];
    this.#byItem.delete(itemId);
    return parked;
  }

  clear(): void {
    this.#byItem.clear();
  }
}
