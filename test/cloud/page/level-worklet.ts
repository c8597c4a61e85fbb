// Runs in the browser's audio thread, which has globals that TypeScript's DOM library does not declare.
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare const registerProcessor: (name: string, processor: new () => AudioWorkletProcessor) => void;
declare const sampleRate: number;
declare const currentTime: number;

/** Reports the loudness of each 20 ms it hears, in dBFS from −100, and when it was, in milliseconds of the context's clock. */
class LevelProcessor extends AudioWorkletProcessor {
  #power = 0;
  #sampleCount = 0;

  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const [channel] = inputs[0] ?? [];
    // A source that is not connected, or not flowing yet, gives no channel: 128 samples of silence.
    for (const sample of channel ?? []) this.#power += sample * sample;
    this.#sampleCount += channel?.length ?? 128;
    if (this.#sampleCount >= sampleRate / 50) {
      const levelDbfs = Math.max(-100, 10 * Math.log10(this.#power / this.#sampleCount + 1e-10));
      this.port.postMessage({ levelDbfs, atMs: currentTime * 1_000 });
      this.#power = 0;
      this.#sampleCount = 0;
    }
    return true;
  }
}

registerProcessor("level", LevelProcessor);
