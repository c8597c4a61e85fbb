import type { AudioFormat } from "./config.ts";

const bias = 0x84;
const clip = 32_635;

const muLawToPcm = (byte: number): number => {
  const inverted = ~byte & 0xff;
  const magnitude = (((inverted & 0x0f) << 3) + bias) << ((inverted & 0x70) >> 4);
  return inverted & 0x80 ? bias - magnitude : magnitude - bias;
};

const pcmToMuLaw = (sample: number): number => {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), clip) + bias;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
};

const aLawToPcm = (byte: number): number => {
  const toggled = byte ^ 0x55;
  const exponent = (toggled & 0x70) >> 4;
  const mantissa = ((toggled & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
};

const pcmToALaw = (sample: number): number => {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), clip);
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
};

const laws = {
  "audio/pcmu": { decode: muLawToPcm, encode: pcmToMuLaw },
  "audio/pcma": { decode: aLawToPcm, encode: pcmToALaw },
};

/** G.711 runs at 8 kHz: each of its samples becomes three of ours, on straight lines between them. */
const widen = (narrow: Int16Array): Int16Array => {
  const wide = new Int16Array(narrow.length * 3);
  for (let index = 0; index < narrow.length; index += 1) {
    const here = narrow[index] ?? 0;
    const next = narrow[index + 1] ?? here;
    for (let step = 0; step < 3; step += 1) wide[index * 3 + step] = Math.round(here + ((next - here) * step) / 3);
  }
  return wide;
};

/** The way back: the mean of three samples, enough to keep speech clear of aliases in a stand-in. */
const narrow = (wide: Int16Array): Int16Array =>
  Int16Array.from({ length: Math.ceil(wide.length / 3) }, (_, index) => {
    const three = wide.subarray(index * 3, index * 3 + 3);
    return Math.round(three.reduce((sum, sample) => sum + sample, 0) / three.length);
  });

/** Bytes of the wire format to 24 kHz PCM, or `undefined` if they cannot be that. */
export const decodeAudio = (bytes: Buffer, format: AudioFormat): Int16Array | undefined => {
  if (format.type !== "audio/pcm") {
    const { decode } = laws[format.type];
    return widen(Int16Array.from(bytes, decode));
  }
  if (bytes.length % 2 !== 0) return undefined;
  // Copied: a Buffer may start at an odd address, where no Int16Array can.
  const aligned = new Uint8Array(bytes);
  return new Int16Array(aligned.buffer, 0, aligned.length / 2);
};

/** 24 kHz PCM to bytes of the wire format. */
export const encodeAudio = (pcm: Int16Array, format: AudioFormat): Buffer => {
  if (format.type === "audio/pcm") return Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const { encode } = laws[format.type];
  return Buffer.from(Array.from(narrow(pcm), encode));
};
