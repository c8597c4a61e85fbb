import { type Deferred, deferred } from "../deadline.ts";
import { BridgeError } from "../errors.ts";
import { frameMs, frameSamples, samplesPerMs } from "./pcm.ts";
import { PcmQueue } from "./pcm-queue.ts";
import { fadeOut, fadeSamples, joinAt } from "./ramp.ts";

/** How much of one content part of an item was received from the model, and handed out for sending. */
export interface SpokenPart {
  itemId: string;
  contentIndex: number;
  /** Rounded down to whole ms. */
  receivedMs: number;
  /** Whole frames, never more than received: what the model may be told that people heard. */
  sentMs: number;
}

export interface PlayoutFrame {
  /** 480 samples, the receiver's to keep. */
  pcm: Int16Array;
  /** There is sound of the model in it. */
  voiced: boolean;
  /** The item that the frame counts for; null for silence, and for the few ms that fade out after a cut. */
  itemId: string | null;
}

export interface PlayoutOptions {
  /** Most audio that waits, in ms. Default 10 minutes (29 MB): a model sends whole replies far faster than they are spoken. */
  maxQueuedMs?: number;
}

/** More audio than maxQueuedMs waits to be spoken. Nothing of the refused piece was queued; what was queued plays on. */
export class PlayoutOverflowError extends BridgeError {
  constructor(itemId: string, queuedMs: number, maxQueuedMs: number) {
    super(
      "playout_overflow",
      `${Math.round(queuedMs)} ms of speech would wait, at most ${maxQueuedMs} may: cancel the response, or raise maxQueuedMs`,
      { data: { itemId, queuedMs, maxQueuedMs } },
    );
  }
}

interface Part {
  itemId: string;
  contentIndex: number;
  queue: PcmQueue;
  receivedSamples: number;
  sentFrames: number;
  finished: boolean;
  cut: boolean;
}

const keyOf = (itemId: string, contentIndex: number): string => `${contentIndex} ${itemId}`;

const spokenOf = ({ itemId, contentIndex, receivedSamples, sentFrames }: Part): SpokenPart => {
  const receivedMs = Math.floor(receivedSamples / samplesPerMs);
  return { itemId, contentIndex, receivedMs, sentMs: Math.min(receivedMs, sentFrames * frameMs) };
};

/** How many parts are kept for spoken(), and to know late audio of a cut one. Only parts that do not wait are forgotten. */
const rememberedParts = 500;

/**
 * The mouth: the model's audio comes in bursts, one 20 ms frame goes out per tick. Parts are spoken in the order in which
 * they began; a part that is never finished counts as finished once a later one has audio, so it cannot block the queue.
 * Audio that still arrives for a part after cut() is dropped.
 */
export class Playout {
  readonly #maxQueuedMs: number;
  /** In order of speaking. */
  readonly #waiting: Part[] = [];
  readonly #parts = new Map<string, Part>();
  #queuedSamples = 0;
  #lastSample = 0;
  /** The part in the middle of which the frame before ended. */
  #flowing: Part | undefined;
  #fading: Int16Array | undefined;
  #drained: Deferred<void> | undefined;

  constructor({ maxQueuedMs = 600_000 }: PlayoutOptions = {}) {
    this.#maxQueuedMs = maxQueuedMs;
  }

  /** Audio that waits, in ms, the held rest of an unfinished frame included. */
  get queuedMs(): number {
    return this.#queuedSamples / samplesPerMs;
  }

