import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { samplesPerMs } from "../pcm.ts";

/** What people said is kept for so long: an item's sound is asked for as soon as its speech is over. 6 MB. */
const keptInputMs = 120_000;

/** The sound that the server hears, on the server's own clock: milliseconds of audio since the session began. */
export class HeardInput {
  readonly #ring: Int16Array;
  #sampleCount = 0;

  constructor(keptMs = keptInputMs) {
    this.#ring = new Int16Array(keptMs * samplesPerMs);
  }

  get heardMs(): number {
    return this.#sampleCount / samplesPerMs;
  }

  append(pcm: Int16Array): void {
    const kept = pcm.subarray(Math.max(0, pcm.length - this.#ring.length));
    const at = (this.#sampleCount + pcm.length - kept.length) % this.#ring.length;
    const beforeWrap = kept.subarray(0, this.#ring.length - at);
    this.#ring.set(beforeWrap, at);
    this.#ring.set(kept.subarray(beforeWrap.length), 0);
    this.#sampleCount += pcm.length;
  }

  /** A copy of what was heard in this time, as far as it is still kept. */
  slice(startMs: number, endMs: number): Int16Array {
    const oldest = Math.max(0, this.#sampleCount - this.#ring.length);
    const inside = (ms: number) => Math.min(this.#sampleCount, Math.max(oldest, Math.floor(ms * samplesPerMs) || 0));
    const start = inside(startMs);
    const sliced = new Int16Array(Math.max(0, inside(endMs) - start));
    const at = start % this.#ring.length;
    const beforeWrap = this.#ring.subarray(at, at + sliced.length);
    sliced.set(beforeWrap, 0);
    sliced.set(this.#ring.subarray(0, sliced.length - beforeWrap.length), beforeWrap.length);
    return sliced;
  }
}

interface Span {
  startMs: number;
  endMs: number | undefined;
}

/** Speech whose item has not come yet, and commits without an answer: the oldest go first. */
const maxPending = 16;

/** Cuts what people said out of what was heard, one piece for each item that the server makes of it. */
export class HeardSpeech {
  readonly #input = new HeardInput();
  readonly #spans = new Map<string, Span>();
  /** Where each commit that the client sent ends. */
  #commitsMs: number[] = [];
  /** Where what is not committed begins. */
  #openSinceMs = 0;

  append(pcm: Int16Array): void {
    this.#input.append(pcm);
  }

  /** The client has made a message of what was heard so far. */
  commitSent(): void {
    this.#commitsMs = [...this.#commitsMs, this.#input.heardMs].slice(-maxPending);
  }

  apply(event: RealtimeServerEvent): void {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#note(event.item_id, { startMs: event.audio_start_ms, endMs: undefined });
        return;
      case "input_audio_buffer.speech_stopped": {
        const span = this.#spans.get(event.item_id);
        if (span !== undefined) span.endMs = event.audio_end_ms;
        return;
      }
      case "input_audio_buffer.timeout_triggered":
        this.#note(event.item_id, { startMs: event.audio_start_ms, endMs: event.audio_end_ms });
        return;
      case "input_audio_buffer.committed":
        this.#onCommitted(event.item_id);
        return;
      case "input_audio_buffer.cleared":
        this.#openSinceMs = this.#input.heardMs;
        return;
      case "error":
        if (event.error.code === "input_audio_buffer_commit_empty") this.#commitsMs.shift();
    }
  }

  /** The sound of an item that is new, once; undefined where it has none. */
  take(itemId: string): Int16Array | undefined {
    const span = this.#spans.get(itemId);
    this.#spans.delete(itemId);
    return span && this.#input.slice(span.startMs, span.endMs ?? this.#input.heardMs);
  }

  /** The clock goes on: it is the server's. */
  clear(): void {
    this.#spans.clear();
  }

  #onCommitted(itemId: string): void {
    const span = this.#spans.get(itemId) ?? { startMs: this.#openSinceMs, endMs: undefined };
    // Where voice activity detection did not end it, the client did.
    span.endMs ??= this.#commitsMs.shift() ?? this.#input.heardMs;
    this.#openSinceMs = span.endMs;
    this.#note(itemId, span);
  }

  #note(itemId: string, span: Span): void {
    this.#spans.set(itemId, span);
    const [oldest] = this.#spans.keys();
    if (this.#spans.size > maxPending && oldest !== undefined) this.#spans.delete(oldest);
  }
}
