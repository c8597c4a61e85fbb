import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameSamples, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { Playout, PlayoutOverflowError } from "../../bridge-task/audio/playout.ts";
import { audibleStep } from "../../bridge-task/audio/ramp.ts";

const part = (itemId: string, contentIndex = 0) => ({ itemId, contentIndex });
const constant = (value: number, samples: number): Int16Array => new Int16Array(samples).fill(value);
const ms = (durationMs: number): number => durationMs * samplesPerMs;
const largestStep = (pcm: number[]): number =>
  pcm.reduce((most, sample, at) => Math.max(most, Math.abs(sample - (pcm[at - 1] ?? 0))), 0);

describe("Playout", () => {
  it("gives a reply back unchanged in 20 ms frames, then silence", () => {
    const playout = new Playout();
    const reply = Int16Array.from({ length: ms(60) }, (_, at) => 5000 * Math.sin(at / 30));
    playout.append(part("a"), reply.subarray(0, 700));
    playout.append(part("a"), reply.subarray(700));
    playout.finish("a");
    const frames = [playout.nextFrame(), playout.nextFrame(), playout.nextFrame()];
    expect(frames.flatMap(({ pcm }) => [...pcm])).toEqual([...reply]);
    expect(frames.every(({ voiced, itemId }) => voiced && itemId === "a")).toBe(true);
    playout.nextFrame();
    expect(playout.nextFrame()).toEqual({ pcm: new Int16Array(frameSamples), voiced: false, itemId: null });
    expect(playout.spoken("a")).toEqual({ itemId: "a", contentIndex: 0, receivedMs: 60, sentMs: 60 });
  });

  it("holds less than a frame until more comes or the item is finished", () => {
    const playout = new Playout();
    playout.append(part("a"), constant(100, 479));
    expect(playout.nextFrame().voiced).toBe(false);
    playout.append(part("a"), constant(100, 2));
    expect(playout.nextFrame()).toMatchObject({ voiced: true, itemId: "a" });
    expect(playout.nextFrame().voiced).toBe(false);
    playout.finish("a");
    expect(playout.nextFrame()).toMatchObject({ voiced: true, itemId: "a" });
    expect(playout.queuedMs).toBe(0);
    // 481 samples are 20.04 ms: two frames went out, yet no more is claimed than was received.
    expect(playout.spoken("a")).toMatchObject({ receivedMs: 20, sentMs: 20 });
  });

  it("cuts within one frame and says in whole frames what was sent of each open part", () => {
    const playout = new Playout();
    playout.append(part("done"), constant(50, ms(20)));
    playout.finish("done");
    playout.append(part("a"), constant(50, ms(100)));
    playout.append(part("b"), constant(50, ms(45)));
    for (let frame = 0; frame < 3; frame++) playout.nextFrame();
    expect(playout.cut()).toEqual([
      { itemId: "a", contentIndex: 0, receivedMs: 100, sentMs: 40 },
      { itemId: "b", contentIndex: 0, receivedMs: 45, sentMs: 0 },
    ]);
    expect(playout.queuedMs).toBe(0);
    expect(playout.nextFrame().itemId).toBeNull();
    expect(playout.nextFrame().voiced).toBe(false);
    expect(playout.cut()).toEqual([]);
  });

  it("fades a cut out inside the next frame", () => {
    const playout = new Playout();
    playout.append(part("a"), constant(20_000, ms(100)));
    playout.nextFrame();
    playout.cut();
    const { pcm, voiced } = playout.nextFrame();
    expect(voiced).toBe(true);
    expect(pcm[0]).toBeGreaterThan(19_000);
    expect(largestStep([20_000, ...pcm].slice(1))).toBeLessThan(20_000);
    expect(largestStep([...pcm.subarray(1)].map((sample) => sample - (pcm[1] ?? 0)))).toBeLessThan(400);
    expect(pcm.subarray(ms(5)).every((sample) => sample === 0)).toBe(true);
  });

  it("drops audio that still comes for a cut part, and speaks the next reply", () => {
    const playout = new Playout();
    playout.append(part("a"), constant(50, ms(100)));
    playout.nextFrame();
    playout.cut();
    playout.append(part("a"), constant(50, ms(100)));
    expect(playout.queuedMs).toBe(0);
    expect(playout.spoken("a")).toMatchObject({ receivedMs: 100, sentMs: 20 });
    playout.append(part("b"), constant(50, ms(20)));
    playout.nextFrame();
    expect(playout.nextFrame()).toMatchObject({ itemId: "b" });
  });

  it("is not blocked by a part that is never finished", () => {
    const playout = new Playout();
    playout.append(part("a"), constant(50, 500));
    playout.append(part("b"), constant(50, 480));
    expect([playout.nextFrame(), playout.nextFrame(), playout.nextFrame()].map(({ itemId }) => itemId)).toEqual([
      "a",
      "a",
      "b",
    ]);
  });

  it("accounts for content parts of an item apart", () => {
    const playout = new Playout();
    playout.append(part("a", 0), constant(50, ms(20)));
    playout.append(part("a", 1), constant(50, ms(60)));
    playout.nextFrame();
    playout.nextFrame();
    expect(playout.cut()).toEqual([{ itemId: "a", contentIndex: 1, receivedMs: 60, sentMs: 20 }]);
  });

  it("takes ten minutes, and refuses the reply that would need more with an error and without losing any of it", () => {
    const playout = new Playout({ maxQueuedMs: 1000 });
    playout.append(part("a"), constant(50, ms(1000)));
    expect(() => playout.append(part("a"), constant(50, 1))).toThrow(PlayoutOverflowError);
    expect(playout.queuedMs).toBe(1000);
    expect(new Playout().append(part("a"), constant(50, ms(600_000)))).toBeUndefined();
  });

  it("tells when all was handed out or cut", async () => {
    const playout = new Playout();
    await playout.drained();
    const order: string[] = [];
    playout.append(part("a"), constant(50, 500));
    playout.drained().then(() => order.push("first"));
    playout.nextFrame();
    await Promise.resolve();
    expect(order).toEqual(["first"]);
    playout.append(part("a"), constant(50, ms(100)));
    playout.drained().then(() => order.push("second"));
    await Promise.resolve();
    expect(order).toEqual(["first"]);
    playout.cut();
    await Promise.resolve();
    expect(order).toEqual(["first", "second"]);
  });

  it("a part of which only the fade was left is reported as not sent to its end", () => {
    const playout = new Playout();
    playout.append({ itemId: "a", contentIndex: 0 }, new Int16Array(984).fill(9_000));
    playout.finish("a");
    playout.nextFrame();
    playout.nextFrame();
    expect(playout.cut()).toEqual([{ itemId: "a", contentIndex: 0, receivedMs: 41, sentMs: 40 }]);
  });

  it("keeps sent ≤ received, loses nothing and clicks never, whatever comes in whatever order", () => {
    const act = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant("append" as const),
          item: fc.integer({ min: 0, max: 3 }),
          samples: fc.integer({ min: 0, max: 3000 }),
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constant("frame" as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("finish" as const), item: fc.integer({ min: 0, max: 3 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        const playout = new Playout();
        const heard: number[] = [];
        const appended = new Map<string, number>();
        const sent = new Map<string, number>();
        const cut = new Set<string>();
        let generation = 0;
        const name = (item: number) => `${generation} ${item}`;
        const frame = () => {
          const { pcm, itemId } = playout.nextFrame();
          heard.push(...pcm);
          if (itemId !== null) sent.set(itemId, (sent.get(itemId) ?? 0) + 1);
        };
        for (const act of acts) {
          if (act.do === "append") {
            // A loud, slow tone: at most 210 from one sample to the next.
            const from = appended.get(name(act.item)) ?? 0;
            const pcm = Int16Array.from({ length: act.samples }, (_, at) => 20_000 * Math.cos((from + at) / 100));
            playout.append(part(name(act.item)), pcm);
            appended.set(name(act.item), (appended.get(name(act.item)) ?? 0) + act.samples);
          }
          if (act.do === "frame") frame();
          if (act.do === "finish") playout.finish(name(act.item));
          if (act.do === "cut") {
            for (const { itemId, receivedMs, sentMs } of playout.cut()) {
              expect(receivedMs).toBe(Math.floor((appended.get(itemId) ?? 0) / samplesPerMs));
              expect(sentMs).toBe(Math.min(receivedMs, (sent.get(itemId) ?? 0) * 20));
              cut.add(itemId);
            }
            generation++;
          }
        }
        for (let item = 0; item <= 3; item++) playout.finish(name(item));
        while (playout.queuedMs > 0) frame();
        frame();
        for (const [itemId, samples] of appended) {
          const spoken = playout.spoken(itemId);
          if (spoken && !cut.has(itemId)) expect(spoken.sentMs).toBe(spoken.receivedMs);
          if (spoken) expect(spoken.receivedMs).toBe(Math.floor(samples / samplesPerMs));
        }
        // The tone, two fades of 5 ms from one extreme to the other that meet, and what passes as no click.
        expect(largestStep(heard)).toBeLessThan(210 + 2 * ((40_000 * Math.PI) / 2 / 120) + audibleStep);
      }),
      { numRuns: 200 },
    );
  });
});
