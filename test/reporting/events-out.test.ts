import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BridgeError } from "../../bridge-task/errors.ts";
import { Courier, type Try } from "../../bridge-task/events-out/courier.ts";
import { EventQueue, maxQueued } from "../../bridge-task/events-out/event-queue.ts";
import type { OutgoingEvent } from "../../bridge-task/events-out/events.ts";
import { silentLogger } from "../../bridge-task/log.ts";

const envelope = { at: "2026-01-01T00:00:00.000Z", call: { type: "default", id: "1", cid: "default:1" } };
const agent = { userId: "lucy" };
const event = (id: string, type: "agent.joined" | "turn" | "tool.finished" = "turn"): OutgoingEvent => {
  if (type === "agent.joined") return { id, type, agent, ...envelope };
  if (type === "turn") return { id, type, agent, role: "person", text: id, ...envelope };
  return { id, type, agent, name: "weather", status: "done", tookMs: 1, ...envelope };
};

const idsIn = (queue: EventQueue): string[] => {
  const ids: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) ids.push(next.id);
  return ids;
};

describe("what waits", () => {
  test("is bounded: turns go first, then tools, the oldest of each", () => {
    const queue = new EventQueue();
    queue.push(event("joined", "agent.joined"));
    queue.push(event("tool", "tool.finished"));
    for (let count = 0; count < maxQueued; count += 1) queue.push(event(`turn ${count}`));
    const ids = idsIn(queue);
    expect(ids.slice(0, 3)).toEqual(["joined", "tool", "turn 2"]);
    expect(ids).toHaveLength(maxQueued);
    expect(queue.droppedCount).toBe(2);
  });

  test("keeps its order and counts what it drops, whatever comes", () => {
    const types = fc.array(fc.constantFrom("agent.joined" as const, "turn" as const, "tool.finished" as const), {
      maxLength: 450,
    });
    fc.assert(
      fc.property(types, (offered) => {
        const queue = new EventQueue();
        for (const [at, type] of offered.entries()) queue.push(event(String(at), type));
        const ids = idsIn(queue).map(Number);
        expect(ids).toEqual(ids.toSorted((one, other) => one - other));
        expect(ids.length + queue.droppedCount).toBe(offered.length);
        expect(ids.length).toBeLessThanOrEqual(maxQueued);
      }),
      { numRuns: 50 },
    );
  });
});

describe("delivering", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const courierTo = (answers: (id: string, tryCount: number) => Promise<unknown>) => {
    const tries: { id: string; atMs: number }[] = [];
    const bodies: string[] = [];
    const startedAtMs = Date.now();
    const post = ({ body, eventId: id }: Try) => {
      tries.push({ id, atMs: Date.now() - startedAtMs });
      bodies.push(body);
      return answers(id, tries.filter((one) => one.id === id).length);
    };
    return { courier: new Courier({ post, logger: silentLogger }), tries, bodies };
  };
  const failure = (retryable: boolean) => new BridgeError("bad_status", "no", { retryable });

  test("three tries, a second and three seconds apart, and the rest in order behind them", async () => {
    const { courier, tries } = courierTo(async (id, tryCount) => {
      if (id === "bad" || (id === "slow" && tryCount < 2)) throw failure(true);
    });
    for (const id of ["slow", "bad", "good"]) courier.send(event(id));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(tries).toEqual([
      { id: "slow", atMs: 0 },
      { id: "slow", atMs: 1_000 },
      { id: "bad", atMs: 1_000 },
      { id: "bad", atMs: 2_000 },
      { id: "bad", atMs: 5_000 },
      { id: "good", atMs: 5_000 },
    ]);
  });

  test("what can never be accepted is tried once", async () => {
    const { courier, tries } = courierTo(() => Promise.reject(failure(false)));
    courier.send(event("bad"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(tries).toHaveLength(1);
  });

  test("an answer that never comes is waited for 5 s", async () => {
    const { courier, tries } = courierTo((_, tryCount) =>
      tryCount < 2 ? new Promise(() => undefined) : Promise.resolve(),
    );
    courier.send(event("lost"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(tries.map(({ atMs }) => atMs)).toEqual([0, 6_000]);
  });

  test("closing hurries, leaves turns out when time is short, and says how many events were dropped", async () => {
    const { courier, tries, bodies } = courierTo(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
    for (let count = 0; count < 50; count += 1) courier.send(event(`turn ${count}`));
    const record = {} as Extract<OutgoingEvent, { type: "agent.left" }>["record"];
    courier.send({ id: "left", type: "agent.left", agent, reason: "idle", record, droppedEventCount: 0, ...envelope });
    let closed = false;
    void courier.close(5_000).then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(4_100);
    expect(closed).toBe(true);
    expect(tries.at(-1)?.id).toBe("left");
    // Two turns got through; the third was given up half-way.
    expect(JSON.parse(bodies.at(-1) ?? "")).toMatchObject({ droppedEventCount: 48 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("closing ends in time, whatever hangs, and nothing is sent afterwards", async () => {
    const { courier, tries } = courierTo(() => new Promise(() => undefined));
    courier.send(event("stuck"));
    courier.send(event("not worth it"));
    courier.send(event("worth it", "agent.joined"));
    const closed = courier.close(5_000);
    await vi.advanceTimersByTimeAsync(5_000);
    await closed;
    courier.send(event("late"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toEqual([
      { id: "stuck", atMs: 0 },
      { id: "worth it", atMs: 2_500 },
      { id: "worth it", atMs: 4_750 },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("closing does not wait for a back-off that began before", async () => {
    const { courier, tries } = courierTo((_, tryCount) =>
      tryCount < 3 ? Promise.reject(failure(true)) : Promise.resolve(),
    );
    courier.send(event("joined", "agent.joined"));
    await vi.advanceTimersByTimeAsync(1_500);
    const closed = courier.close(5_000);
    await vi.advanceTimersByTimeAsync(300);
    await closed;
    expect(tries.map(({ atMs }) => atMs)).toEqual([0, 1_000, 1_500]);
  });
});
