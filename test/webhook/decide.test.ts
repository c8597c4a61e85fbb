import { describe, expect, it } from "vitest";
import { findAgent } from "../../bridge-task/agents/index.ts";
import { candidates } from "../../functions/dispatch/agents.ts";
import { type Decision, decide, staleAfterMs } from "../../functions/dispatch/decide.ts";
import type { StreamEvent } from "../../functions/envelope.ts";
import { callCreated, eventAtMs, sessionStarted, user } from "./events.ts";

const at = (event: StreamEvent, nowMs = eventAtMs): Decision => decide(event, { nowMs, agents: candidates });
const lucyJob = { version: 1, call: { type: "default", id: "demo" }, agent: "lucy", agentUserId: "lucy" };
const agentUser = user("someone", { agent: true });

describe("launches", () => {
  it.each([
    ["a created call", callCreated()],
    ["a started session", sessionStarted()],
    ["a session with an agent and a person", sessionStarted({ participants: [agentUser, user("alice")] })],
    ["a session that tells of nobody", sessionStarted({ participants: [] })],
    ["a call that names the agent", callCreated({ custom: { agent: "lucy" } })],
    ["a call whose creator is unknown", callCreated({ created_by: undefined })],
    ["dates in nanoseconds", { ...callCreated({ created_at: eventAtMs * 1e6 }), created_at: eventAtMs * 1e6 }],
  ])("%s", (_name, event) => {
    expect(at(event)).toMatchObject({ launch: { job: lucyJob } });
  });

  it("an event that is exactly 15 minutes old", () => {
    expect(at(callCreated(), eventAtMs + staleAfterMs)).toHaveProperty("launch");
  });
});

describe("ignores", () => {
  it.each([
    ["undated", "no created_at", { ...callCreated(), created_at: undefined }],
    ["undated", "a created_at that is no date", { ...callCreated(), created_at: "yesterday" }],
    ["type", "a type we do not act on", { ...callCreated(), type: "call.updated" }],
    ["type", "a type that nobody knows", { ...callCreated(), type: "toString" }],
    ["no_call", "an event without a call", { ...callCreated(), call: undefined }],
    ["no_call", "a call without an id", callCreated({ id: "" })],
    ["no_call", "a call without its creation date", callCreated({ created_at: undefined })],
    ["call_ended", "a call that has ended", sessionStarted({ ended_at: "2026-01-02T03:04:05Z" })],
    ["created_by_agent", "a call that an agent created", callCreated({ created_by: agentUser })],
    ["created_by_agent", "a call that our agent's user created", callCreated({ created_by: user("lucy") })],
    ["started_by_agent", "a session that an agent started", sessionStarted({ participants: [agentUser] })],
    ["started_by_agent", "a session with agents only", sessionStarted({ participants: [agentUser, user("lucy")] })],
    ["no_agent", "a call type that no agent takes", callCreated({ type: "livestream" })],
    ["no_agent", "a call that wants none", callCreated({ custom: { agent: false } })],
    ["no_agent", "a call that names another agent", callCreated({ custom: { agent: "max" } })],
  ] as const)("%s: %s", (reason, _name, event) => {
    expect(at(event)).toEqual({ ignore: reason });
  });

  it("stale: older than 15 minutes, before it looks at the type", () => {
    expect(at({ ...callCreated(), type: "call.updated" }, eventAtMs + staleAfterMs + 1)).toEqual({ ignore: "stale" });
  });
});

it("every agent that the webhook knows exists in the bridge, under the same user", () => {
  for (const { name, userId } of candidates) {
    expect(findAgent(name).user).toMatchObject({ id: userId, custom: { agent: true } });
  }
  expect(() => findAgent("constructor")).toThrow(/no agent "constructor"/);
});
