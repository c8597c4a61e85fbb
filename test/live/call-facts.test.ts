import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CallFacts, type StreamEvent } from "./call-facts.ts";

const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString();
const sinceMs = Date.parse(at(0));

const participant = (id: string, second: number) => ({
  user: { id },
  user_session_id: `${id}-device`,
  role: "user",
  joined_at: at(second),
});

/** The call's life as REST shows it at four moments. */
const empty = { type: "default", id: "1", cid: "default:1", created_at: at(1), custom: { x: 1 } };
const begun = {
  ...empty,
  session: { id: "s1", started_at: at(2), participants: [participant("ann", 2), participant("bob", 3)] },
};
const live = { ...begun, session: { ...begun.session, live_started_at: at(4) } };
const over = { ...live, session: { ...live.session, participants: [], ended_at: at(5) }, ended_at: at(6) };

const typesOf = (events: readonly StreamEvent[]) => events.map(({ type }) => type);

describe("what REST shows", () => {
  test("of a call that is new is told as Stream would have, in the order of its life", () => {
    const facts = new CallFacts({ sinceMs });
    const events = facts.seen({ call: live, members: [{ user_id: "ann" }] });
    expect(events).toEqual([
      { type: "call.created", created_at: at(1), call_cid: "default:1", call: live, members: [{ user_id: "ann" }] },
      { type: "call.session_started", created_at: at(2), call_cid: "default:1", session_id: "s1", call: live },
      { type: "call.live_started", created_at: at(4), call_cid: "default:1", session_id: "s1", call: live },
      ...[participant("ann", 2), participant("bob", 3)].map((one) => ({
        type: "call.session_participant_joined",
        created_at: one.joined_at,
        call_cid: "default:1",
        session_id: "s1",
        participant: one,
      })),
    ]);
  });

  test("again is told once", () => {
    const facts = new CallFacts({ sinceMs });
    facts.seen({ call: begun });
    expect(facts.seen({ call: begun })).toEqual([]);
    expect(typesOf(facts.seen({ call: over }))).toEqual(["call.live_started", "call.session_ended", "call.ended"]);
    expect(facts.seen({ call: over })).toEqual([]);
  });

  test("of the time before the watching is nobody's news, what follows in the same call is", () => {
    const facts = new CallFacts({ sinceMs: Date.parse(at(3)) });
    const events = facts.seen({ call: begun });
    expect(typesOf(events)).toEqual(["call.session_participant_joined"]);
    expect(events[0]).toMatchObject({ participant: { user: { id: "bob" } } });
    const next = { ...begun, session: { id: "s2", started_at: at(9), participants: [participant("cleo", 9)] } };
    expect(typesOf(facts.seen({ call: next }))).toEqual(["call.session_started", "call.session_participant_joined"]);
  });

  test("of a session that nobody has begun tells nothing of it", () => {
    const facts = new CallFacts({ sinceMs });
    expect(typesOf(facts.seen({ call: { ...empty, session: { id: "s1", participants: [] } } }))).toEqual([
      "call.created",
    ]);
  });

  test("without a call is left alone", () => {
    expect(new CallFacts({ sinceMs }).seen({ call: { id: "1" } })).toEqual([]);
    expect(new CallFacts({ sinceMs }).seen({})).toEqual([]);
  });
});

test("a stale answer does not end a session that an event began", () => {
  const facts = new CallFacts({ sinceMs });
  facts.seen({ call: empty });
  facts.heard({ type: "call.session_started", call_cid: "default:1", session_id: "s1", created_at: at(2) });
  expect(facts.seen({ call: empty })).toEqual([]);
});

test("calls that are over are not watched again; the one heard of last stands last", () => {
  const facts = new CallFacts({ sinceMs });
  facts.seen({ call: empty });
  facts.seen({ call: { ...empty, id: "2", cid: "default:2" } });
  facts.seen({ call: { ...over, id: "3", cid: "default:3" } });
  facts.heard({ type: "call.updated", call_cid: "default:1" });
  expect(facts.openCalls()).toEqual(["default:2", "default:1"]);
});

test("ten thousand calls are not remembered for ever", () => {
  const facts = new CallFacts({ sinceMs });
  for (let id = 0; id < 10_000; id += 1) facts.seen({ call: { ...empty, id: `${id}`, cid: `default:${id}` } });
  expect(facts.openCalls().length).toBeLessThanOrEqual(500);
  expect(facts.openCalls()).toContain("default:9999");
});

test("an answer that is older than the call's end begins nothing anew", () => {
  const facts = new CallFacts({ sinceMs });
  facts.heard({ type: "call.ended", call_cid: "default:1", created_at: at(6) });
  expect(facts.seen({ call: live })).toEqual([]);
  const others = new CallFacts({ sinceMs });
  others.heard({ type: "call.session_ended", call_cid: "default:1", session_id: "s1", created_at: at(5) });
  expect(typesOf(others.seen({ call: live }))).toEqual(["call.created"]);
});

test("whatever mix of answers and events there is, each fact of a call is told once, and all up to its end", () => {
  const states = [empty, begun, live, over];
  // The socket's events of the same life, each after the state in which it shows.
  const all = new CallFacts({ sinceMs }).seen({ call: live });
  const events = [
    ...all,
    ...(() => {
      const facts = new CallFacts({ sinceMs });
      facts.seen({ call: live });
      return facts.seen({ call: over });
    })(),
  ];
  const step = fc.oneof(
    fc.nat(states.length - 1).map((index) => ({ state: index })),
    fc.nat(events.length - 1).map((index) => ({ event: index })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const facts = new CallFacts({ sinceMs });
      const told: string[] = [];
      const keyOf = ({ type, participant: who }: StreamEvent) => `${type} ${JSON.stringify(who)}`;
      for (const one of [...steps, { state: 2 }, { state: 3 }]) {
        if ("state" in one) told.push(...facts.seen({ call: states[one.state] }).map(keyOf));
        else {
          const event = events[one.event];
          if (event && facts.heard(event)) told.push(keyOf(event));
        }
      }
      expect(new Set(told).size).toBe(told.length);
      const endsEarly = steps.some((one) =>
        "state" in one ? states[one.state] === over : /ended$/.test(events[one.event]?.type ?? ""),
      );
      if (endsEarly) expect(told.some((key) => key.startsWith("call.ended"))).toBe(true);
      else expect(told.toSorted()).toEqual(events.map(keyOf).toSorted());
    }),
  );
});
