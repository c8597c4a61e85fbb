import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OpusDecoder } from "../../bridge-task/audio/opus.ts";
import { ConnectionQuality } from "../../bridge-task/stream/generated/models_pb.js";
import {
  dominantSpeaker,
  emptyWindow,
  isNews,
  type Loudness,
  loudness,
  observe,
  silent,
} from "../cloud/stream/sfu/levels.ts";
import {
  acceptsAnswer,
  answered,
  changed,
  iceRestartWanted,
  type Negotiation,
  newNegotiation,
  nextOffer,
} from "../cloud/stream/sfu/negotiation.ts";
import { type ArrivalWindow, judge, observeArrival } from "../cloud/stream/sfu/quality.ts";
import { type RecordedPacket, Recording } from "../cloud/stream/sfu/recording.ts";
import { decodeTimeline, placeOnTimeline } from "../cloud/stream/sfu/timeline.ts";

describe("the subscriber's negotiation", () => {
  it("has one offer out at a time, with rising ids, and every change gets into an offer", () => {
    const step = fc.constantFrom("change", "iceRestart", "offer", "answer", "lateAnswer");
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let state: Negotiation = newNegotiation;
        let out: number | undefined;
        let lastId = 0;
        let untold = false;
        let untoldRestart = false;
        for (const name of steps) {
          if (name === "change" || name === "iceRestart") {
            state = name === "change" ? changed(state) : iceRestartWanted(state);
            untold = true;
            untoldRestart ||= name === "iceRestart";
          } else if (name === "offer") {
            const next = nextOffer(state);
            state = next.state;
            expect(next.offer !== undefined).toBe(untold && out === undefined);
            if (!next.offer) continue;
            expect(next.offer).toEqual({ negotiationId: lastId + 1, iceRestart: untoldRestart });
            out = lastId = next.offer.negotiationId;
            untold = untoldRestart = false;
          } else if (name === "lateAnswer") {
            expect(acceptsAnswer(state, lastId - 1 || 999)).toBe(false);
          } else {
            expect(acceptsAnswer(state, lastId)).toBe(out !== undefined);
            if (out !== undefined) state = answered(state);
            out = undefined;
          }
        }
      }),
    );
  });

  it("takes an answer without an id for the offer that is out", () => {
    const { state } = nextOffer(changed(newNegotiation));
    expect(acceptsAnswer(state, 0)).toBe(true);
    expect(acceptsAnswer(newNegotiation, 0)).toBe(false);
  });
});

describe("audio levels", () => {
  const heard = (...levels: number[]) => loudness(levels.reduce(observe, emptyWindow));

  it("speaking is 160 ms above -35 dBov within 400 ms", () => {
    expect(heard(...Array(7).fill(20))).toEqual(silent);
    expect(heard(...Array(8).fill(20))).toEqual({ isSpeaking: true, level: 0.1 });
    expect(heard(...Array(20).fill(36))).toEqual(silent);
    expect(heard()).toEqual(silent);
  });

  it("who speaks or has just stopped is news", () => {
    const speaking: Loudness = { isSpeaking: true, level: 0.5 };
    expect([
      isNews(silent, speaking),
      isNews(speaking, speaking),
      isNews(speaking, silent),
      isNews(silent, silent),
    ]).toEqual([true, true, true, false]);
  });

  it("the dominant speaker is the loudest, stays through silence, and does not flicker at equal loudness", () => {
    const at = (level: number): Loudness => ({ isSpeaking: level > 0, level });
    expect(
      dominantSpeaker(
        [
          ["a", at(0.2)],
          ["b", at(0.4)],
        ],
        undefined,
      ),
    ).toBe("b");
    expect(
      dominantSpeaker(
        [
          ["a", at(0.4)],
          ["b", at(0.4)],
        ],
        "b",
      ),
    ).toBe("b");
    expect(
      dominantSpeaker(
        [
          ["a", at(0.4)],
          ["b", at(0.4)],
        ],
        "a",
      ),
    ).toBe("a");
    expect(
      dominantSpeaker(
        [
          ["a", at(0)],
          ["b", at(0)],
        ],
        "b",
      ),
    ).toBe("b");
    expect(
      dominantSpeaker(
        [
          ["a", at(0.1)],
          ["b", at(0)],
        ],
        "b",
      ),
    ).toBe("a");
    expect(dominantSpeaker([], undefined)).toBeUndefined();
  });
});

