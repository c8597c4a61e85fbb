import { describe, expect, it } from "vitest";
import { findAgent } from "../../bridge-task/agents/index.ts";
import type { StageFilter } from "../../functions/config.ts";
import { candidates } from "../../functions/dispatch/agents.ts";
import { type Decision, decide, eventTypes, staleAfterMs } from "../../functions/dispatch/decide.ts";
import type { StreamEvent } from "../../functions/envelope.ts";
import { call, callCreated, event, eventAtMs, participantJoined, sessionStarted, user } from "./events.ts";

const at = (given: StreamEvent, nowMs = eventAtMs, stageFilter?: StageFilter): Decision =>
  decide(given, { nowMs, agents: candidates, callTypes: ["default"], stageFilter });
const agentUser = user("someone", { agent: true });
const cid = "default:demo";
const soon = new Date(eventAtMs + 60_000).toISOString();

describe("asks the agents about", () => {
  it.each([
    ["a created call", callCreated()],
    ["a call whose creator is unknown", callCreated({ created_by: undefined })],
    ["a call that was to begin before", callCreated({ starts_at: "2026-01-02T03:00:00Z" })],
    ["a call that clients may encrypt", callCreated({ settings: { encryption: { mode: "available" } } })],
    ["dates in nanoseconds", { ...callCreated({ created_at: eventAtMs * 1e6 }), created_at: eventAtMs * 1e6 }],
  ])("%s", (_name, given) => {
    expect(at(given)).toMatchObject({
      kind: "ask",
      asking: { call: { cid, custom: {} }, trigger: { type: "call.created" } },
      eventAtMs,
    });
  });

  it("an event that is exactly 15 minutes old", () => {
    expect(at(callCreated(), eventAtMs + staleAfterMs)).toHaveProperty("kind", "ask");
  });
});

describe("brings agents back, and asks where nobody was, when", () => {
  it.each([
    ["a session started", sessionStarted()],
    ["a session started with an agent and a person", sessionStarted({ participants: [agentUser, user("alice")] })],
    ["a session started that tells of nobody", sessionStarted({ participants: [] })],
    ["a scheduled call's session started", sessionStarted({ starts_at: soon })],
  ])("%s", (_name, given) => {
    expect(at(given)).toMatchObject({
      kind: "bring_back",
      cid,
      trigger: "session_started",
      sessionId: "session-1",
      otherwise: { call: { cid }, trigger: { type: "call.session_started", sessionId: "session-1" } },
    });
  });

  it("the call went live, whatever the event's copy of the call says of backstage", () => {
    const live = event("call.live_started", { call: call({ backstage: true, session: { id: "s" } }) });
    expect(at(live)).toMatchObject({
      kind: "bring_back",
      trigger: "live_started",
      sessionId: "s",
      otherwise: { trigger: { type: "call.live_started", sessionId: "s" } },
    });
  });
});

describe("brings agents back and asks nobody when", () => {
  it("a person joined: the event carries no call", () => {
    expect(at(participantJoined("alice"))).toEqual({
      kind: "bring_back",
      cid,
      trigger: "participant_joined",
      sessionId: "session-1",
      participantUserId: "alice",
      eventAtMs,
      otherwise: { ignore: "no_agent" },
    });
  });

  it.each([
    ["call_type", "the call is of a type that agents are not asked about", sessionStarted({ type: "livestream" })],
    ["created_by_agent", "an agent created the call", sessionStarted({ created_by: agentUser })],
  ])("%s: %s", (ignore, _name, given) => {
    expect(at(given)).toMatchObject({ kind: "bring_back", otherwise: { ignore } });
  });
});

describe("passes on", () => {
  it.each(["call.ended", "call.deleted"])("%s as the end of the call", (type) => {
    expect(at(event(type, { call: call() }))).toEqual({ kind: "call_ended", cid, eventAtMs });
    expect(at(event(type))).toEqual({ kind: "call_ended", cid, eventAtMs });
  });

  it("the end of a session, with its id", () => {
    const ended = event("call.session_ended", { session_id: "s", call: call() });
    expect(at(ended)).toEqual({ kind: "session_ended", cid, sessionId: "s", eventAtMs });
  });

  it("a ring", () => {
    expect(at(event("call.ring", { session_id: "s", call: call() }))).toEqual({ kind: "ring", cid, eventAtMs });
  });
});

