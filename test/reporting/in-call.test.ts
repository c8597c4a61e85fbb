import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Announcer } from "../../bridge-task/in-call/announcer.ts";
import type { AgentEvent } from "../../bridge-task/in-call/events.ts";
import { fitted, maxEventBytes } from "../../bridge-task/in-call/fit.ts";
import { maxWaiting, Outbox } from "../../bridge-task/in-call/outbox.ts";
import { createLogger, silentLogger } from "../../bridge-task/log.ts";

const at = "2026-01-01T00:00:00.000Z";
const state = (name: "listening" | "thinking" | "speaking" | "left"): AgentEvent => ({
  type: "agent.state",
  agent: "lucy",
  state: name,
  at,
});
const caption = (itemId: string, text: string, final = false): AgentEvent => ({
  type: "agent.caption",
  agent: "lucy",
  role: "agent",
  text,
  itemId,
  final,
  at,
});
const tool = (callId: string): AgentEvent => ({
  type: "agent.tool",
  agent: "lucy",
  name: "weather",
  callId,
  status: "started",
  at,
});

/** Takes out everything that may be sent until then, at the earliest time at which it may. */
const sentUntil = (outbox: Outbox, fromMs: number, untilMs: number) => {
  const sent: { atMs: number; event: AgentEvent }[] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; ) {
    const next = outbox.next(nowMs);
    if (next === undefined) break;
    if ("event" in next) sent.push({ atMs: nowMs, event: next.event });
    else nowMs += next.waitMs;
  }
  return sent;
};

