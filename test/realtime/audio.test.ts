import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AudioGate } from "../../bridge-task/realtime/audio-gate.ts";
import { encodePcm, PcmDecoder } from "../../bridge-task/realtime/pcm.ts";

const samples = fc.int16Array({ maxLength: 400 });

describe("PCM on the wire", () => {
  it("comes back the same however its bytes were cut into deltas", () => {
    fc.assert(
      fc.property(samples, fc.array(fc.nat(801)), (pcm, cuts) => {
        const bytes = Buffer.from(encodePcm(pcm), "base64");
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const decoder = new PcmDecoder();
        const decoded = edges
          .slice(1)
          .flatMap((end, index) => [...decoder.decode("item 0", bytes.subarray(edges[index], end).toString("base64"))]);
        expect(decoded).toEqual([...pcm]);
      }),
    );
  });

  it("encodes the part of a buffer that it is given", () => {
    const frame = Int16Array.from([1, 2, 3, 4]).subarray(1, 3);
    expect([...new PcmDecoder().decode("a", encodePcm(frame))]).toEqual([2, 3]);
  });

  it("never carries half a sample over into another part", () => {
    const decoder = new PcmDecoder();
    expect([...decoder.decode("a", Buffer.from([1, 0, 9]).toString("base64"))]).toEqual([1]);
    expect([...decoder.decode("b", Buffer.from([2, 0]).toString("base64"))]).toEqual([2]);
  });
});

describe("the gate", () => {
  it("gives back what it holds, in order, and is empty then", () => {
    const gate = new AudioGate(1_000);
    const frame = Int16Array.from([1, 2]);
    gate.hold(frame);
    frame[0] = 99;
    gate.hold(Int16Array.from([3]));
    expect(gate.release().map((pcm) => [...pcm])).toEqual([[1, 2], [3]]);
    expect(gate.heldMs).toBe(0);
    expect(gate.release()).toEqual([]);
  });

  it("never holds more than it may, and lets the oldest go first", () => {
    const gate = new AudioGate(100);
    for (let frame = 0; frame < 8; frame += 1) gate.hold(new Int16Array(480).fill(frame));
    expect(gate.heldMs).toBe(100);
    expect(gate.droppedMs).toBe(60);
    expect(gate.release().map(([first]) => first)).toEqual([3, 4, 5, 6, 7]);
  });
});