const packet = (n: number, arrivalMs: number, timestamp = n * 960): RecordedPacket => ({
  sequenceNumber: (65_530 + n) % 65_536,
  timestamp: (0xffffff00 + timestamp) >>> 0,
  arrivalMs: 1_000_000 + arrivalMs,
  marker: false,
  payload: Buffer.from([n & 0xff]),
  levelDbov: 30,
  voiced: true,
});

it("connection quality is judged by what is missing between the first and the last packet", () => {
  const judged = (sequences: number[]) => judge(sequences.reduce<ArrivalWindow | undefined>(observeArrival, undefined));
  const hundred = Array.from({ length: 100 }, (_, n) => (65_500 + n) % 65_536);
  expect(judged(hundred)).toBe(ConnectionQuality.EXCELLENT);
  expect(judged(hundred.filter((_, n) => n !== 50 && n !== 60 && n !== 70))).toBe(ConnectionQuality.GOOD);
  expect(judged(hundred.filter((_, n) => n % 10 !== 5))).toBe(ConnectionQuality.POOR);
  expect(judged([...hundred, ...hundred])).toBe(ConnectionQuality.EXCELLENT);
  expect(judged([])).toBeUndefined();
});

describe("the timeline of what was sent", () => {
  const offsetsMs = (packets: RecordedPacket[]) =>
    placeOnTimeline(packets).map(({ offsetSamples }) => offsetSamples / 24);

  it("has no holes from jitter, across the wraps of sequence numbers and timestamps", () => {
    expect(offsetsMs([packet(0, 0), packet(1, 90), packet(2, 91), packet(3, 92), packet(20, 400)])).toEqual([
      0, 20, 40, 60, 400,
    ]);
  });

  it("shows a pause of the sender, whether its timestamps run on or stand still", () => {
    expect(offsetsMs([packet(0, 0), packet(1, 20), packet(2, 1_020, 51 * 960)])).toEqual([0, 20, 1_020]);
    expect(offsetsMs([packet(0, 0), packet(1, 20), packet(2, 1_020), packet(3, 1_040)])).toEqual([0, 20, 1_020, 1_040]);
  });

  it("leaves out duplicates and what was overtaken, and keeps the hole of what was lost", () => {
    expect(offsetsMs([packet(0, 0), packet(0, 1), packet(3, 60), packet(2, 61), packet(4, 80)])).toEqual([0, 60, 80]);
  });

  it("never puts one packet before another that came earlier", () => {
    const stream = fc.array(fc.record({ n: fc.nat(200), gapMs: fc.nat(500), timestamp: fc.nat(2 ** 31) }));
    fc.assert(
      fc.property(stream, (steps) => {
        let atMs = 0;
        const packets = steps.map(({ n, gapMs, timestamp }) => {
          atMs += gapMs;
          return packet(n, atMs, timestamp);
        });
        const offsets = placeOnTimeline(packets).map(({ offsetSamples }) => offsetSamples);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      }),
    );
  });

  it("decodes to silence where nothing arrived, and for what is not Opus", () => {
    const decoder: OpusDecoder = {
      decode: ([first]) => {
        if (first === 2) throw new Error("not Opus");
        return new Int16Array(480).fill(first ?? 0);
      },
      decodeFec: () => new Int16Array(),
      conceal: () => new Int16Array(),
      close: () => undefined,
    };
    const pcm = decodeTimeline([packet(1, 0), packet(2, 20), packet(3, 40), packet(9, 160)], decoder);
    expect(pcm).toHaveLength(180 * 24);
    expect([0, 25, 45, 70, 165].map((ms) => pcm[ms * 24])).toEqual([1, 0, 3, 0, 9]);
  });
});

it("a recording keeps the newest ten minutes and says what it had to drop", () => {
  const recording = new Recording({ cid: "default:1", userId: "a", sessionId: "s" });
  for (let n = 0; n < 30_001; n += 1) recording.push(packet(n, n * 20));
  expect(recording.packets).toHaveLength(27_001);
  expect(recording.droppedCount).toBe(3_000);
  expect(recording.packets.at(-1)?.arrivalMs).toBe(1_000_000 + 600_000);
});
