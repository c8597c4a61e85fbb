import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JitterBuffer, type JitterOutput } from "../../bridge-task/audio/jitter-buffer.ts";
import type { RtpAudio } from "../../bridge-task/audio/rtp.ts";

/** TOC bytes of CELT packets of one frame: 10 and 20 ms. */
const toc = { 10: 30 << 3, 20: 31 << 3 };
const ticks = { 10: 480, 20: 960 };

interface Sent extends RtpAudio {
  index: number;
  startTicks: number;
}

/** Packets of a sender who pauses `gaps[index]` × 20 ms before each. */
const send = (gaps: number[], from: { sequenceNumber?: number; timestamp?: number; ms?: 10 | 20 } = {}): Sent[] => {
  const { sequenceNumber = 1000, timestamp = 5000, ms = 20 } = from;
  let startTicks = 0;
  return gaps.map((gap, index) => {
    startTicks += gap * 960;
    const packet = {
      index,
      startTicks,
      sequenceNumber: (sequenceNumber + index) & 0xffff,
      timestamp: (timestamp + startTicks) >>> 0,
      payload: new Uint8Array([toc[ms], index & 255, index >> 8]),
    };
    startTicks += ticks[ms];
    return packet;
  });
};

const indexOf = (payload: Uint8Array): number => (payload[1] ?? 0) + (payload[2] ?? 0) * 256;
const indices = (outputs: JitterOutput[]): number[] =>
  outputs.flatMap((output) => (output.kind === "packet" ? [indexOf(output.payload)] : []));
const lengthOf = (output: JitterOutput): number =>
  output.kind === "packet" ? output.facts.durationTicks : output.ticks;

