import fc from "fast-check";
import { expect, test } from "vitest";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type AgentEvent, type AgentView, follow, newCall } from "../cloud/page/agent-state.ts";

const call = { type: "default", id: "one" };
const job = JSON.stringify({ version: 1, call, agent: "lucy", agentUserId: "lucy" });

let seq = 0;
const cloud = (source: CloudEvent["source"], type: string, data: Record<string, unknown>): AgentEvent => {
  seq += 1;
  return { type: "cloud", event: { seq, atMs: seq * 10, source, type, data } };
};
const task = (type: string, data: Record<string, unknown> = {}) =>
  cloud("aws", `task.${type}`, { taskId: "t1", ...data });
const sfu = (type: string, userId: string, cid = "default:one") => cloud("stream", `sfu.${type}`, { cid, userId });
const session = (type: string, sessionId = "s1") => cloud("openai", `session.${type}`, { sessionId });
const model = (type: string, event: Record<string, unknown> = {}, sessionId = "s1") =>
  cloud("openai", `server.${type}`, { sessionId, event: { type, ...event } });

const inCall = [
  cloud("stream", "call.created", { cid: "default:one" }),
  task("pending", { env: { AGENT_JOB: job } }),
  task("running"),
  session("opened"),
  model("session.updated"),
  sfu("joined", "lucy"),
];
const question = [
  model("input_audio_buffer.speech_started", { item_id: "u1" }),
  model("input_audio_buffer.speech_stopped", { item_id: "u1" }),
  model("input_audio_buffer.committed", { item_id: "u1" }),
];
const answer = [
  model("response.created"),
  model("response.output_audio_transcript.delta", { item_id: "a1", delta: "It is " }),
  model("response.output_audio.delta", { item_id: "a1" }),
  model("response.output_audio_transcript.delta", { item_id: "a1", delta: "noon." }),
];
const answerDone = model("response.done", { response: { status: "completed" } });

const after = (...events: readonly AgentEvent[]): AgentView => events.reduce(follow, newCall(call));
const phases = (...events: readonly AgentEvent[]) => {
  const seen: string[] = [];
  let view = newCall(call);
  for (const event of events) {
    view = follow(view, event);
    if (view.phase !== seen.at(-1)) seen.push(view.phase);
  }
  return seen;
};

test("the agent joins, then listens, once it is in the call and its session is open, whichever comes first", () => {
  expect(phases(...inCall)).toEqual(["joining", "listening"]);
  const [created, pending, running, opened, updated, joined] = inCall;
  const reordered = [created, pending, running, joined, opened, updated].filter((event) => event !== undefined);
  expect(phases(...reordered)).toEqual(["joining", "listening"]);
  expect(after(...inCall).milestones.map(({ name }) => name)).toEqual([
    "Call created",
    "Task launched",
    "Process started",
    "Model session open",
    "Model session ready",
    "In the call",
  ]);
});

test("a turn goes from listening over thinking and speaking back to listening", () => {
  const turn = [
    ...question,
    ...answer,
    answerDone,
    { type: "audible", audible: true },
    { type: "audible", audible: false },
  ] as const;
  expect(phases(...inCall, ...turn)).toEqual(["joining", "listening", "thinking", "speaking", "listening"]);
});

test("the agent still speaks while audio that was generated long ago is being heard", () => {
  expect(after(...inCall, ...question, ...answer, { type: "audible", audible: true }, answerDone).phase).toBe(
    "speaking",
  );
});

test("a pause in an answer that is still being generated is not the end of it", () => {
  const pause = [
    { type: "audible", audible: true },
    { type: "audible", audible: false },
  ] as const;
  expect(after(...inCall, ...question, ...answer, ...pause).phase).toBe("speaking");
});

test("words appear as they come, the person's before the agent's", () => {
  const view = after(...inCall, ...question, ...answer, answerDone, { type: "answered", afterMs: 640 });
  expect(view.lines).toEqual([
    { id: "u1", speaker: "person", text: "", status: "complete", answeredAfterMs: null },
    { id: "a1", speaker: "agent", text: "It is noon.", status: "complete", answeredAfterMs: 640 },
  ]);
});

test("a typed line becomes the words of the next turn, and of that one only", () => {
  const again = question.map((event) =>
    event.type === "cloud" ? model(event.event.type.slice(7), { item_id: "u2" }) : event,
  );
  const view = after(...inCall, { type: "typed", text: "What time is it?" }, ...question, ...again);
  expect(view.lines.map(({ text }) => text)).toEqual(["What time is it?", ""]);
});

test("an interrupted answer says so, even though it was generated to its end before", () => {
  const truncated = model("conversation.item.truncated", { item_id: "a1", audio_end_ms: 400 });
  expect(after(...inCall, ...question, ...answer, answerDone, truncated).lines[1]?.status).toBe("interrupted");
});

test("a voice that was never heard here is over when it must have been said", () => {
  const said = [
    ...inCall,
    ...answer.slice(0, 2),
    model("response.output_audio.delta", { item_id: "a1", delta: { bytes: 96_000 } }),
  ];
  const view = after(...said, answerDone);
  const deltaAtMs = seq * 10;
  expect(follow(view, { type: "time", nowMs: deltaAtMs + 1_500 }).phase).toBe("speaking");
  expect(follow(view, { type: "time", nowMs: deltaAtMs + 3_100 }).phase).toBe("listening");
});

test("speech that begins before any answer was heard ends the waiting for it", () => {
  const barge = model("input_audio_buffer.speech_started", { item_id: "u2" });
  expect(after(...inCall, ...question, ...answer, barge).phase).toBe("listening");
});

test("calls, tasks, sessions and people of others change nothing", () => {
  const strange = [
    task("pending", { taskId: "t2", env: { AGENT_JOB: job.replace("one", "two") } }),
    task("stopped", { taskId: "t2", exitCode: 1 }),
    sfu("left", "lucy", "default:two"),
    sfu("left", "ann"),
    model("response.created", {}, "s2"),
    session("closed", "s2"),
  ];
  expect(after(...inCall, ...strange)).toEqual(after(...inCall));
});

test("a session that replaces a lost one is followed", () => {
  const rotated = [session("closed"), session("opened", "s2"), model("response.created", {}, "s2")];
  expect(after(...inCall, ...rotated)).toMatchObject({ sessionId: "s2", phase: "thinking" });
});

test("whatever happens, an ended task is gone and shows its exit code", () => {
  const anything = [...inCall, ...question, ...answer, answerDone, { type: "audible", audible: true } as const];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...anything), { maxLength: 30 }), (events) => {
      const view = after(...inCall.slice(0, 3), task("stopped", { exitCode: 81 }), ...events);
      expect(view).toMatchObject({ phase: "gone", end: { exitCode: 81 } });
    }),
  );
});

test("no order of events makes two lines of one item", () => {
  const anything = [...inCall, ...question, ...answer, answerDone];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...anything), { maxLength: 40 }), (events) => {
      const ids = after(...events).lines.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});
