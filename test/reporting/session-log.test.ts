import fc from "fast-check";
import { expect, test } from "vitest";
import type { RealtimeRecord } from "../../bridge-task/realtime/client-events.ts";
import { asideKey } from "../../bridge-task/realtime/turn/asides.ts";
import type { AgentState } from "../../bridge-task/realtime/turn/types.ts";
import { type Report, SessionLog } from "../../bridge-task/record/session-log.ts";
import { answer, client, question, server } from "./wire.ts";

type Happening = RealtimeRecord | AgentState;

/** Plays what happens, 10 ms apart, and collects what is told. */
const play = (happenings: readonly Happening[], log = new SessionLog({ speakerOf: () => "ann" })) => {
  const reports: Report[] = [];
  let nowMs = 0;
  for (const happening of happenings) {
    nowMs += 10;
    const isState = typeof happening === "string";
    reports.push(...(isState ? log.onState(happening, nowMs) : log.onWire(happening, nowMs)));
  }
  return { reports, log, nowMs };
};

const turnsIn = (reports: readonly Report[]) =>
  reports.flatMap((report) =>
    report.to === "backend" && report.event.type === "turn"
      ? [
          `${report.event.turn.role}: ${report.event.turn.text}${report.event.turn.isInterrupted ? " (interrupted)" : ""}`,
        ]
      : [],
  );
const captionsIn = (reports: readonly Report[]) =>
  reports.flatMap(({ to, event }) => (to === "call" && event.type === "agent.caption" ? [event] : []));
const recordedIn = (reports: readonly Report[], type: string) =>
  reports.flatMap(({ to, event }) => (to === "record" && event.type === type ? [event] : []));
const statesIn = (reports: readonly Report[]) =>
  reports.flatMap(({ to, event }) =>
    to === "call" && event.type === "agent.state" ? [event.tool ?? event.state] : [],
  );

const [created, words, sounds, ...rest] = answer("a1", "It is noon, and the sun shines.", 4_000);
const begun: readonly (Happening | undefined)[] = [created, words, sounds, "speaking"];
const spoken = [...begun, ...rest].filter((happening) => happening !== undefined);

test("an agent's turn is told once its voice is through with it, not when its words are there", () => {
  const { reports, log } = play(spoken);
  expect(turnsIn(reports)).toEqual([]);
  expect(captionsIn(reports).at(-1)).toMatchObject({ text: "It is noon, and the sun shines.", final: false });
  expect(turnsIn(log.onState("listening", 4_100))).toEqual(["agent: It is noon, and the sun shines."]);
});

test("of an interrupted turn only what was heard is told, to the end of a word", () => {
  const cut = client("conversation.item.truncate", { item_id: "a1", content_index: 0, audio_end_ms: 1_000 });
  const { reports } = play([...spoken, cut, "listening"]);
  expect(turnsIn(reports)).toEqual(["agent: It is noon,… (interrupted)"]);
  expect(captionsIn(reports).at(-1)).toMatchObject({ text: "It is noon,…", final: true, interrupted: true });
});

test("what was never heard is no turn, and its caption is taken back", () => {
  const { reports } = play([...spoken, client("conversation.item.delete", { item_id: "a1" }), "listening"]);
  expect(turnsIn(reports)).toEqual([]);
  expect(captionsIn(reports).at(-1)).toMatchObject({ text: "", final: true });
  expect(recordedIn(reports, "turn")).toEqual([]);
});

test("a person's turn has a place as soon as it is taken in, and its words and speaker when they are known", () => {
  const { reports } = play(question("u1", " What time is it? "));
  expect(captionsIn(reports)).toEqual([
    { type: "agent.caption", role: "person", text: "", speaker: "ann", itemId: "u1", final: false },
    { type: "agent.caption", role: "person", text: "What time is it?", speaker: "ann", itemId: "u1", final: true },
  ]);
  expect(turnsIn(reports)).toEqual(["person: What time is it?"]);
});

test("turns are counted once each, also those that were not understood or not heard to their end", () => {
  const silentQuestion = question("u2", "").slice(0, 3);
  const cut = client("conversation.item.truncate", { item_id: "a1", content_index: 0, audio_end_ms: 20 });
  const { reports } = play([...question("u1", "Hello?"), ...spoken, cut, "listening", ...silentQuestion]);
  expect(recordedIn(reports, "turn")).toEqual([
    { type: "turn", role: "person" },
    { type: "turn", role: "agent" },
    { type: "turn", role: "person" },
  ]);
});

test("only speech while the agent speaks is an interruption", () => {
  const started = server("input_audio_buffer.speech_started", { item_id: "u1", audio_start_ms: 0 });
  const again = server("input_audio_buffer.speech_started", { item_id: "u2", audio_start_ms: 0 });
  const { reports } = play(["thinking", started, "speaking", again, "listening"]);
  expect(recordedIn(reports, "interruption")).toHaveLength(1);
});

test("a response outside of the conversation is no turn", () => {
  const outside = server("response.created", { response: { id: "r-a1", conversation_id: null } });
  const { reports } = play([outside, ...spoken.slice(1), "listening"]);
  expect([...turnsIn(reports), ...captionsIn(reports)]).toEqual([]);
});

test("what is said while a tool takes its time is told, although it is outside of the conversation", () => {
  const response = { id: "r-a1", conversation_id: null, metadata: { [asideKey]: "aside_1" } };
  const aside = server("response.created", { response });
  expect(turnsIn(play([aside, ...spoken.slice(1), "listening"]).reports)).toEqual([
    "agent: It is noon, and the sun shines.",
  ]);
});

