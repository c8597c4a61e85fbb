import type { SemanticVad, ServerVad } from "./config.ts";
import {
  frameSamples,
  hangOverMs,
  prefixMs,
  type SpeechChange,
  type SpeechState,
  silentState,
  stepSpeech,
  type VoiceDetector,
} from "./vad.ts";

const samplesPerMs = 24;
/** Audio that nobody committed is kept this long, then the oldest goes; less of it where turns are found here. */
const maxBufferedSamples = 600_000 * samplesPerMs;
const maxSilenceSamples = 60_000 * samplesPerMs;

export type Turn =
  | { type: "speech_started"; audioStartMs: number }
  | { type: "speech_stopped"; audioEndMs: number; pcm: Int16Array }
  | { type: "idle"; audioStartMs: number; audioEndMs: number; pcm: Int16Array };

/**
 * The input audio buffer on the clock of everything received: millisecond 0 is the first byte of the session, and only
 * more bytes make it advance. Turns are found here; what to do about them is the session's business.
 */
export class InputBuffer {
  readonly #detector: VoiceDetector;
  #detection: ServerVad | SemanticVad | null = null;
  #chunks: { start: number; pcm: Int16Array }[] = [];
  #bufferStart = 0;
  #totalSamples = 0;
  #partial = new Int16Array(frameSamples);
  #partialLength = 0;
  #speech: SpeechState = silentState;
  #speechStart = 0;
  #idleFrom: number | undefined;

  constructor(detector: VoiceDetector) {
    this.#detector = detector;
  }

  get clockMs(): number {
    return this.#totalSamples / samplesPerMs;
  }

  get bufferedMs(): number {
    return (this.#totalSamples - this.#bufferStart) / samplesPerMs;
  }

  get isSpeaking(): boolean {
    return this.#speech.isSpeaking;
  }

  /** Turn detection as configured; changing it forgets a turn that is half heard. */
  configure(detection: ServerVad | SemanticVad | null): void {
    if (detection?.type !== this.#detection?.type) this.#speech = silentState;
    this.#detection = detection;
    this.#detector.setThreshold(detection?.type === "server_vad" ? detection.threshold : 0.5);
  }

  /** The idle timeout runs from `ms` on the input clock, or not at all. */
  idleFrom(ms: number | undefined): void {
    this.#idleFrom = ms === undefined ? undefined : ms * samplesPerMs;
  }

  append(pcm: Int16Array): Turn[] {
    this.#chunks.push({ start: this.#totalSamples, pcm });
    const turns: Turn[] = [];
    let read = 0;
    while (read < pcm.length) {
      const taken = Math.min(frameSamples - this.#partialLength, pcm.length - read);
      this.#partial.set(pcm.subarray(read, read + taken), this.#partialLength);
      this.#partialLength += taken;
      this.#totalSamples += taken;
      read += taken;
      if (this.#partialLength < frameSamples) break;
      this.#partialLength = 0;
      const turn = this.#frame();
      if (turn) turns.push(turn);
    }
    this.#trim();
    return turns;
  }

  /** Everything since the last commit or clear; the buffer is empty afterwards. */
  commit(): Int16Array {
    const pcm = this.#slice(this.#bufferStart, this.#totalSamples);
    this.clear();
    return pcm;
  }

  clear(): void {
    this.#dropBefore(this.#totalSamples);
    this.#speech = silentState;
  }

  close(): void {
    this.#detector.close();
    this.#chunks = [];
  }

  #frame(): Turn | undefined {
    const isVoiced = this.#detector.isVoiced(this.#partial);
    const detection = this.#detection;
    if (!detection) return undefined;
    const step = stepSpeech(this.#speech, { isVoiced, endSample: this.#totalSamples }, hangOverMs(detection));
    this.#speech = step.state;
    return step.change ? this.#turn(step.change, detection) : this.#idle(detection);
  }

  #turn(change: SpeechChange, detection: ServerVad | SemanticVad): Turn {
    if (change.type === "started") {
      this.#idleFrom = undefined;
      this.#speechStart = Math.max(this.#bufferStart, change.atSample - prefixMs(detection) * samplesPerMs);
      return { type: "speech_started", audioStartMs: Math.floor(this.#speechStart / samplesPerMs) };
    }
    const pcm = this.#slice(this.#speechStart, change.atSample);
    this.#dropBefore(change.atSample);
    return { type: "speech_stopped", audioEndMs: Math.floor(change.atSample / samplesPerMs), pcm };
  }

  #idle(detection: ServerVad | SemanticVad): Turn | undefined {
    const timeoutMs = detection.type === "server_vad" ? detection.idle_timeout_ms : null;
    const from = this.#idleFrom;
    if (timeoutMs === null || from === undefined || this.#speech.isSpeaking) return undefined;
    if (this.#totalSamples < from + timeoutMs * samplesPerMs) return undefined;
    this.#idleFrom = undefined;
    const pcm = this.#slice(from, this.#totalSamples);
    this.#dropBefore(this.#totalSamples);
    return {
      type: "idle",
      audioStartMs: Math.floor(from / samplesPerMs),
      audioEndMs: Math.floor(this.#totalSamples / samplesPerMs),
      pcm,
    };
  }

  #slice(from: number, to: number): Int16Array {
    const start = Math.max(from, this.#bufferStart);
    const pcm = new Int16Array(Math.max(0, to - start));
    for (const chunk of this.#chunks) {
      const first = Math.max(start, chunk.start);
      const last = Math.min(to, chunk.start + chunk.pcm.length);
      if (first < last) pcm.set(chunk.pcm.subarray(first - chunk.start, last - chunk.start), first - start);
    }
    return pcm;
  }

  #dropBefore(sample: number): void {
    this.#bufferStart = Math.max(this.#bufferStart, sample);
    const firstKept = this.#chunks.findIndex((chunk) => chunk.start + chunk.pcm.length > this.#bufferStart);
    this.#chunks = firstKept < 0 ? [] : this.#chunks.slice(firstKept);
  }

  #trim(): void {
    const isWaiting = this.#detection !== null && !this.#speech.isSpeaking;
    this.#dropBefore(this.#totalSamples - (isWaiting ? maxSilenceSamples : maxBufferedSamples));
  }
}
