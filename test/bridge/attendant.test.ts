import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { defaultLimits } from "../../bridge-task/attendance.ts";
import { Attendant, type AttendantOptions } from "../../bridge-task/attendant.ts";
import { silentLogger } from "../../bridge-task/log.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

const person = { sessionId: "ann", publishesAudio: true };

const start = (options: Partial<AttendantOptions> = {}) => {
  const ends: { reason: string; atMs: number }[] = [];
  const startedAtMs = performance.now();
  const attendant = new Attendant({
    limits: { ...defaultLimits, waitForMs: 10_000, idleTimeoutMs: 2_000, maxDurationMs: 60_000 },
    sinceMs: startedAtMs,
    onEnd: (reason) => ends.push({ reason, atMs: performance.now() - startedAtMs }),
    logger: silentLogger,
    ...options,
  });
  attendant.tell({ type: "time" });
  return { attendant, ends };
};

/** Asks that are answered in this order, the last answer for all that follow. */
const answering = (...answers: (boolean | Error | "never")[]) => {
  const asked: string[] = [];
  const mayLeave: AttendantOptions["mayLeave"] = (reason) => {
    asked.push(reason);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "never") return new Promise(() => undefined);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer === true);
  };
  return { asked, mayLeave };
};

describe("an empty call", () => {
  test("is left when it was empty for long enough, where nobody has to be asked", async () => {
    const { ends } = start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ends).toEqual([{ reason: "waited", atMs: 10_000 }]);
  });

  test("is left when the answer is yes", async () => {
    const { asked, mayLeave } = answering(true);
    const { attendant, ends } = start({ mayLeave });
    attendant.tell({ type: "people", people: [person] });
    attendant.tell({ type: "people", people: [] });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asked).toEqual(["idle"]);
    expect(ends).toEqual([{ reason: "idle", atMs: 2_000 }]);
  });

  test("is not left when the answer is no: somebody is on their way, and it is asked again when they do not come", async () => {
    const { asked, mayLeave } = answering(false, true);
    const { ends } = start({ mayLeave });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual(["waited"]);
    expect(ends).toEqual([]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ends).toEqual([{ reason: "waited", atMs: 10_000 + defaultLimits.knockGraceMs }]);
  });

  test("is not left when they do come", async () => {
    const { mayLeave } = answering(false, true);
    const { attendant, ends } = start({ mayLeave });
    await vi.advanceTimersByTimeAsync(10_500);
    attendant.tell({ type: "people", people: [person] });
    await vi.advanceTimersByTimeAsync(40_000);
    expect(ends).toEqual([]);
  });

  test.each([
    ["fails", new Error("unreachable"), 10_000],
    ["does not come", "never", 13_000],
  ] as const)("is left when the answer %s", async (_, answer, atMs) => {
    const { ends } = start({ mayLeave: answering(answer).mayLeave });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ends).toEqual([{ reason: "waited", atMs }]);
  });

  test("is left after a yes even where somebody came meanwhile: another task was told that it may come", async () => {
    let answer: (mayLeave: boolean) => void = () => undefined;
    const { attendant, ends } = start({
      mayLeave: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    await vi.advanceTimersByTimeAsync(10_000);
    attendant.tell({ type: "people", people: [person] });
    answer(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(ends).toMatchObject([{ reason: "waited" }]);
  });
});

test("a knock keeps the agent for a moment, and no longer", async () => {
  const { attendant, ends } = start();
  await vi.advanceTimersByTimeAsync(9_000);
  attendant.tell({ type: "knock" });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ends).toEqual([{ reason: "waited", atMs: 9_000 + defaultLimits.knockGraceMs }]);
});

test("the longest stay needs no answer", async () => {
  const { asked, mayLeave } = answering("never");
  const { attendant, ends } = start({ mayLeave });
  attendant.tell({ type: "people", people: [person] });
  await vi.advanceTimersByTimeAsync(70_000);
  expect(asked).toEqual([]);
  expect(ends).toEqual([{ reason: "max_duration", atMs: 60_000 }]);
});

test("nothing is said after it was closed, not even by an answer that comes later", async () => {
  const { mayLeave } = answering("never");
  const { attendant, ends } = start({ mayLeave });
  await vi.advanceTimersByTimeAsync(10_000);
  attendant.close();
  attendant.tell({ type: "people", people: [] });
  await vi.advanceTimersByTimeAsync(70_000);
  expect(ends).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