describe("JitterBuffer", () => {
  it("lets packets in order leave at once", () => {
    const buffer = new JitterBuffer();
    for (const packet of send([0, 0, 0]))
      expect(indices(buffer.push(packet, packet.index * 20))).toEqual([packet.index]);
  });

  it("holds what overtook a missing packet until it comes", () => {
    const buffer = new JitterBuffer();
    const [a, b, c] = send([0, 0, 0]) as [Sent, Sent, Sent];
    expect(indices(buffer.push(a, 0))).toEqual([0]);
    expect(buffer.push(c, 20)).toEqual([]);
    expect(indices(buffer.push(b, 25))).toEqual([1, 2]);
  });

  it("gives a missing packet up after its wait, and offers the next one for FEC", () => {
    const buffer = new JitterBuffer({ minWaitMs: 40, maxWaitMs: 40 });
    const [a, , c] = send([0, 0, 0]) as [Sent, Sent, Sent];
    buffer.push(a, 0);
    buffer.push(c, 40);
    expect(buffer.tick(79)).toEqual([]);
    const [lost, packet] = buffer.tick(80);
    expect(lost).toMatchObject({ kind: "lost", ticks: 960, next: c.payload });
    expect(packet).toMatchObject({ kind: "packet", payload: c.payload });
    expect(buffer.counts.lost).toBe(1);
  });

  it("takes a timestamp that jumps further than the sequence number for the sender's silence", () => {
    const buffer = new JitterBuffer({ minWaitMs: 0, maxWaitMs: 0 });
    const [a, b, , d] = send([0, 10, 0, 5]) as [Sent, Sent, Sent, Sent];
    buffer.push(a, 0);
    expect(buffer.push(b, 220)).toMatchObject([{ kind: "gap", ticks: 9600 }, { kind: "packet" }]);
    expect(buffer.push(d, 360)).toMatchObject([
      { kind: "gap", ticks: 4800 },
      { kind: "lost", ticks: 960 },
      { kind: "packet" },
    ]);
  });

  it("drops duplicates and late packets, and waits longer where packets were late", () => {
    const buffer = new JitterBuffer({ minWaitMs: 20, maxWaitMs: 100 });
    const [a, b, c] = send([0, 0, 0]) as [Sent, Sent, Sent];
    buffer.push(a, 0);
    expect(buffer.push(a, 1)).toEqual([]);
    buffer.push(c, 40);
    buffer.tick(90);
    expect(buffer.push(b, 110)).toEqual([]);
    expect(buffer.counts).toMatchObject({ duplicate: 1, late: 1, lost: 1 });
    expect(buffer.waitMs).toBeCloseTo(70 * 1.25);
  });

  it("forgets long waits on a network that behaves", () => {
    const buffer = new JitterBuffer();
    const before = buffer.waitMs;
    for (const packet of send(Array.from({ length: 3000 }, () => 0))) buffer.push(packet, packet.index * 20);
    expect(buffer.waitMs).toBeLessThan(before);
    expect(buffer.waitMs).toBe(20);
  });

  it("holds no more than its bound", () => {
    const buffer = new JitterBuffer({ minWaitMs: 1e9, maxWaitMs: 1e9, maxHeld: 10 });
    const packets = send(Array.from({ length: 13 }, () => 0)).filter(({ index }) => index !== 1);
    const outputs = packets.flatMap((packet) => buffer.push(packet, 0));
    expect(indices(outputs)).toEqual([0, ...packets.slice(1).map(({ index }) => index)]);
  });

  it("follows a source that begins anew, but not one stray packet", () => {
    const buffer = new JitterBuffer();
    const old = send([0, 0, 0, 0], { sequenceNumber: 10, timestamp: 0 });
    const [stray, ...fresh] = send([0, 0, 0], { sequenceNumber: 40_000, timestamp: 3e9 });
    for (const packet of old.slice(0, 3)) buffer.push(packet, packet.index * 20);
    expect(buffer.push(stray as Sent, 60)).toEqual([]);
    expect(indices(buffer.push(old[3] as Sent, 65))).toEqual([3]);
    expect(buffer.push(stray as Sent, 70)).toEqual([]);
    expect(fresh.flatMap((packet) => indices(buffer.push(packet, 80 + packet.index * 20)))).toEqual([1, 2]);
    expect(buffer.counts.restarts).toBe(1);
  });

  it("ignores what cannot be Opus", () => {
    const buffer = new JitterBuffer();
    expect(buffer.push({ sequenceNumber: 1, timestamp: 0, payload: new Uint8Array() }, 0)).toEqual([]);
    expect(buffer.counts.malformed).toBe(1);
  });

  it("keeps order and the RTP timeline for any loss, reordering, duplication, silence and wrap", () => {
    const fate = fc.record({
      gap: fc.oneof(
        { weight: 8, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
      ),
      lost: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.boolean() }),
      delayMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 }) },
      ),
      copies: fc.oneof(
        { weight: 5, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
      ),
    });
    const start = fc.record({
      sequenceNumber: fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constant(0xfffa)),
      timestamp: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(0xffffffff - 5000)),
      ms: fc.constantFrom<10 | 20>(10, 20),
    });
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 150 }), start, (fates, from) => {
        const packets = send(
          fates.map(({ gap }) => gap),
          from,
        );
        const arrivals = packets
          .flatMap((packet, index) => {
            const { lost, delayMs, copies } = fates[index] ?? { lost: true, delayMs: 0, copies: 0 };
            const sentMs = packet.startTicks / 48;
            // The first packet sets the start of the timeline: an earlier one would be late, whatever comes.
            if (index === 0) return [{ packet, atMs: -1 }];
            if (lost) return [];
            return Array.from({ length: copies }, (_, copy) => ({ packet, atMs: sentMs + delayMs * (copy + 1) }));
          })
          .sort((a, b) => a.atMs - b.atMs);
        const buffer = new JitterBuffer();
        const outputs: JitterOutput[] = [];
        let tickMs = 0;
        for (const { packet, atMs } of arrivals) {
          for (; tickMs <= atMs; tickMs += 20) outputs.push(...buffer.tick(tickMs));
          outputs.push(...buffer.push(packet, atMs));
        }
        outputs.push(...buffer.tick(tickMs + 1000));
        const played = indices(outputs);
        expect(played).toEqual([...new Set(played)].sort((a, b) => a - b));
        let atTicks = packets[0]?.startTicks ?? 0;
        for (const output of outputs) {
          if (output.kind === "packet") expect(atTicks).toBe(packets[indexOf(output.payload)]?.startTicks);
          atTicks += lengthOf(output);
        }
        const { received, duplicate, late } = buffer.counts;
        expect(received).toBe(played.length + duplicate + late);
        expect(buffer.flush()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