test("what is said while a tool takes its time, and is cut by a person, was heard as far as it had come", () => {
  const response = { id: "r-a1", conversation_id: null, metadata: { [asideKey]: "aside_1" } };
  const { log, nowMs } = play([server("response.created", { response }), ...spoken.slice(1)]);
  const speech = server("input_audio_buffer.speech_started", { item_id: "u1", audio_start_ms: 0 });
  expect(turnsIn(log.onWire(speech, nowMs + 1_000))).toEqual([
    expect.stringMatching(/^agent: It is noon,.*… \(interrupted\)$/),
  ]);
  expect(turnsIn(log.onState("listening", nowMs + 1_010))).toEqual([]);
});

test("a stay that ends in the middle of a sentence has said what can have been heard by then", () => {
  const { log, nowMs } = play(spoken);
  const [report] = turnsIn(log.finish(nowMs + 1_000));
  expect(report).toMatch(/^agent: It is noon,.*… \(interrupted\)$/);
  expect(turnsIn(log.finish(nowMs + 2_000))).toEqual([]);
});

test("a tool that runs is shown unless the agent speaks, and is told with its end", () => {
  const { log } = play(["thinking"]);
  const began = log.onToolStarted({ name: "weather", callId: "c1" }, 100);
  expect(statesIn(began)).toEqual(["weather"]);
  expect(statesIn(log.onState("speaking", 200))).toEqual(["speaking"]);
  expect(statesIn(log.onState("listening", 300))).toEqual(["weather"]);
  const ended = log.onToolFinished({ name: "weather", callId: "c1", status: "timed_out", tookMs: 812, output: "{}" });
  expect(statesIn(ended)).toEqual(["listening"]);
  expect(recordedIn(ended, "tool")).toEqual([
    { type: "tool", tool: { name: "weather", status: "timed_out", tookMs: 812 } },
  ]);
  expect(ended).toContainEqual({
    to: "call",
    event: { type: "agent.tool", name: "weather", callId: "c1", status: "failed", tookMs: 812 },
  });
});

test("a tool that the application answers, and one of an MCP server, end too", () => {
  const { log } = play(["thinking"]);
  log.onToolStarted({ name: "ours", callId: "c1" }, 0);
  const output = { item: { type: "function_call_output", call_id: "c1", output: "1" } };
  expect(log.onWire(client("conversation.item.create", output), 400)).toEqual([]);
  const item = { id: "m1", type: "mcp_call", name: "search" };
  const after = log.onWire(server("response.output_item.added", { item }), 500);
  expect(recordedIn(after, "tool")).toEqual([{ type: "tool", tool: { name: "ours", status: "done", tookMs: 400 } }]);
  expect(statesIn(after)).toEqual(["search"]);
  const failed = server("response.output_item.done", { item: { ...item, error: { type: "http_error" } } });
  expect(recordedIn(log.onWire(failed, 900), "tool")).toEqual([
    { type: "tool", tool: { name: "search", status: "failed", tookMs: 400 } },
  ]);
});

test("a handler's end is told once, although its output goes first", () => {
  const { log } = play(["thinking"]);
  log.onToolStarted({ name: "weather", callId: "c1" }, 0);
  log.onWire(client("conversation.item.create", { item: { type: "function_call_output", call_id: "c1" } }), 5);
  log.onWire(client("response.create"), 6);
  const ended = log.onToolFinished({ name: "weather", callId: "c1", status: "done", tookMs: 5, output: "1" });
  const later = log.onWire(server("response.created", { response: { id: "r1" } }), 20);
  expect(recordedIn([...ended, ...later], "tool")).toHaveLength(1);
});

test("in any order of events each item is final at most once, nothing follows it, and no item is two turns", () => {
  const happenings: Happening[] = [
    ...spoken,
    ...answer("a2", "And it is warm.", 900),
    ...question("u1", "What time is it?"),
    client("conversation.item.truncate", { item_id: "a1", content_index: 0, audio_end_ms: 700 }),
    client("conversation.item.delete", { item_id: "a2" }),
    "thinking",
    "listening",
  ];
  fc.assert(
    fc.property(fc.array(fc.nat(happenings.length - 1), { maxLength: 60 }), (order) => {
      const { reports, log, nowMs } = play(order.flatMap((at) => happenings.slice(at, at + 1)));
      const all = [...reports, ...log.finish(nowMs + 10_000)];
      for (const itemId of ["a1", "a2", "u1"]) {
        const finals = captionsIn(all)
          .filter((caption) => caption.itemId === itemId)
          .map(({ final }) => final);
        expect(finals.slice(0, -1)).not.toContain(true);
      }
      const turns = turnsIn(all);
      expect(turns.length).toBeLessThanOrEqual(3);
      expect(recordedIn(all, "turn").length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 500 },
  );
});

test("a turn beyond all measure is cut between letters, and a tool's name so that its events fit", () => {
  const { reports, log } = play(question("u1", "🙂".repeat(9_000)));
  expect(turnsIn(reports)).toEqual([`person: ${"🙂".repeat(7_999)}…`]);
  const begun = log.onWire(
    server("response.output_item.added", { item: { type: "mcp_call", id: "m1", name: "\u0001".repeat(9_000) } }),
    1_000,
  );
  for (const { event } of begun) expect(JSON.stringify(event).length).toBeLessThan(2_000);
  expect(begun).toHaveLength(2);
});

test("a response without usage, or with half of it, counts nothing that is not there", () => {
  const done = (usage?: unknown) => server("response.done", { response: { id: "r1", status: "failed", usage } });
  expect(recordedIn(play([done(), done(null)]).reports, "usage")).toEqual([]);
  const [event] = recordedIn(play([done({ total_tokens: 3, output_token_details: null })]).reports, "usage");
  expect(Object.values(event?.type === "usage" ? event.usage.tokens : {}).every((count) => count === 0)).toBe(true);
});
