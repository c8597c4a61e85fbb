import fc from "fast-check";
import { expect, test } from "vitest";
import { type Announcement, type Moment, type Passage, SessionRoll } from "../../bridge-task/stream/session-roll.ts";

const waitMs = 1_000;
const at = (ms: number): Moment => ({ ms, iso: new Date(ms).toISOString() });
type Told = Announcement<string, string>;
const short = (told: readonly Told[]) => told.map(({ passage, sessionId, word }) => [passage, sessionId, word]);

/** A roll that the coordinator can be heard of, in a call where `present` were before us. */
const rollWith = (...present: string[]) => {
  const roll = new SessionRoll<string, string>({ waitMs });
  roll.coordinatorHeard(true);
  roll.present(new Map(present.map((sessionId) => [sessionId, sessionId])), true, at(0));
  return roll;
};
const said = (word: string, ms: number) => ({ word, face: word, at: at(ms) });

test("the coordinator's word goes out at once, the SFU's of the same is not told again", () => {
  const roll = rollWith();
  expect(short(roll.coordinatorSaw("joined", "ann", said("hello", 1)))).toEqual([["joined", "ann", "hello"]]);
  expect(roll.sfuSaw("joined", "ann", "ann", at(2))).toEqual([]);
  expect(short(roll.coordinatorSaw("left", "ann", said("bye", 3)))).toEqual([["left", "ann", "bye"]]);
  expect(roll.sfuSaw("left", "ann", "ann", at(4))).toEqual([]);
  expect(roll.dueMs).toBeUndefined();
});

test("the SFU's word waits a second for the coordinator's, then stands for it with the time at which it came", () => {
  const roll = rollWith();
  expect(roll.sfuSaw("joined", "ann", "Ann", at(10))).toEqual([]);
  expect(roll.dueMs).toBe(1_010);
  expect(roll.due(1_009)).toEqual([]);
  expect(roll.due(1_010)).toEqual([{ passage: "joined", sessionId: "ann", word: undefined, face: "Ann", at: at(10) }]);
  expect(roll.coordinatorSaw("joined", "ann", said("late", 1_011))).toEqual([]);
});

test("the coordinator's word within that second is the one that is told", () => {
  const roll = rollWith();
  roll.sfuSaw("joined", "ann", "Ann", at(10));
  expect(short(roll.coordinatorSaw("joined", "ann", said("hello", 500)))).toEqual([["joined", "ann", "hello"]]);
  expect(roll.due(5_000)).toEqual([]);
});

test("while the coordinator cannot be heard the SFU's word is told at once, and nothing goes on waiting", () => {
  const roll = rollWith("bob");
  roll.sfuSaw("joined", "ann", "ann", at(10));
  expect(short(roll.coordinatorHeard(false))).toEqual([["joined", "ann", undefined]]);
  expect(short(roll.sfuSaw("left", "bob", undefined, at(20)))).toEqual([["left", "bob", undefined]]);
});

test("of those who were there when we came only their going is told; of ourselves nothing", () => {
  const roll = new SessionRoll<string, string>({ waitMs });
  roll.own("us");
  roll.coordinatorHeard(true);
  expect(roll.coordinatorSaw("joined", "bob", said("early", 0))).toEqual([]);
  roll.present(
    new Map([
      ["bob", "bob"],
      ["us", "us"],
    ]),
    true,
    at(1),
  );
  expect(roll.coordinatorSaw("joined", "bob", said("again", 2))).toEqual([]);
  expect(short(roll.coordinatorSaw("left", "bob", said("bye", 3)))).toEqual([["left", "bob", "bye"]]);
  for (const passage of ["joined", "left"] as const) {
    expect(roll.coordinatorSaw(passage, "us", said("us", 4))).toEqual([]);
    expect(roll.sfuSaw(passage, "us", "us", at(5))).toEqual([]);
  }
  expect(roll.due(10_000)).toEqual([]);
});

test("who went before we came, and who comes after, is told as usual", () => {
  const roll = new SessionRoll<string, string>({ waitMs });
  roll.coordinatorHeard(true);
  roll.coordinatorSaw("joined", "ann", said("ann", 0));
  roll.present(new Map(), true, at(1));
  roll.sfuSaw("joined", "ann", "ann", at(2));
  expect(short(roll.due(1_002))).toEqual([["joined", "ann", undefined]]);
});

test("somebody whose session only moves, gone and back within the second, never went", () => {
  const roll = rollWith("ann");
  roll.sfuSaw("left", "ann", undefined, at(10));
  roll.sfuSaw("joined", "ann", "ann", at(200));
  expect(roll.due(10_000)).toEqual([]);
});

test("whose going is told before their coming has come all the same, and first", () => {
  const roll = rollWith();
  roll.sfuSaw("joined", "ann", "ann", at(10));
  expect(short(roll.coordinatorSaw("left", "ann", said("bye", 20)))).toEqual([
    ["joined", "ann", undefined],
    ["left", "ann", "bye"],
  ]);
});

