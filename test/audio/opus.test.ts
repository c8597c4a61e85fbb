import { createEncoder, Signal } from "libopus-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { loadOpus, type OpusCodec, type OpusDecoder, OpusError } from "../../bridge-task/audio/opus.ts";
import { readOpusPacket } from "../../bridge-task/audio/opus-packet.ts";
import { concat, frameSamples } from "../../bridge-task/audio/pcm.ts";
import { correlate, signal } from "../support/signals.ts";

let opus: OpusCodec;
beforeAll(async () => {
  opus = await loadOpus();
});

const framesOf = (pcm: Int16Array): Int16Array[] =>
  Array.from({ length: Math.floor(pcm.length / frameSamples) }, (_, index) =>
    pcm.slice(index * frameSamples, (index + 1) * frameSamples),
  );

const encodeAll = (pcm: Int16Array): Uint8Array[] => {
  const encoder = opus.createEncoder();
  const packets = framesOf(pcm).map((frame) => encoder.encode(frame));
  encoder.close();
  return packets;
};

/** Signal to noise in dB against the same stream decoded without loss. */
const likeness = (heard: Int16Array, whole: Int16Array): number => {
  let [energy, error] = [0, 0];
  for (const [at, sample] of whole.entries()) {
    energy += sample ** 2;
    error += (sample - (heard[at] ?? 0)) ** 2;
  }
  return 10 * Math.log10(energy / Math.max(1, error));
};

const decodeWith = (
  packets: Uint8Array[],
  lost: (decoder: OpusDecoder, next: Uint8Array) => Int16Array,
): Int16Array => {
  const decoder = opus.createDecoder();
  const heard = packets.map((packet, index) => {
    const next = packets[index + 1];
    return index % 10 === 5 && next ? lost(decoder, next) : decoder.decode(packet);
  });
  decoder.close();
  return concat(heard);
};

describe("opus", () => {
  it("carries a test signal at voice bit rates", () => {
    const sent = signal("agent");
    const packets = encodeAll(sent);
    const decoder = opus.createDecoder();
    const heard = concat(packets.map((packet) => decoder.decode(packet)));
    decoder.close();
    const kbps = (packets.reduce((sum, packet) => sum + packet.length, 0) * 8) / (sent.length / 24);
    expect(correlate(heard, sent).score).toBeGreaterThan(0.85);
    expect(kbps).toBeGreaterThan(16);
    expect(kbps).toBeLessThan(48);
  });

  it("restores lost packets from the in-band copy better than by concealment", () => {
    const packets = encodeAll(signal("caller", 3000));
    const concealed = decodeWith(packets, (decoder) => decoder.conceal(frameSamples));
    const decoder = opus.createDecoder();
    const perfect = concat(packets.map((packet) => decoder.decode(packet)));
    decoder.close();
    const restored = decodeWith(packets, (each, next) => each.decodeFec(next, frameSamples));
    expect(likeness(restored, perfect)).toBeGreaterThan(likeness(concealed, perfect) + 2);
    expect(packets.filter((packet) => readOpusPacket(packet)?.hasFec).length).toBeGreaterThan(packets.length / 2);
  });

  it.each([10, 20, 40, 60])("decodes a browser's 48 kHz stereo packets of %i ms to 24 kHz mono", async (durationMs) => {
    const handle = await createEncoder({ frameSize: durationMs * 48, channels: 2, signal: Signal.Voice });
    const tone = Int16Array.from({ length: durationMs * 48 * 2 }, (_, at) => 8000 * Math.sin((at >> 1) / 20));
    const packet = handle.encode(tone);
    handle.free();
    const decoder = opus.createDecoder();
    expect(decoder.decode(packet)).toHaveLength(durationMs * 24);
    expect(readOpusPacket(packet)?.durationTicks).toBe(durationMs * 48);
    decoder.close();
  });

  it("refuses what is not Opus with an OpusError, and goes on decoding", () => {
    const decoder = opus.createDecoder();
    expect(() => decoder.decode(new Uint8Array([0xff, 0xff, 0xff]))).toThrow(OpusError);
    const [packet = new Uint8Array()] = encodeAll(signal("agent", 100));
    expect(decoder.decode(packet)).toHaveLength(frameSamples);
    decoder.close();
  });

  it("refuses a frame of another length", () => {
    const encoder = opus.createEncoder();
    expect(() => encoder.encode(new Int16Array(100))).toThrow(OpusError);
    encoder.close();
  });

  it("has 32 decoders ready at once, and says so when asked for more than it can give in one turn", async () => {
    const taken: OpusDecoder[] = [];
    const takeAll = () => {
      for (let count = 0; count < 100; count++) taken.push(opus.createDecoder());
    };
    expect(takeAll).toThrow(expect.objectContaining({ code: "opus_busy", retryable: true }));
    expect(taken.length).toBeGreaterThanOrEqual(32);
    await new Promise((resolve) => setImmediate(resolve));
    taken.push(opus.createDecoder());
    for (const decoder of taken) decoder.close();
  });
});
