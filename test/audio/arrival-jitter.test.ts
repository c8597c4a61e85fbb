import { describe, expect, it } from "vitest";
import { ArrivalJitter } from "../../bridge-task/audio/arrival-jitter.ts";

const arrive = (
  jitter: ArrivalJitter,
  count: number,
  lateMs: (index: number) => number,
  from = { ms: 0, ticks: 0 },
) => {
  for (let index = 0; index < count; index++) {
    jitter.note((from.ticks + index * 960) >>> 0, from.ms + index * 20 + lateMs(index));
  }
};

describe("ArrivalJitter", () => {
  it("is 0 for even arrivals, across the timestamp's wrap", () => {
    const jitter = new ArrivalJitter();
    arrive(jitter, 200, () => 0, { ms: 0, ticks: 0xffffffff - 50_000 });
    expect(jitter.p99Ms).toBeCloseTo(0);
  });

  it("measures the spread that all but one in a hundred stay within", () => {
    const jitter = new ArrivalJitter();
    arrive(jitter, 500, (index) => (index % 200 === 7 ? 400 : (index * 7) % 50));
    expect(jitter.p99Ms).toBeGreaterThanOrEqual(45);
    expect(jitter.p99Ms).toBeLessThan(60);
  });

  it("forgets a bad spell within ten seconds", () => {
    const jitter = new ArrivalJitter();
    arrive(jitter, 500, (index) => (index % 10 === 0 ? 150 : 0));
    expect(jitter.p99Ms).toBeGreaterThan(100);
    arrive(jitter, 525, () => 0, { ms: 10_000, ticks: 480_000 });
    expect(jitter.p99Ms).toBeCloseTo(0);
  });

  it("does not take a pause in which the sender's clock stood still for jitter", () => {
    const jitter = new ArrivalJitter();
    arrive(jitter, 100, () => 0);
    arrive(jitter, 100, () => 0, { ms: 60_000, ticks: 96_000 });
    expect(jitter.p99Ms).toBeCloseTo(0);
  });
});
