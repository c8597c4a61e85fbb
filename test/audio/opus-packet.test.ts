import fc from "fast-check";
import { createEncoder, getPacketInfo, Signal } from "libopus-wasm";
import { describe, expect, it } from "vitest";
import { readOpusPacket } from "../../bridge-task/audio/opus-packet.ts";
import { signal } from "../support/signals.ts";

describe("readOpusPacket", () => {
  it.each([
    { durationMs: 2.5, bitrate: 64_000, channels: 1 as const },
    { durationMs: 10, bitrate: 16_000, channels: 1 as const },
    { durationMs: 20, bitrate: 12_000, channels: 2 as const },
    { durationMs: 20, bitrate: 96_000, channels: 2 as const },
    { durationMs: 40, bitrate: 24_000, channels: 1 as const },
    { durationMs: 60, bitrate: 20_000, channels: 1 as const },
    { durationMs: 60, bitrate: 64_000, channels: 1 as const },
  ])("agrees with libopus on $durationMs ms at $bitrate bit/s, $channels channel(s)", async (each) => {
    const { durationMs, bitrate, channels } = each;
    const frameSize = durationMs * 24;
    const encoder = await createEncoder({ sampleRate: 24_000, frameSize, bitrate, channels, signal: Signal.Voice });
    const pcm = signal("packets", 240);
    for (let at = 0; at + frameSize * channels <= pcm.length; at += frameSize * channels) {
      const packet = encoder.encode(pcm.slice(at, at + frameSize * channels));
      const facts = await getPacketInfo(packet);
      expect(readOpusPacket(packet)).toMatchObject({
        durationTicks: facts.durationMs * 48,
        frameTicks: facts.samplesPerFrame,
        hasFec: false,
      });
    }
    encoder.free();
  });

  it("takes any bytes without throwing, and no packet longer than 120 ms", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (payload) => {
        const facts = readOpusPacket(payload);
        expect(facts === undefined || (facts.durationTicks > 0 && facts.durationTicks <= 5760)).toBe(true);
      }),
    );
    expect(readOpusPacket(new Uint8Array())).toBeUndefined();
  });
});
