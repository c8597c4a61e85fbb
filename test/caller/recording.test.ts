import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Recording } from "./recording.ts";

const constant = (value: number, length: number) => new Int16Array(length).fill(value);

describe("a recording", () => {
  test("puts audio where its time is and reads silence elsewhere", () => {
    const recording = new Recording(1_000, 10);
    recording.write(recording.sampleAt(1_100), constant(7, 240));
    const read = recording.read(1_095, 1_115);
    expect([...read.subarray(0, 120)].every((sample) => sample === 0)).toBe(true);
    expect([...read.subarray(120, 360)].every((sample) => sample === 7)).toBe(true);
    expect([...read.subarray(360)].every((sample) => sample === 0)).toBe(true);
  });

  test("mixes two speakers and stays within 16 bits", () => {
    const recording = new Recording(0, 1);
    recording.write(0, constant(20_000, 4));
    recording.write(2, constant(20_000, 4));
    expect([...recording.read()]).toEqual([20_000, 20_000, 32_767, 32_767, 20_000, 20_000]);
  });

  test("forgets the oldest, never the newest", () => {
    const recording = new Recording(0, 1);
    for (let second = 0; second < 5; second += 1) recording.write(second * 24_000, constant(second + 1, 24_000));
    expect(new Set(recording.read(0, 4_000))).toEqual(new Set([0]));
    expect(new Set(recording.read(4_000, 5_000))).toEqual(new Set([5]));
  });

  test("equals a plain array as long as nothing is forgotten", () => {
    const writes = fc.array(
      fc.record({ sample: fc.nat(23_000), length: fc.nat(900), value: fc.integer({ min: -99, max: 99 }) }),
    );
    fc.assert(
      fc.property(writes, (list) => {
        const recording = new Recording(0, 1);
        const plain = new Int16Array(24_000);
        for (const { sample, length, value } of list) {
          recording.write(sample, constant(value, length));
          for (let index = sample; index < sample + length; index += 1) plain[index] = (plain[index] ?? 0) + value;
        }
        expect(recording.read(0, 1_000)).toEqual(plain);
      }),
      { numRuns: 30 },
    );
  });
});
