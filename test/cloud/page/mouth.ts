import { meter, type OnLevel } from "./sound-meter.ts";

/**
 * What this person says: their microphone while it is open, and typed lines as recorded speech. Everything meets in one
 * mix, from which `stream()` makes what is published; so typing needs no microphone and both take the same way to the agent.
 */
export class Mouth {
  readonly #context: AudioContext;
  readonly #mix: GainNode;
  readonly #stopMeter: () => void;
  #microphone: { stream: MediaStream; source: MediaStreamAudioSourceNode } | null = null;

  constructor(context: AudioContext, onLevel: OnLevel) {
    this.#context = context;
    this.#mix = new GainNode(context, { channelCount: 1, channelCountMode: "explicit" });
    this.#stopMeter = meter(context, this.#mix, onLevel);
  }

  /** A new stream with one mono track that carries the mix until `stop()`. */
  stream(): { stream: MediaStream; stop: () => void } {
    const destination = new MediaStreamAudioDestinationNode(this.#context, { channelCount: 1 });
    this.#mix.connect(destination);
    return { stream: destination.stream, stop: () => this.#mix.disconnect(destination) };
  }

  get microphoneOpen(): boolean {
    return this.#microphone !== null;
  }

  /** Rejects with getUserMedia's DOMException where there is no microphone or no permission. `onEnded`: it was unplugged or revoked. */
  async openMicrophone(onEnded: () => void): Promise<void> {
    if (this.#microphone) return;
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    stream.getAudioTracks()[0]?.addEventListener("ended", () => {
      this.closeMicrophone();
      onEnded();
    });
    const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    source.connect(this.#mix);
    this.#microphone = { stream, source };
  }

  closeMicrophone(): void {
    if (!this.#microphone) return;
    const { stream, source } = this.#microphone;
    this.#microphone = null;
    source.disconnect();
    // stop() by the page does not fire "ended".
    for (const track of stream.getTracks()) track.stop();
  }

  /** Plays recorded speech (a file's bytes, in any format that the browser decodes); resolves when its last sample has been said. */
  async say(recording: ArrayBuffer): Promise<void> {
    const buffer = await this.#context.decodeAudioData(recording);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#mix);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    source.onended = () => resolve();
    source.start();
    await ended;
    source.disconnect();
  }

  close(): void {
    this.closeMicrophone();
    this.#stopMeter();
    this.#mix.disconnect();
  }
}
