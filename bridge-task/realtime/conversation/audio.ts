import { samplesPerMs } from "../pcm.ts";
import type { ConversationItem } from "./types.ts";

/** Sound of all items together; beyond it the oldest item's goes first. 29 MB. */
const keptItemsMs = 600_000;
const smallestCapacity = 24_000;
const silence = new Int16Array(0);

interface Sound {
  /** Longer than what is in it: it doubles when full, so that a long reply is not copied with each delta. */
  samples: Int16Array;
  sampleCount: number;
  /** Where each content part begins. */
  readonly starts: Map<number, number>;
}

/** Keeps the sound of items and shows it as their `formatted.audio`: a view, valid for as long as the item does not change. */
export class ItemSounds {
  readonly #sounds = new Map<ConversationItem, Sound>();
  readonly #maxSamples: number;
  #sampleCount = 0;

  constructor(keptMs = keptItemsMs) {
    this.#maxSamples = keptMs * samplesPerMs;
  }

  append(item: ConversationItem, contentIndex: number, pcm: Int16Array): void {
    const sound = this.#sounds.get(item) ?? { samples: silence, sampleCount: 0, starts: new Map<number, number>() };
    this.#sounds.set(item, sound);
    if (!sound.starts.has(contentIndex)) sound.starts.set(contentIndex, sound.sampleCount);
    const needed = sound.sampleCount + pcm.length;
    if (needed > sound.samples.length) {
      const larger = new Int16Array(Math.max(smallestCapacity, needed, 2 * sound.samples.length));
      larger.set(sound.samples.subarray(0, sound.sampleCount));
      sound.samples = larger;
    }
    sound.samples.set(pcm, sound.sampleCount);
    this.#resize(item, sound, needed);
    for (const oldest of this.#sounds.keys()) {
      if (this.#sampleCount <= this.#maxSamples || oldest === item) return;
      this.forget(oldest);
    }
  }

  /** Keeps the first `audioMs` of a part, and nothing of what was to be said after it. */
  truncate(item: ConversationItem, contentIndex: number, audioMs: number): void {
    const sound = this.#sounds.get(item);
    const start = sound?.starts.get(contentIndex);
    if (sound === undefined || start === undefined) return;
    this.#resize(item, sound, Math.min(sound.sampleCount, start + Math.floor(audioMs * samplesPerMs)));
  }

  /** Nothing more comes: gives back what was reserved for it. */
  finish(item: ConversationItem): void {
    const sound = this.#sounds.get(item);
    if (sound === undefined || sound.samples.length === sound.sampleCount) return;
    sound.samples = sound.samples.slice(0, sound.sampleCount);
    this.#resize(item, sound, sound.sampleCount);
  }

  forget(item: ConversationItem): void {
    const sound = this.#sounds.get(item);
    if (sound === undefined) return;
    this.#sounds.delete(item);
    this.#sampleCount -= sound.sampleCount;
    item.formatted.audio = silence;
  }

  clear(): void {
    this.#sounds.clear();
    this.#sampleCount = 0;
  }

  #resize(item: ConversationItem, sound: Sound, sampleCount: number): void {
    this.#sampleCount += sampleCount - sound.sampleCount;
    sound.sampleCount = sampleCount;
    item.formatted.audio = sound.samples.subarray(0, sampleCount);
  }
}
