import fc from "fast-check";
import { expect, test } from "vitest";
import { exitCodes } from "../../bridge-task/job.ts";
import { adviceOn } from "../../bridge-task/record/advice.ts";
import { noTokens } from "../../bridge-task/record/call-record.ts";
import { heardText } from "../../bridge-task/record/heard-text.ts";
import { RecordKeeper } from "../../bridge-task/record/record-keeper.ts";
import { Speakers } from "../../bridge-task/record/speakers.ts";
import { emptyTally, maxListed, type RecordEvent, tallied } from "../../bridge-task/record/tally.ts";
import { usageOf } from "../../bridge-task/record/usage.ts";
import { server } from "./wire.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const stay = {
  call: { type: "default", id: "1", cid: "default:1" },
  agent: { userId: "lucy", name: "Lucy" },
  launchId: "launch",
  startedAt: at(0),
};
const came = (second: number, sessionId: string, userId: string): RecordEvent => ({
  type: "person_came",
  at: at(second),
  sessionId,
  userId,
  name: "",
});
const left = (second: number, sessionId: string): RecordEvent => ({ type: "person_left", at: at(second), sessionId });

test("a record holds who, when, how long, what was done and used, and why it ended", () => {
  const keeper = new RecordKeeper(stay);
  keeper.add({ type: "joined", at: at(2) });
  keeper.add(came(3, "s1", "ann"));
  keeper.add(came(4, "s2", "ann"));
  keeper.add(came(5, "s3", "bob"));
  keeper.add({ type: "turn", role: "agent" });
  keeper.add({ type: "turn", role: "person" });
  keeper.add({ type: "interruption" });
  keeper.add({ type: "tool", tool: { name: "weather", status: "done", tookMs: 12 } });
  keeper.add({ type: "usage", usage: { tokens: { ...noTokens, outputAudio: 40 }, transcriptionSeconds: 0.5 } });
  keeper.add(left(6, "s1"));
  keeper.add(left(7, "s2"));
  keeper.add(came(9, "s4", "ann"));
  expect(keeper.end({ reason: "call_ended", detail: "The call ended." }, at(12))).toEqual({
    ...stay,
    joinedAt: at(2),
    endedAt: at(12),
    durationSeconds: 10,
    reason: "call_ended",
    detail: "The call ended.",
    people: [
      { userId: "ann", joinedAt: at(3), leftAt: at(7) },
      { userId: "bob", joinedAt: at(5) },
      { userId: "ann", joinedAt: at(9) },
    ],
    peopleCount: 3,
    turns: { person: 1, agent: 1 },
    interruptions: 1,
    tools: [{ name: "weather", status: "done", tookMs: 12 }],
    toolCount: 1,
    tokens: { ...noTokens, outputAudio: 40 },
    transcriptionSeconds: 0.5,
  });
});

test("a stay that never got into the call has a record that says what to do", () => {
  const record = new RecordKeeper(stay).end({ reason: "no_permission" }, at(3));
  expect(record).toMatchObject({ durationSeconds: 0, reason: "no_permission", people: [], tokens: noTokens });
  expect(record.advice).toContain("send-audio");
  expect(record).not.toHaveProperty("joinedAt");
});

test("the end that was told first stays", () => {
  const keeper = new RecordKeeper(stay);
  const first = keeper.end({ reason: "idle" }, at(3));
  keeper.add({ type: "interruption" });
  expect(keeper.end({ reason: "internal" }, at(9))).toBe(first);
});

test("whatever ends with an exit code has advice, and nothing else has", () => {
  for (const [reason, code] of Object.entries(exitCodes)) {
    expect(adviceOn(reason as keyof typeof exitCodes) === undefined, reason).toBe(code === 0);
  }
});

test("long lists are cut and counted", () => {
  const tool: RecordEvent = { type: "tool", tool: { name: "weather", status: "done", tookMs: 1 } };
  const tally = Array.from({ length: maxListed.tools + 7 }, () => tool).reduce(tallied, emptyTally);
  expect([tally.tools.length, tally.toolCount]).toEqual([maxListed.tools, maxListed.tools + 7]);
});