describe("ignores", () => {
  const encrypted = { settings: { encryption: { mode: "auto-on" } } };
  it.each([
    ["undated", "no created_at", { ...callCreated(), created_at: undefined }],
    ["undated", "a created_at that is no date", { ...callCreated(), created_at: "yesterday" }],
    ["type", "a type we do not act on", { ...callCreated(), type: "call.updated" }],
    ["type", "a type that nobody knows", { ...callCreated(), type: "toString" }],
    ["no_call", "a creation without a call", { ...callCreated(), call: undefined }],
    ["no_call", "a call without an id", callCreated({ id: "" })],
    ["no_call", "an event that names no call", { ...participantJoined("alice"), call_cid: undefined }],
    ["no_call", "an event whose cid is none", { ...participantJoined("alice"), call_cid: "demo" }],
    ["no_session", "the end of a session that is not named", event("call.session_ended", { call: call() })],
    ["call_ended", "a call that has ended", sessionStarted({ ended_at: "2026-01-02T03:04:05Z" })],
    ["created_by_agent", "a call that an agent created", callCreated({ created_by: agentUser })],
    ["created_by_agent", "a call that our agent's user created", callCreated({ created_by: user("lucy") })],
    ["started_by_agent", "a session that an agent started", sessionStarted({ participants: [agentUser] })],
    ["started_by_agent", "a session with agents only", sessionStarted({ participants: [agentUser, user("lucy")] })],
    ["joined_by_agent", "an agent that joined", participantJoined("someone", { custom: { agent: true } })],
    ["joined_by_agent", "our agent's user that joined", participantJoined("lucy")],
    ["call_type", "a call of another type", callCreated({ type: "livestream" })],
    ["backstage", "a created call in backstage", callCreated({ backstage: true })],
    ["backstage", "a session in backstage", sessionStarted({ backstage: true })],
    ["scheduled", "a call that begins later", callCreated({ starts_at: soon })],
    ["e2ee", "a created call that is encrypted", callCreated(encrypted)],
    ["e2ee", "a session that is encrypted", sessionStarted(encrypted)],
  ] as const)("%s: %s", (reason, _name, given) => {
    expect(at(given)).toEqual({ kind: "ignore", reason });
  });

  it("stale: older than 15 minutes, before it looks at the type", () => {
    const old = at({ ...callCreated(), type: "call.updated" }, eventAtMs + staleAfterMs + 1);
    expect(old).toEqual({ kind: "ignore", reason: "stale" });
  });
});

it("names every type of event that it acts on", () => {
  expect([...eventTypes].toSorted()).toEqual([
    "call.created",
    "call.deleted",
    "call.ended",
    "call.live_started",
    "call.ring",
    "call.session_ended",
    "call.session_participant_joined",
    "call.session_started",
  ]);
});

it("every agent that the webhook knows exists in the bridge", () => {
  for (const { name } of candidates) expect(() => findAgent(name)).not.toThrow();
  expect(() => findAgent("constructor")).toThrow(/no agent "constructor"/);
});

describe("where several stages hear of a call", () => {
  const all = { stage: "dev", callsOf: "all" } as const;
  const own = { stage: "dev", callsOf: "own" } as const;
  it.each<[string, unknown, StageFilter | undefined, boolean]>([
    ["names no stage", undefined, undefined, true],
    ["names another one", "prod", undefined, true],
    ["names no stage", undefined, all, true],
    ["names this one", "dev", all, true],
    ["names another one", "prod", all, false],
    ["names one by an empty text", "", all, true],
    ["names one by what is no text", 7, all, true],
    ["names no stage", undefined, own, false],
    ["names this one", "dev", own, true],
    ["names another one", "prod", own, false],
    ["names one by what is no text", ["dev"], own, false],
  ])("a call that %s (%j), where the filter is %j: asked is %s", (_name, agentStage, filter, isAsked) => {
    const custom = { agentStage };
    const created = at(callCreated({ custom }), eventAtMs, filter);
    const started = at(sessionStarted({ custom }), eventAtMs, filter);
    const live = at(event("call.live_started", { call: call({ custom }) }), eventAtMs, filter);
    if (isAsked) expect(created).toHaveProperty("kind", "ask");
    else expect(created).toEqual({ kind: "ignore", reason: "other_stage" });
    // Whom a POST had brought into the call, the filter does not keep away.
    for (const decision of [started, live])
      expect(decision).toMatchObject({
        kind: "bring_back",
        otherwise: isAsked ? { call: { cid } } : { ignore: "other_stage" },
      });
  });

  it("ends and rings are passed on whatever the call names", () => {
    const other = { call: call({ custom: { agentStage: "prod" } }) };
    expect(at(event("call.ended", other), eventAtMs, all)).toHaveProperty("kind", "call_ended");
    expect(at(event("call.ring", other), eventAtMs, all)).toHaveProperty("kind", "ring");
    expect(at(participantJoined("alice"), eventAtMs, own)).toHaveProperty("kind", "bring_back");
  });
});
