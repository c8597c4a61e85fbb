import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import type { Logger } from "../log.ts";
import { AudioGate } from "./audio-gate.ts";
import { encodePcm, samplesPerMs } from "./pcm.ts";

export interface InputAudioOptions {
  send: (event: RealtimeClientEvent) => void;
  /** Audio may be sent now: no settings update is unanswered. */
  mayHear: () => boolean;
  /** A commit may wait now, or wait no longer, behind audio that may not be sent. */
  onHeldCommit: () => void;
  /** What was sent, in the order of the server's own clock. */
  onSent?: ((pcm: Int16Array) => void) | undefined;
  /** Most audio kept while it may not be sent; then the oldest goes first. */
  maxHeldMs: number;
  logger: Logger;
}

/** The server commits no less than this. */
const smallestCommitMs = 100;

/** What the model hears: kept until it may listen, then sent at once and in order, with the commits between. */
export class InputAudio {
  readonly #options: InputAudioOptions;
  readonly #gate: AudioGate;
  #isListening = false;
  #uncommittedSamples = 0;
  /** Commits and clears of ours that the server has not carried out yet. */
  #ownRequests = 0;

  constructor(options: InputAudioOptions) {
    this.#options = options;
    this.#gate = new AudioGate(options.maxHeldMs);
  }

  /** A commit waits behind audio that may not be sent yet. */
  get holdsCommit(): boolean {
    return this.#gate.holdsCommit;
  }

  append(pcm: Int16Array): void {
    if (pcm.length === 0) return;
    if (this.#isOpen) this.#send(pcm);
    else this.#gate.hold(pcm);
  }

  /** Opens the ears: what was kept goes first, as soon as it may. */
  listen(): void {
    this.#isListening = true;
    this.release();
  }

  /** Sends what was kept, where it may be sent now. */
  release(): void {
    if (!this.#isOpen) return;
    const { heldMs, droppedMs } = this.#gate;
    if (heldMs > 0) this.#options.logger.debug("held_audio_released", { heldMs, droppedMs });
    for (const held of this.#gate.release()) {
      if (held === "commit") this.#commit();
      else this.#send(held);
    }
    this.#options.onHeldCommit();
  }

  /** Makes a message of what was heard, where there is enough of it for the server to take. */
  commit(): void {
    const { holdsCommit, samplesSinceCommit } = this.#gate;
    const sampleCount = samplesSinceCommit + (holdsCommit ? 0 : this.#uncommittedSamples);
    if (sampleCount < smallestCommitMs * samplesPerMs) return;
    if (this.#gate.heldMs === 0) {
      this.#commit();
      return;
    }
    this.#gate.holdCommit();
    this.#options.onHeldCommit();
  }

  /** The same as an application says it, whatever was heard: the server answers. Behind held audio its own event id is lost. */
  commitAsAsked(event: Extract<RealtimeClientEvent, { type: "input_audio_buffer.commit" }>): void {
    if (this.#gate.heldMs > 0) this.commit();
    else this.#commit(event);
  }

  /** Forgets what was heard and is no message yet. */
  clear(event: Extract<RealtimeClientEvent, { type: "input_audio_buffer.clear" }>): void {
    this.#gate.clear();
    this.#options.onHeldCommit();
    this.#options.send(event);
    this.#ownRequests += 1;
    this.#uncommittedSamples = 0;
  }

  /** The server committed or cleared what it had. What was sent since a request of ours is not among it. */
  emptied(): void {
    if (this.#ownRequests > 0) this.#ownRequests -= 1;
    else this.#uncommittedSamples = 0;
  }

  get #isOpen(): boolean {
    return this.#isListening && this.#options.mayHear();
  }

  #commit(
    event: Extract<RealtimeClientEvent, { type: "input_audio_buffer.commit" }> = { type: "input_audio_buffer.commit" },
  ): void {
    this.#options.send(event);
    this.#ownRequests += 1;
    this.#uncommittedSamples = 0;
  }

  #send(pcm: Int16Array): void {
    this.#uncommittedSamples += pcm.length;
    this.#options.send({ type: "input_audio_buffer.append", audio: encodePcm(pcm) });
    this.#options.onSent?.(pcm);
  }
}