test("in any order of comings and goings, whoever is there has no end and whoever is not has one", () => {
  const step = fc.record({ session: fc.nat(5), isComing: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const tally = steps
        .map(({ session, isComing }) =>
          isComing ? came(1, `s${session}`, `user${session % 3}`) : left(2, `s${session}`),
        )
        .reduce(tallied, emptyTally);
      const there = tally.people.filter(({ leftAt }) => leftAt === undefined).map(({ userId }) => userId);
      expect(there.toSorted()).toEqual([...new Set(tally.sessions.values())].toSorted());
      expect(tally.people.length).toBe(tally.peopleCount);
    }),
  );
});

test("tokens are counted by kind, and a server that leaves some out is not believed to have used none of the others", () => {
  const usage = {
    input_token_details: { text_tokens: 119, audio_tokens: 13, cached_tokens_details: { text_tokens: 64 } },
    output_token_details: { text_tokens: 30, audio_tokens: 91 },
  };
  const done = server("response.done", { response: { id: "r1", usage } });
  const counted = done.source === "server" ? usageOf(done.event) : undefined;
  expect(counted?.tokens).toEqual({
    ...noTokens,
    inputText: 119,
    inputAudio: 13,
    cachedText: 64,
    outputText: 30,
    outputAudio: 91,
  });
});

test("long names and details are cut, between letters: the record of a full call stays far below 400 kB", () => {
  const keeper = new RecordKeeper(stay);
  const name = "🙂".repeat(2_000);
  for (let count = 0; count < maxListed.people; count += 1) {
    keeper.add({ type: "person_came", at: at(1), sessionId: `s${count}`, userId: "u".repeat(250) + count, name });
  }
  const record = keeper.end({ reason: "internal", detail: name }, at(3));
  expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(250_000);
  const texts = [record.detail, ...record.people.map((person) => person.name)];
  expect(texts.every((text) => /^(🙂)+…$/u.test(text ?? ""))).toBe(true);
});

test("a turn is theirs who spoke for longest during it, and of one person alone always theirs", () => {
  const speakers = new Speakers();
  speakers.speaking("s1", "ann", true, 0);
  speakers.speaking("s2", "bob", true, 900);
  speakers.speaking("s1", "ann", false, 1_000);
  speakers.speaking("s2", "bob", false, 3_000);
  const both = new Set(["ann", "bob"]);
  expect(speakers.longest(0, 1_200, both)).toBe("ann");
  expect(speakers.longest(800, 3_000, both)).toBe("bob");
  expect(speakers.longest(4_000, 5_000, both)).toBeUndefined();
  expect(speakers.longest(4_000, 5_000, new Set(["ann"]))).toBe("ann");
});

test("somebody's silent second tab does not silence them, and who left while speaking does not speak on", () => {
  const speakers = new Speakers();
  const both = new Set(["ann", "bob"]);
  speakers.speaking("s1", "ann", true, 0);
  speakers.speaking("s2", "ann", false, 10);
  expect(speakers.longest(0, 1_000, both)).toBe("ann");
  speakers.left("s1", 1_000);
  expect(speakers.longest(1_000, 9_000, both)).toBeUndefined();
  speakers.speaking("s3", "bob", true, 8_900);
  expect(speakers.longest(1_000, 9_000, both)).toBe("bob");
});

test("of words that were cut off, those are told that fit into what was heard", () => {
  const text = "one two three four";
  expect(heardText(text, 0, 1_000)).toBe("");
  expect(heardText(text, 1, 1_000)).toBe("one…");
  expect(heardText(text, 500, 1_000)).toBe("one two three…");
  expect(heardText(text, 1_000, 1_000)).toBe(text);
});

test("where words are not set apart by spaces, it is letters that were heard", () => {
  expect(heardText("今日はとても晴れています。", 300, 1_000)).toBe("今日はと…");
  expect(heardText("今日は", 1, 1_000)).toBe("今…");
  expect(heardText("𠮷野家へ行こう", 100, 1_000)).toBe("𠮷…");
});
