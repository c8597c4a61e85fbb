import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AttendanceEvent, attend, defaultLimits, joined } from "../../bridge-task/attendance.ts";

const ann = { sessionId: "ann", publishesAudio: true };
const annMuted = { sessionId: "ann", publishesAudio: false };

/** Plays events at given times, waking whenever the rules asked to be woken, and lists what was decided and when. */
const play = (events: { atMs: number; event: AttendanceEvent }[], untilMs: number) => {
  const said: { atMs: number; what: string }[] = [];
  const queue = [...events].sort((a, b) => a.atMs - b.atMs);
  let state = joined(0);
  let wakeAtMs = 0;
  for (let nowMs = 0; nowMs <= untilMs; ) {
    const next = queue[0];
    const event: AttendanceEvent =
      next && next.atMs <= nowMs ? (queue.shift()?.event ?? { type: "time" }) : { type: "time" };
    const step = attend(state, event, nowMs, defaultLimits);
    state = step.state;
    wakeAtMs = step.wakeAtMs;
    for (const command of step.commands) {
      said.push({ atMs: nowMs, what: command.type === "end" ? command.reason : command.type });
      if (command.type === "end") return said;
    }
    const upcoming = queue[0]?.atMs ?? Number.POSITIVE_INFINITY;
    nowMs = Math.max(upcoming <= nowMs ? nowMs : nowMs + 1, Math.min(wakeAtMs, upcoming));
  }
  return said;
};

describe("greeting", () => {
  test("comes as soon as a person with a microphone is there and the session is ready", () => {
    const said = play(
      [
        { atMs: 100, event: { type: "people", people: [ann] } },
        { atMs: 300, event: { type: "ready" } },
      ],
      10_000,
    );
    expect(said).toEqual([{ atMs: 300, what: "greet" }]);
  });

  test("waits 1.5 s for a person who joined muted", () => {
    const said = play(
      [
        { atMs: 0, event: { type: "ready" } },
        { atMs: 100, event: { type: "people", people: [annMuted] } },
      ],
      10_000,
    );
    expect(said).toEqual([{ atMs: 1_600, what: "greet" }]);
  });

  test("is held back until our voice can have reached the person", () => {
    const said = (sinceMs: number) => {
      const { state } = attend(joined(0), { type: "people", people: [ann] }, sinceMs, defaultLimits);
      return attend(state, { type: "ready" }, 300, defaultLimits).commands;
    };
    expect(said(0)).toEqual([{ type: "greet", audibleFromMs: 500 }]);
    expect(said(200)).toEqual([{ type: "greet", audibleFromMs: 700 }]);
  });

  test("is not said over a person who speaks first", () => {
    const said = play(
      [
        { atMs: 100, event: { type: "people", people: [ann] } },
        { atMs: 150, event: { type: "speech" } },
        { atMs: 300, event: { type: "ready" } },
      ],
      10_000,
    );
    expect(said).toEqual([]);
  });
});

describe("leaving", () => {
  test("two minutes after joining when nobody came", () => {
    expect(play([{ atMs: 0, event: { type: "ready" } }], 200_000)).toEqual([{ atMs: 120_000, what: "waited" }]);
  });

  test("fifteen seconds after the last person left, unless one comes back", () => {
    const said = play(
      [
        { atMs: 0, event: { type: "people", people: [ann] } },
        { atMs: 1_000, event: { type: "people", people: [] } },
        { atMs: 9_000, event: { type: "people", people: [ann] } },
        { atMs: 20_000, event: { type: "people", people: [] } },
      ],
      100_000,
    );
    expect(said).toEqual([{ atMs: 35_000, what: "idle" }]);
  });

  test("not before somebody who is said to come had the time to", () => {
    const said = play(
      [
        { atMs: 118_000, event: { type: "knock" } },
        { atMs: 121_000, event: { type: "knock" } },
      ],
      200_000,
    );
    expect(said).toEqual([{ atMs: 126_000, what: "waited" }]);
  });

  test("at the longest stay even while people are there", () => {
    const said = play([{ atMs: 0, event: { type: "people", people: [ann] } }], 5 * 3_600_000);
    expect(said).toEqual([{ atMs: 4 * 3_600_000, what: "max_duration" }]);
  });
});

test("whatever happens, it greets at most once and only while somebody is there, and it always ends", () => {
  const anyEvent: fc.Arbitrary<AttendanceEvent> = fc.oneof(
    fc.constant<AttendanceEvent>({ type: "ready" }),
    fc.constant<AttendanceEvent>({ type: "speech" }),
    fc.constant<AttendanceEvent>({ type: "knock" }),
    fc
      .subarray(["ann", "bob"])
      .chain((ids) =>
        fc
          .array(fc.boolean(), { minLength: 2, maxLength: 2 })
          .map((audible) => ids.map((sessionId, index) => ({ sessionId, publishesAudio: audible[index] === true }))),
      )
      .map((people) => ({ type: "people" as const, people })),
  );
  fc.assert(
    fc.property(fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 300_000 }), event: anyEvent })), (events) => {
      const said = play(events, defaultLimits.maxDurationMs);
      expect(said.filter(({ what }) => what === "greet").length).toBeLessThanOrEqual(1);
      expect(said.at(-1)?.what).toMatch(/idle|waited|max_duration/);
    }),
  );
});
