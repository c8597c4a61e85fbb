import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import type { Logger } from "../log.ts";
import { AudioGate } from "./audio-gate.ts";
import { encodePcm, samplesPerMs } from "./pcm.ts";

export interface InputAudioOptions {
  send: (event: RealtimeClientEvent) => void;
  /** Audio may be sent now: no settings update is unanswered. */
  mayHear: () => boolean;
  /** What was sent, in the order of the server's own clock. */
  onSent?: ((pcm: Int16Array) => void) | undefined;
  /** Most audio kept while it may not be sent; then the oldest goes first. */
  maxHeldMs: number;
  logger: Logger;
}

/** The server commits no less than this. */
const smallestCommitMs = 100;

/** What the model hears: kept until it may listen, then sent at once and in order. */
export class InputAudio {
  readonly #options: InputAudioOptions;
  readonly #gate: AudioGate;
  #isListening = false;
  #uncommittedSamples = 0;

  constructor(options: InputAudioOptions) {
    this.#options = options;
    this.#gate = new AudioGate(options.maxHeldMs);
  }

  append(pcm: Int16Array): void {
    if (pcm.length === 0) return;
    if (this.#isListening && this.#options.mayHear()) this.#send(pcm);
    else this.#gate.hold(pcm);
  }

  /** Opens the ears: what was kept goes first, as soon as it may. */
  listen(): void {
    this.#isListening = true;
    this.release();
  }

  /** Sends what was kept, where it may be sent now. */
  release(): void {
    if (!this.#isListening || !this.#options.mayHear()) return;
    const { heldMs, droppedMs } = this.#gate;
    if (heldMs > 0) this.#options.logger.debug("held_audio_released", { heldMs, droppedMs });
    for (const pcm of this.#gate.release()) this.#send(pcm);
  }

  /** Makes a message of what was heard, where there is enough of it. */
  commit(): void {
    if (this.#uncommittedSamples < smallestCommitMs * samplesPerMs) return;
    this.#options.send({ type: "input_audio_buffer.commit" });
    this.#uncommittedSamples = 0;
  }

  /** The server has nothing left that is not committed. */
  settled(): void {
    this.#uncommittedSamples = 0;
  }

  #send(pcm: Int16Array): void {
    this.#uncommittedSamples += pcm.length;
    this.#options.send({ type: "input_audio_buffer.append", audio: encodePcm(pcm) });
    this.#options.onSent?.(pcm);
  }
}
