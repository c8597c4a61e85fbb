import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameClock } from "../../bridge-task/audio/frame-clock.ts";

/** Time that stands still until told; timers fire late by what the test says, as under load. */
class VirtualTime {
  nowMs = 1000;
  #timers = new Map<number, { atMs: number; callback: () => void }>();
  #lastId = 0;
  readonly now = (): number => this.nowMs;
  readonly setTimeout = (callback: () => void, delayMs: number): number => {
    this.#timers.set(++this.#lastId, { atMs: this.nowMs + delayMs, callback });
    return this.#lastId;
  };
  readonly clearTimeout = (id: number): void => {
    this.#timers.delete(id);
  };
  get pending(): number {
    return this.#timers.size;
  }
  /** Fires the next timer, `lateMs` after it was due. */
  fire(lateMs = 0): void {
    const [[id, timer] = []] = [...this.#timers].sort(([, a], [, b]) => a.atMs - b.atMs);
    if (id === undefined || !timer) return;
    this.#timers.delete(id);
    this.nowMs = Math.max(this.nowMs, timer.atMs + lateMs);
    timer.callback();
  }
}

describe("FrameClock", () => {
  it("runs one frame per 20 ms from its start", () => {
    const time = new VirtualTime();
    const frames: number[] = [];
    const clock = new FrameClock({ ...time, onFrame: (nowMs) => frames.push(nowMs - 1000) });
    clock.start();
    for (let fired = 0; fired < 4; fired++) time.fire();
    clock.stop();
    expect(frames).toEqual([20, 40, 60, 80]);
    expect(time.pending).toBe(0);
  });

  it("never drifts: frame k of any run is due at start + k × 20 ms, however late the timers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 90, noNaN: true }), { minLength: 1, maxLength: 80 }),
        (lateness) => {
          const time = new VirtualTime();
          let frames = 0;
          const clock = new FrameClock({
            ...time,
            onFrame: (nowMs) => {
              frames++;
              expect(nowMs - 1000).toBeGreaterThanOrEqual(frames * 20 - 1);
            },
          });
          clock.start();
          for (const lateMs of lateness) time.fire(lateMs);
          const due = Math.floor((time.nowMs - 1000 + 1) / 20);
          expect(Math.abs(due - frames)).toBeLessThanOrEqual(1);
          expect(clock.statistics()).toMatchObject({ frameCount: frames, skippedFrameCount: 0 });
          clock.stop();
        },
      ),
    );
  });

  it("makes up for five late frames, skips older ones and says how many", () => {
    const time = new VirtualTime();
    const skips: number[] = [];
    const clock = new FrameClock({ ...time, onFrame: (_, skipped) => skips.push(skipped) });
    clock.start();
    time.fire(1000);
    expect(skips).toEqual([45, 0, 0, 0, 0, 0]);
    time.fire();
    expect(skips).toHaveLength(7);
    expect(clock.statistics()).toMatchObject({ frameCount: 7, skippedFrameCount: 45 });
    expect(clock.statistics().latenessMs.max).toBe(100);
    clock.stop();
  });

  it("stops at once when a frame stops it, and can start again", () => {
    const time = new VirtualTime();
    let frames = 0;
    const clock: FrameClock<number> = new FrameClock({
      ...time,
      onFrame: () => {
        frames++;
        clock.stop();
      },
    });
    clock.start();
    time.fire(70);
    expect([frames, time.pending]).toEqual([1, 0]);
    clock.start();
    clock.start();
    expect(time.pending).toBe(1);
    clock.stop();
  });

  it("goes on when a frame throws", () => {
    const time = new VirtualTime();
    let frames = 0;
    const clock = new FrameClock({
      ...time,
      onFrame: () => {
        frames++;
        throw new Error("of the listener");
      },
    });
    clock.start();
    expect(() => time.fire()).toThrow("of the listener");
    expect(() => time.fire()).toThrow("of the listener");
    expect(frames).toBe(2);
    clock.stop();
  });

  it("reports lateness", () => {
    const time = new VirtualTime();
    const clock = new FrameClock({ ...time, onFrame: () => {} });
    expect(clock.statistics().latenessMs).toEqual({ p50: 0, p99: 0, max: 0 });
    clock.start();
    for (let fired = 0; fired < 99; fired++) time.fire(fired < 97 ? 0 : 7.5);
    expect(clock.statistics().latenessMs).toEqual({ p50: 0, p99: 8, max: 7.5 });
    clock.stop();
  });

  it("keeps time on real timers", async () => {
    const started = performance.now();
    const frames: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const clock = new FrameClock({ onFrame: (nowMs) => frames.push(nowMs) === 10 && resolve() });
    clock.start();
    await promise;
    clock.stop();
    expect(performance.now() - started).toBeGreaterThanOrEqual(199);
  });
});
