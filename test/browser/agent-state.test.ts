import fc from "fast-check";
import { expect, test } from "vitest";
import type { ShownState, AgentEvent as ToldEvent } from "../../bridge-task/in-call/events.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type AgentEvent, type AgentView, follow, newCall } from "../cloud/page/agent-state.ts";

const call = { type: "default", id: "one" };
const job = JSON.stringify({ version: 2, call, agentUserId: "lucy", launchId: "l1" });
const at = "2026-01-01T00:00:00.000Z";

let seq = 0;
const cloud = (source: CloudEvent["source"], type: string, data: Record<string, unknown>): AgentEvent => {
  seq += 1;
  return { type: "cloud", event: { seq, atMs: seq * 10, source, type, data } };
};
const task = (type: string, data: Record<string, unknown> = {}) =>
  cloud("aws", `task.${type}`, { taskId: "t1", ...data });
const sfu = (type: string, userId: string, cid = "default:one") => cloud("stream", `sfu.${type}`, { cid, userId });
const session = (type: string, sessionId = "s1") => cloud("openai", `session.${type}`, { sessionId });

const told = (event: Partial<ToldEvent>): AgentEvent => ({
  type: "told",
  event: { agent: "lucy", at, ...event } as ToldEvent,
});
const state = (name: ShownState, more: object = {}) => told({ type: "agent.state", state: name, ...more });
const caption = (role: "agent" | "person", itemId: string, text: string, more: object = {}) =>
  told({ type: "agent.caption", role, itemId, text, final: false, ...more });
const audible = (isAudible: boolean): AgentEvent => ({ type: "audible", audible: isAudible });

const onTheWay = [
  cloud("stream", "call.created", { cid: "default:one" }),
  task("pending", { env: { AGENT_JOB: job } }),
  task("running"),
  session("opened"),
  cloud("openai", "server.session.updated", { sessionId: "s1" }),
  sfu("joined", "lucy"),
];
const inCall = [...onTheWay, state("listening")];
const question = [caption("person", "u1", ""), caption("person", "u1", "What time is it?", { final: true })];
const answer = [
  state("thinking"),
  caption("agent", "a1", "It is "),
  state("speaking"),
  audible(true),
  caption("agent", "a1", "It is noon.", { final: true }),
  state("listening"),
];

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

test("the agent joins, by stages that the local cloud tells, and listens when it says so", () => {
  expect(phases(...inCall)).toEqual(["joining", "listening"]);
  expect(after(...inCall).milestones.map(({ name }) => name)).toEqual([
    "Call created",
    "Task launched",
    "Process started",
    "Model session open",
    "Model session ready",
    "In the call",
  ]);
});

test("what the agent tells is enough: nothing of the local cloud has to be known", () => {
  const view = after(state("joining"), state("listening"), ...question, ...answer);
  expect(view).toMatchObject({ agentUserId: "lucy", phase: "speaking" });
  expect(view.lines.map(({ text }) => text)).toEqual(["What time is it?", "It is noon."]);
});

test("a turn goes from listening over thinking and speaking back to listening once its voice is heard no more", () => {
  expect(phases(...inCall, ...answer, audible(false))).toEqual([
    "joining",
    "listening",
    "thinking",
    "speaking",
    "listening",
  ]);
});

test("a tool that runs is shown by its name", () => {
  expect(after(...inCall, state("using_tool", { tool: "weather" }))).toMatchObject({
    phase: "using_tool",
    tool: "weather",
  });
  expect(after(...inCall, state("using_tool", { tool: "weather" }), state("thinking")).tool).toBeNull();
});

test("words appear as they come, the person's before the agent's", () => {
  const view = after(...inCall, ...question, ...answer, { type: "answered", afterMs: 640 });
  const none = { userId: null, status: "complete" };
  expect(view.lines).toEqual([
    { id: "u1", speaker: "person", text: "What time is it?", ...none, answeredAfterMs: null },
    { id: "a1", speaker: "agent", text: "It is noon.", ...none, answeredAfterMs: 640 },
  ]);
});

test("an answer that is heard before its words are here has its latency when they come", () => {
  const view = after(...inCall, ...question, { type: "answered", afterMs: 640 }, caption("agent", "a1", "It"));
  expect(view.lines.at(-1)).toMatchObject({ id: "a1", answeredAfterMs: 640 });
  expect(view.answeredAfterMs).toBeNull();
});

test("an interrupted answer says so, and one of which nothing was heard is not shown", () => {
  const cut = caption("agent", "a1", "It…", { final: true, interrupted: true });
  expect(after(...inCall, caption("agent", "a1", "It is noon."), cut).lines).toMatchObject([
    { text: "It…", status: "interrupted" },
  ]);
  const unheard = caption("agent", "a1", "", { final: true, interrupted: true });
  expect(after(...inCall, caption("agent", "a1", "It is noon."), unheard).lines).toEqual([]);
});

test("an agent that left says why; that its task ended is no news", () => {
  const left = after(...inCall, state("left", { reason: "idle" }));
  expect(left).toMatchObject({ phase: "gone", end: { reason: "idle", exitCode: null } });
  expect(follow(left, task("stopped", { exitCode: 0 }))).toMatchObject({
    phase: "gone",
    end: { reason: "idle", exitCode: 0 },
  });
});

test("an agent that is brought back is there again, by the same stages", () => {
  const back = after(
    ...inCall,
    state("left", { reason: "idle" }),
    task("pending", { taskId: "t2", env: { AGENT_JOB: job } }),
  );
  expect(back).toMatchObject({ phase: "joining", taskId: "t2", end: null });
  expect(back.milestones.map(({ name }) => name)).toEqual(["Task launched"]);
  expect(follow(back, state("listening")).phase).toBe("listening");
});

test("calls, tasks, sessions and people of others change nothing", () => {
  const strange = [
    task("pending", { taskId: "t2", env: { AGENT_JOB: job.replace("one", "two") } }),
    task("stopped", { taskId: "t2", exitCode: 1 }),
    sfu("joined", "lucy", "default:two"),
    sfu("joined", "ann"),
    session("closed", "s2"),
  ];
  expect(after(...inCall, ...strange)).toEqual(after(...inCall));
});

test("a session that replaces a lost one is followed", () => {
  expect(after(...inCall, session("closed"), session("opened", "s2"))).toMatchObject({ sessionId: "s2" });
});

test("whatever is heard and said, a task that ended without a word is gone and shows its exit code", () => {
  const anything = [...question, ...answer.filter(({ type }) => type === "audible"), caption("agent", "a2", "Hm.")];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...anything), { maxLength: 30 }), (events) => {
      const view = after(...onTheWay, task("stopped", { exitCode: 81 }), ...events);
      expect(view).toMatchObject({ phase: "gone", end: { exitCode: 81 } });
    }),
  );
});

test("no order of events makes two lines of one item", () => {
  const anything = [...inCall, ...question, ...answer, audible(false)];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...anything), { maxLength: 40 }), (events) => {
      const ids = after(...events).lines.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});