  /**
   * Queues audio of any length. `pcm` is kept, not copied: leave it unchanged. Less than a frame is held until more comes
   * or finish(). Throws PlayoutOverflowError.
   */
  append({ itemId, contentIndex }: { itemId: string; contentIndex: number }, pcm: Int16Array): void {
    const part = this.#partOf(itemId, contentIndex);
    if (part.cut || pcm.length === 0) return;
    const queuedMs = this.queuedMs + pcm.length / samplesPerMs;
    if (queuedMs > this.#maxQueuedMs) throw new PlayoutOverflowError(itemId, queuedMs, this.#maxQueuedMs);
    if (!this.#waiting.includes(part)) this.#waiting.push(part);
    part.finished = false;
    part.receivedSamples += pcm.length;
    part.queue.push(pcm);
    this.#queuedSamples += pcm.length;
  }

  /** No more audio comes for the item: its last frame is filled up with silence and played. */
  finish(itemId: string): void {
    for (const part of this.#parts.values()) if (part.itemId === itemId) part.finished = true;
    this.#settle();
  }

  /** The next 20 ms. Silence when nothing is queued. */
  nextFrame(): PlayoutFrame {
    const fading = this.#fading;
    this.#fading = undefined;
    if (fading) return this.#out(fading, null);
    const part = this.#next();
    const pcm = new Int16Array(frameSamples);
    if (!part) {
      joinAt(pcm, 0, this.#lastSample);
      this.#lastSample = pcm[frameSamples - 1] ?? 0;
      this.#flowing = undefined;
      return { pcm, voiced: pcm[0] !== 0, itemId: null };
    }
    const taken = part.queue.take(frameSamples);
    pcm.set(taken);
    if (this.#flowing !== part) joinAt(pcm, 0, this.#lastSample);
    if (taken.length < frameSamples) joinAt(pcm, taken.length, pcm[taken.length - 1] ?? 0);
    this.#flowing = taken.length < frameSamples ? undefined : part;
    this.#queuedSamples -= taken.length;
    part.sentFrames++;
    this.#settle();
    return this.#out(pcm, part.itemId);
  }

  /**
   * Stops speaking: what is queued is dropped, and the next frame holds a few ms that fade what was being said.
   * Answers each part that was not yet sent to its end, with what was sent of it.
   */
  cut(): SpokenPart[] {
    // Asked before the fade takes the last samples: what only fades out was not sent to its end.
    const open = [...this.#parts.values()].filter((part) => !part.cut && (!part.finished || part.queue.length > 0));
    const [first] = this.#waiting;
    if (first && first === this.#flowing && first.queue.length > 0) {
      const tail = new Int16Array(frameSamples);
      const last = first.queue.take(fadeSamples);
      tail.set(last);
      if (last.length < fadeSamples) joinAt(tail, last.length, last[last.length - 1] ?? 0);
      fadeOut(tail);
      this.#fading = tail;
    }
    for (const part of open) {
      part.cut = true;
      part.queue.clear();
    }
    this.#waiting.length = 0;
    this.#flowing = undefined;
    this.#queuedSamples = 0;
    this.#settle();
    return open.filter((part) => part.receivedSamples > 0).map(spokenOf);
  }

  /** Resolves once all that can be spoken was handed out or cut; at once when nothing waits. */
  drained(): Promise<void> {
    if (!this.#next()) return Promise.resolve();
    this.#drained ??= deferred<void>();
    return this.#drained.promise;
  }

  /** The item's latest content part; undefined for an item that never had audio, or long ago. */
  spoken(itemId: string): SpokenPart | undefined {
    const part = [...this.#parts.values()].findLast((each) => each.itemId === itemId);
    return part && spokenOf(part);
  }

  #out(pcm: Int16Array, itemId: string | null): PlayoutFrame {
    this.#lastSample = pcm[frameSamples - 1] ?? 0;
    return { pcm, voiced: true, itemId };
  }

  /** The part that the next frame is taken from; parts that have nothing more to say step aside. */
  #next(): Part | undefined {
    for (;;) {
      const [part, successor] = this.#waiting;
      if (!part || part.queue.length >= frameSamples) return part;
      const ends = part.finished || successor !== undefined;
      if (!ends) return undefined;
      if (part.queue.length > 0) return part;
      part.finished = true;
      this.#waiting.shift();
    }
  }

  #settle(): void {
    if (!this.#drained || this.#next()) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  #partOf(itemId: string, contentIndex: number): Part {
    const key = keyOf(itemId, contentIndex);
    const known = this.#parts.get(key);
    if (known) return known;
    const queue = new PcmQueue();
    const part = { itemId, contentIndex, queue, receivedSamples: 0, sentFrames: 0, finished: false, cut: false };
    this.#forgetOldest();
    this.#parts.set(key, part);
    return part;
  }

  #forgetOldest(): void {
    if (this.#parts.size < rememberedParts) return;
    for (const [key, part] of this.#parts) {
      if (this.#waiting.includes(part)) continue;
      this.#parts.delete(key);
      return;
    }
  }
}
