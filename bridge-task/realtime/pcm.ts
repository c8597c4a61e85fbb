/** Samples per millisecond of everything that is heard or said: 24 kHz mono PCM16, little endian. */
export const samplesPerMs = 24;

export const encodePcm = (pcm: Int16Array): string =>
  Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64");

/**
 * Base64 deltas of one audio part at a time into samples. A delta may end in the middle of a sample: that byte waits for
 * the part's next delta and is dropped when another part begins.
 */
export class PcmDecoder {
  #part = "";
  #halfSample: number | undefined;

  decode(part: string, base64: string): Int16Array {
    if (part !== this.#part) this.#halfSample = undefined;
    this.#part = part;
    let bytes: Uint8Array = Buffer.from(base64, "base64");
    if (this.#halfSample !== undefined) {
      const joined = new Uint8Array(bytes.length + 1);
      joined[0] = this.#halfSample;
      joined.set(bytes, 1);
      bytes = joined;
    }
    const sampleCount = bytes.length >> 1;
    this.#halfSample = bytes.length % 2 === 1 ? bytes.at(-1) : undefined;
    // Int16Array needs an even offset; Buffer's pool usually gives one, but nothing promises it.
    const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    return new Int16Array(aligned.buffer, aligned.byteOffset, sampleCount);
  }
}