test("a later list of the SFU heals what was missed, unless it is known to be cut", () => {
  const roll = rollWith("ann", "bob");
  roll.present(new Map([["cora", "cora"]]), false, at(10));
  expect(short(roll.due(1_010))).toEqual([["joined", "cora", undefined]]);
  roll.present(new Map([["cora", "cora"]]), true, at(2_000));
  expect(short(roll.due(3_000))).toEqual([
    ["left", "ann", undefined],
    ["left", "bob", undefined],
  ]);
});

test("the memory of those who went is bounded", () => {
  const roll = rollWith();
  for (let index = 0; index < 3_000; index += 1) {
    const sessionId = `s${index}`;
    roll.coordinatorSaw("joined", sessionId, said("j", index));
    expect(roll.coordinatorSaw("left", sessionId, said("l", index))).toHaveLength(1);
  }
  expect(roll.coordinatorSaw("left", "s2999", said("again", 3_000))).toEqual([]);
});

// What may happen, in any order, with losses, repetitions and late words.

const sessions = ["a", "b", "c", "own"] as const;
const session = fc.constantFrom(...sessions);
const passage = fc.constantFrom<Passage>("joined", "left");
const word = fc.oneof(
  { weight: 4, arbitrary: fc.record({ by: fc.constant("sfu" as const), passage, session }) },
  { weight: 4, arbitrary: fc.record({ by: fc.constant("coordinator" as const), passage, session }) },
  { weight: 3, arbitrary: fc.record({ by: fc.constant("clock" as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  { weight: 1, arbitrary: fc.record({ by: fc.constant("link" as const), isHeard: fc.boolean() }) },
);
const list = fc.record({
  by: fc.constant("list" as const),
  present: fc.subarray([...sessions]),
  isComplete: fc.boolean(),
});
const step = fc.oneof({ weight: 12, arbitrary: word }, { weight: 1, arbitrary: list });

/** Plays the steps as the shell does: what is due is told before the next thing happens. */
const play = (steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[], first: string[]) => {
  const roll = new SessionRoll<string, string>({ waitMs });
  roll.own("own");
  roll.coordinatorHeard(true);
  const faces = (ids: readonly string[]) => new Map(ids.map((id) => [id, id]));
  roll.present(faces(first), true, at(0));
  const told: (Told & { toldMs: number })[] = [];
  let nowMs = 0;
  let isHeard = true;
  const tell = (news: readonly Told[]) => told.push(...news.map((one) => ({ ...one, toldMs: nowMs })));
  for (const one of steps) {
    if (one.by === "sfu") tell(roll.sfuSaw(one.passage, one.session, one.session, at(nowMs)));
    else if (one.by === "coordinator") tell(roll.coordinatorSaw(one.passage, one.session, said("word", nowMs)));
    else if (one.by === "list") tell(roll.present(faces(one.present), one.isComplete, at(nowMs)));
    else if (one.by === "link") {
      isHeard = one.isHeard;
      tell(roll.coordinatorHeard(isHeard));
    } else {
      const endMs = nowMs + one.ms;
      for (let dueMs = roll.dueMs; dueMs !== undefined && dueMs <= endMs; dueMs = roll.dueMs) {
        nowMs = Math.max(nowMs, dueMs);
        tell(roll.due(nowMs));
      }
      nowMs = endMs;
    }
    if (!isHeard) expect(roll.dueMs).toBeUndefined();
  }
  nowMs += 10_000;
  tell(roll.coordinatorHeard(false));
  return told;
};

test("whatever happens: each session comes at most once, then goes at most once, and ours never", () => {
  const property = fc.property(fc.array(step, { maxLength: 40 }), fc.subarray(["a", "b", "c"]), (steps, first) => {
    const told = play(steps, first);
    for (const sessionId of sessions) {
      const passages = told.filter((one) => one.sessionId === sessionId).map((one) => one.passage);
      if (sessionId === "own") expect(passages).toEqual([]);
      else if (first.includes(sessionId)) expect([[], ["left"]]).toContainEqual(passages);
      else expect([[], ["joined"], ["left"], ["joined", "left"]]).toContainEqual(passages);
    }
  });
  fc.assert(property, { numRuns: 5_000 });
});

test("whatever happens: nothing that one of the two said is lost, and the wait for the other is a second at most", () => {
  const property = fc.property(fc.array(word, { maxLength: 40 }), (steps) => {
    const told = play([...steps, { by: "clock", ms: 5_000 }], []);
    for (const { at: sinceAt, toldMs } of told) expect(toldMs - sinceAt.ms).toBeLessThanOrEqual(waitMs);
    for (const sessionId of ["a", "b", "c"]) {
      const has = (wanted: Passage) => told.some((one) => one.sessionId === sessionId && one.passage === wanted);
      const words = steps.flatMap((one) => ("session" in one && one.session === sessionId ? [one] : []));
      const lastOfSfu = words.findLast(({ by }) => by === "sfu");
      if (words[0]?.passage === "joined") expect(has("joined")).toBe(true);
      if (words.some(({ by, passage }) => by === "coordinator" && passage === "left")) expect(has("left")).toBe(true);
      // A "left" of the SFU may be taken back by a "joined".
      if (lastOfSfu?.passage === "left") expect(has("left")).toBe(true);
    }
  });
  fc.assert(property, { numRuns: 5_000 });
});
