import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadOpus } from "../../bridge-task/audio/opus.ts";
import { correlate, signal } from "../support/signals.ts";
import { Ear, type EarPacket, isVoice } from "./ear.ts";

const frames = 60;
const voice = signal("a person", frames * 20);
let ear: Ear;
let packets: EarPacket[];

beforeEach(async () => {
  const opus = await loadOpus();
  const encoder = opus.createEncoder();
  packets = Array.from({ length: frames }, (_, index) => ({
    userId: "lucy",
    sessionId: "s1",
    sequenceNumber: (65_530 + index) % 65_536,
    timestamp: (4_294_960_000 + index * 960) % 2 ** 32,
    payload: encoder.encode(voice.slice(index * 480, (index + 1) * 480)),
    levelDbov: undefined,
  }));
  encoder.close();
  ear = new Ear({ opus, startedAtMs: 10_000, maxSeconds: 10 });
});

afterEach(() => ear.close());

describe("a person's ear", () => {
  test("hears gapless sound where it arrived, whatever the jitter and the wraps of RTP's counters", () => {
    for (const [index, packet] of packets.entries()) ear.push(packet, 10_500 + index * 20 + (index % 3) * 15);
    const { score, atSample } = correlate(ear.recording.read(), voice);
    expect(score).toBeGreaterThan(0.9);
    expect(atSample / 24).toBeGreaterThan(495);
    expect(atSample / 24).toBeLessThan(515);
    expect(ear.frames().filter(isVoice).length).toBeGreaterThan(frames * 0.7);
  });

  test("leaves out what comes after its successor, and hears silence where a packet is lost", () => {
    const [first, second, third] = packets;
    if (!first || !second || !third) throw new Error("no packets");
    expect(ear.push(first, 10_000)).toBeDefined();
    expect(ear.push(third, 10_040)).toMatchObject({ startsAtMs: 10_040 });
    expect(ear.push(second, 10_041)).toBeUndefined();
    expect(ear.lateFrameCount).toBe(1);
    expect(new Set(ear.recording.read(10_020, 10_040))).toEqual(new Set([0]));
  });

  test("shows a stalled sender as a gap", () => {
    const [first, second] = packets;
    if (!first || !second) throw new Error("no packets");
    ear.push(first, 10_000);
    expect(ear.push(second, 11_000)).toMatchObject({ startsAtMs: 11_000 });
  });
});