describe("what is told, and how often", () => {
  test("of states that follow each other faster than they may be said, the latest is", () => {
    const outbox = new Outbox();
    outbox.offer(state("listening"));
    expect(outbox.next(0)).toEqual({ event: state("listening") });
    outbox.offer(state("thinking"));
    outbox.offer(state("speaking"));
    expect(outbox.next(50)).toEqual({ waitMs: 50 });
    expect(outbox.next(100)).toEqual({ event: state("speaking") });
    expect(outbox.next(101)).toBeUndefined();
  });

  test("a state that came and went unsaid is not worth a word, and one that is known is said again only on demand", () => {
    const outbox = new Outbox();
    outbox.offer(state("listening"));
    outbox.next(0);
    outbox.offer(state("thinking"));
    outbox.offer(state("listening"));
    expect(outbox.next(1_000)).toBeUndefined();
    outbox.sayStateAgain("later");
    expect(outbox.next(1_000)).toEqual({ event: { ...state("listening"), at: "later" } });
  });

  test("who came last is told the state, although it is reported once more, unchanged, before it may be said again", () => {
    const outbox = new Outbox();
    outbox.offer(state("listening"));
    outbox.next(0);
    outbox.sayStateAgain("later");
    outbox.offer(state("listening"));
    expect(outbox.next(100)).toEqual({ event: state("listening") });
    outbox.offer(state("listening"));
    expect(outbox.next(1_000)).toBeUndefined();
  });

  test("a caption that grows is replaced where it waits; a new one waits behind", () => {
    const outbox = new Outbox();
    outbox.offer(caption("a", "It"));
    outbox.offer(caption("b", "And"));
    outbox.offer(caption("a", "It is noon.", true));
    const sent = sentUntil(outbox, 0, 10_000).map(({ event }) => event);
    expect(sent).toEqual([caption("a", "It is noon.", true), caption("b", "And")]);
  });

  test("a caption that begins does not wait for one that grows", () => {
    const outbox = new Outbox();
    outbox.offer(caption("a", "Is it"));
    outbox.next(0);
    outbox.offer(caption("a", "Is it noon?", true));
    outbox.offer(caption("b", "It"));
    expect(outbox.next(10)).toEqual({ event: caption("b", "It") });
    expect(outbox.next(10)).toEqual({ waitMs: 240 });
  });

  test("too many that wait: captions that still grow go first", () => {
    const outbox = new Outbox();
    outbox.offer(tool("first"));
    for (let count = 0; count < maxWaiting; count += 1) outbox.offer(caption(`a${count}`, "It", count > 0));
    const sent = sentUntil(outbox, 0, 60_000).map(({ event }) => event);
    expect(sent).toHaveLength(maxWaiting);
    expect(sent).toContainEqual(tool("first"));
    expect(sent).not.toContainEqual(caption("a0", "It"));
    expect(outbox.droppedCount).toBe(1);
  });

  test("nothing is said after that it left", () => {
    const outbox = new Outbox();
    outbox.offer(state("left"));
    outbox.offer(state("listening"));
    expect(sentUntil(outbox, 0, 1_000).map(({ event }) => event)).toEqual([state("left")]);
    outbox.sayStateAgain("later");
    outbox.offer(state("thinking"));
    expect(outbox.next(5_000)).toBeUndefined();
  });

  test("whatever is offered, no second holds more than 5 states, 4 captions and 5 tools, and the last state arrives", () => {
    const offered = fc.record({
      afterMs: fc.nat(400),
      event: fc.oneof(
        fc.constantFrom("listening" as const, "thinking" as const, "speaking" as const).map(state),
        fc.nat(5).map((item) => caption(`a${item}`, "words")),
        fc.nat(99).map((call) => tool(`c${call}`)),
      ),
    });
    fc.assert(
      fc.property(fc.array(offered, { maxLength: 80 }), (offers) => {
        const outbox = new Outbox();
        const sent: { atMs: number; event: AgentEvent }[] = [];
        let nowMs = 0;
        for (const { afterMs, event } of offers) {
          sent.push(...sentUntil(outbox, nowMs, nowMs + afterMs));
          nowMs += afterMs;
          outbox.offer(event);
        }
        sent.push(...sentUntil(outbox, nowMs, nowMs + 60_000));
        for (const [type, most] of [
          ["agent.state", 5],
          ["agent.caption", 4],
          ["agent.tool", 5],
        ] as const) {
          const times = sent.filter(({ event }) => event.type === type).map(({ atMs }) => atMs);
          for (const time of times) {
            expect(times.filter((other) => other >= time && other < time + 1_000).length).toBeLessThanOrEqual(most);
          }
        }
        const isState = ({ event }: { event: AgentEvent }) => event.type === "agent.state";
        expect(sent.findLast(isState)?.event).toEqual(offers.findLast(isState)?.event);
      }),
    );
  });

  test("every event fits, and a caption keeps its newest words, whatever its letters", () => {
    // One, two, three, four and six bytes of JSON each.
    const letter = fc.constantFrom("a", '"', "€", "🙂", "\u0001");
    const letters = fc.array(letter, { maxLength: 12 }).map((each) => each.join(""));
    fc.assert(
      fc.property(letters, fc.nat(1_000), (text, times) => {
        const event = caption("a", `${text.repeat(times)}END`);
        const small = fitted(event);
        expect(Buffer.byteLength(JSON.stringify(small))).toBeLessThanOrEqual(maxEventBytes);
        if (small.type !== "agent.caption" || event.type !== "agent.caption") throw new Error("a caption stays one");
        const { text: shown } = small;
        if (shown !== event.text) expect([shown.startsWith("…"), shown.endsWith("END")]).toEqual([true, true]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("telling the call", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("events go one at a time, however long each takes", async () => {
    let [atOnce, most] = [0, 0];
    const send = async () => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 700));
      atOnce -= 1;
    };
    const announcer = new Announcer({ send, logger: silentLogger });
    for (const call of ["1", "2", "3"]) announcer.offer(tool(call));
    announcer.offer(state("listening"));
    const closed = announcer.close(5_000);
    await vi.advanceTimersByTimeAsync(3_000);
    await closed;
    expect(most).toBe(1);
  });

  test("a state that did not arrive is said again after a pause; one warning tells of it", async () => {
    const lines: string[] = [];
    const sent: AgentEvent[] = [];
    let failuresLeft = 2;
    const send = async (event: AgentEvent) => {
      if (failuresLeft-- > 0) throw new Error("Too many requests");
      sent.push(event);
    };
    const announcer = new Announcer({ send, logger: createLogger({ write: (line) => lines.push(line) }) });
    announcer.offer(state("listening"));
    await vi.advanceTimersByTimeAsync(900);
    announcer.offer(state("thinking"));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(sent).toEqual([state("thinking")]);
    expect(lines).toHaveLength(1);
    await announcer.close(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that it left is told after failures too, without the pause that they called for", async () => {
    const sent: AgentEvent[] = [];
    let isDown = true;
    const send = async (event: AgentEvent) => {
      if (isDown) throw new Error("Too many requests");
      sent.push(event);
    };
    const announcer = new Announcer({ send, logger: silentLogger });
    announcer.offer(state("listening"));
    await vi.advanceTimersByTimeAsync(20_000);
    announcer.offer(state("left"));
    const closed = announcer.close(5_000);
    await vi.advanceTimersByTimeAsync(500);
    isDown = false;
    await vi.advanceTimersByTimeAsync(4_500);
    await closed;
    expect(sent).toEqual([state("left")]);
  });

  test("closing waits for what is final, and not for ever", async () => {
    const sent: AgentEvent[] = [];
    const announcer = new Announcer({ send: async (event) => sent.push(event), logger: silentLogger });
    announcer.offer(caption("a", "It is noon.", true));
    announcer.offer(caption("b", "And then"));
    announcer.offer(state("left"));
    const closed = announcer.close(5_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await closed;
    expect(sent).toEqual([caption("a", "It is noon.", true), state("left")]);

    const stuck = new Announcer({ send: () => new Promise(() => undefined), logger: silentLogger });
    stuck.offer(state("left"));
    const given = stuck.close(5_000);
    await vi.advanceTimersByTimeAsync(5_000);
    await given;
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
  });
});
