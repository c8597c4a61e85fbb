import { describe, expect, test } from "vitest";
import { AbortedError } from "../../bridge-task/errors.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import type { WaitOutcome } from "../../bridge-task/stream/outside.ts";
import { type OutsideOptions, waitOutside } from "../../bridge-task/task/outside.ts";

/** Waits until given up, as nobody comes. */
const nobody = (signal: AbortSignal): Promise<WaitOutcome> =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(new AbortedError("waiting")), { once: true }),
  );

const wait = (options: Partial<OutsideOptions>) =>
  waitOutside({
    waitForPerson: nobody,
    mayLeave: async () => true,
    onKnock: () => undefined,
    limits: { waitForMs: 30, maxDurationMs: 60_000 },
    signal: new AbortController().signal,
    logger: silentLogger,
    ...options,
  });

const later = <T>(value: T, ms: number): Promise<T> => new Promise((resolve) => setTimeout(resolve, ms, value));

describe("an agent outside of the call", () => {
  test.each(["person", "accepted"] as const)("enters when there is a reason to: %s", async (cause) => {
    expect(await wait({ waitForPerson: () => later({ cause }, 10) })).toEqual({ enter: cause });
  });

  test("is gone when nobody came in time, and waits no longer", async () => {
    let isGivenUp = false;
    const waitForPerson = (signal: AbortSignal) => {
      signal.addEventListener("abort", () => {
        isGivenUp = true;
      });
      return nobody(signal);
    };
    expect(await wait({ waitForPerson })).toMatchObject({ end: { reason: "waited" } });
    expect(isGivenUp).toBe(true);
  });

  test("is gone when the call ends", async () => {
    const ended = { cause: "call_ended", detail: "It was ended." } as const;
    const waitForPerson = () => later(ended, 5);
    expect(await wait({ waitForPerson })).toEqual({ end: { reason: "call_ended", detail: "It was ended." } });
  });

  test("stays where somebody knocked", async () => {
    let asked = 0;
    const mayLeave = async () => {
      asked += 1;
      return false;
    };
    const waitForPerson = () => later({ cause: "person" } as const, 100);
    expect(await wait({ mayLeave, waitForPerson })).toEqual({ enter: "person" });
    expect(asked).toBe(1);
  });

  test("does not enter once it has said that it leaves, although a person came while it said so", async () => {
    const mayLeave = () => later(true, 60);
    const waitForPerson = () => later({ cause: "person" } as const, 45);
    expect(await wait({ mayLeave, waitForPerson })).toMatchObject({ end: { reason: "waited" } });
  });

  test("does not enter where it is not known whether it has said so", async () => {
    const mayLeave = () => later(true, 60).then(() => Promise.reject(new Error("unreachable")));
    const waitForPerson = () => later({ cause: "person" } as const, 45);
    expect(await wait({ mayLeave, waitForPerson })).toMatchObject({ end: { reason: "waited" } });
  });

  test("gives up when the task is to leave", async () => {
    const stop = new AbortController();
    const waiting = wait({ signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toBeInstanceOf(AbortedError);
  });
});
