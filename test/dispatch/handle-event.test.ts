import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Joins } from "../../bridge-task/agents/agent.ts";
import type { Candidate } from "../../functions/dispatch/agents.ts";
import { decide } from "../../functions/dispatch/decide.ts";
import { handleEvent } from "../../functions/dispatch/handle-event.ts";
import type { StreamEvent } from "../../functions/envelope.ts";
import { call, callCreated, event, participantJoined, sessionStarted, user } from "../webhook/events.ts";
import { type Fixture, startFixture } from "./fixture.ts";

let fixture: Fixture;
let callCount = 0;
let id: string;
let asked: Parameters<Joins>[];
let answer: ReturnType<Joins>;

/** Events of the call of this test, a millisecond apart, so that each is younger than the one before. */
const now = () => {
  fixture.advance(1);
  return fixture.now();
};

const agents: Candidate[] = [
  {
    name: "lucy",
    userId: "lucy",
    joins: (...given) => {
      asked.push(given);
      return answer;
    },
  },
];

/** As it is delivered: the call's own id in it. */
const deliver = (given: StreamEvent) => {
  const cid = `default:${id}`;
  const own = { ...given, call_cid: cid, ...("call" in given ? { call: { ...(given.call as object), id, cid } } : {}) };
  const decision = decide(own, { nowMs: fixture.now(), agents, callTypes: ["default"] });
  return handleEvent(decision, { dispatcher: fixture.dispatcher, agents });
};

const cid = () => `default:${id}`;
const started = () => fixture.started().filter(({ job }) => job.call.id === id).length;

const leave = async (reason: "idle" | "kicked") => {
  const { launchId, knockCount } = await fixture.pair(cid(), "lucy");
  await fixture.table.change(cid(), "lucy", { type: "end", launchId, reason, knockCount, isOut: true });
};

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());
beforeEach(() => {
  callCount += 1;
  id = `event-${callCount}`;
  asked = [];
  answer = true;
});

describe("a created call", () => {
  it("is shown to the agent, and gets it", async () => {
    expect(await deliver(callCreated({ custom: { topic: "tax" } }, now()))).toMatchObject({
      outcome: "launched",
      fields: { agent: "lucy", agentUserId: "lucy" },
    });
    expect(asked).toMatchObject([[{ id, custom: { topic: "tax" } }, { type: "call.created" }]]);
    const pair = await fixture.pair(cid(), "lucy");
    expect(await fixture.table.config(cid(), pair.configId)).toEqual({ agent: "lucy", user: { id: "lucy" } });
  });

  it("gets none where the agent does not want it", async () => {
    answer = false;
    expect(await deliver(callCreated({}, now()))).toEqual({ outcome: "ignored", reason: "no_agent" });
  });

  it("under the id of one that was deleted, gets none where the agent does not want it, but may be asked for", async () => {
    await fixture.dispatcher.callEnded(cid(), now());
    expect(await fixture.ask(cid())).toMatchObject({ outcome: "refused", reason: "call_ended" });
    answer = false;
    expect(await deliver(callCreated({}, now()))).toMatchObject({ reason: "no_agent" });
    expect(await fixture.ask(cid())).toMatchObject({ outcome: "launched" });
  });

  it("gets the agent as its answer says, found by one lookup", async () => {
    answer = Promise.resolve({
      user: { id: "lucy-7", name: "Lu" },
      session: { instructions: "Sing." },
      data: { row: 7 },
    });
    expect(await deliver(callCreated({}, now()))).toMatchObject({ outcome: "launched" });
    const pair = await fixture.pair(cid(), "lucy-7");
    expect(await fixture.table.config(cid(), pair.configId)).toEqual({
      agent: "lucy",
      user: { id: "lucy-7", name: "Lu" },
      session: { instructions: "Sing." },
      data: { row: 7 },
    });
  });

  it("delivered again, with its session beside it, gets one task", async () => {
    const created = callCreated({}, now());
    const session = sessionStarted({}, now());
    const outcomes = await Promise.all([created, session, created, session].map(deliver));
    expect(outcomes.filter(({ outcome }) => outcome === "launched")).toHaveLength(1);
    expect(started()).toBe(1);
  });
});

describe("a session", () => {
  it("brings the agent that went idle back, without asking it", async () => {
    await deliver(callCreated({}, now()));
    await fixture.join(cid(), "session-1", "lucy");
    await leave("idle");
    asked = [];
    expect(await deliver(sessionStarted({}, now() + 10_000))).toMatchObject({ outcome: "launched" });
    expect(asked).toEqual([]);
    expect(started()).toBe(2);
  });

  it("does not bring back who was kicked from it; the next one asks the agent anew", async () => {
    await deliver(sessionStarted({ sessionId: "one" }, now()));
    await fixture.join(cid(), "one", "lucy");
    await leave("kicked");
    asked = [];
    expect(await deliver(participantJoined("alice", { sessionId: "one" }, now() + 5_000))).toMatchObject({
      outcome: "ignored",
      reason: "not_now",
    });
    expect(asked).toEqual([]);
    expect(await deliver(sessionStarted({ sessionId: "two" }, now() + 5_000))).toMatchObject({ outcome: "launched" });
    expect(asked).toMatchObject([[{ id }, { type: "call.session_started", sessionId: "two" }]]);
    expect(started()).toBe(2);
  });

  it("that a POST has given an agent is shown to the agents of the code all the same", async () => {
    await fixture.ask(cid(), { user: { id: "max" } });
    expect(await deliver(sessionStarted({}, now()))).toMatchObject({ outcome: "launched" });
    expect((await fixture.dispatcher.list(cid())).map(({ userId }) => userId)).toEqual(["lucy", "max"]);
    answer = false;
    id = `${id}-other`;
    await fixture.ask(cid(), { user: { id: "max" } });
    expect(await deliver(sessionStarted({}, now()))).toMatchObject({ outcome: "present" });
  });

  it("of a call type that agents are not asked about still brings back who was posted", async () => {
    const typed = { ...sessionStarted({ type: "livestream" }, now() + 10_000), call_cid: `livestream:${id}` };
    const place = `livestream:${id}`;
    await fixture.ask(place, { user: { id: "max" } });
    const decision = decide(typed, { nowMs: fixture.now(), agents, callTypes: ["default"] });
    expect(await handleEvent(decision, { dispatcher: fixture.dispatcher, agents })).toMatchObject({
      outcome: "present",
    });
    expect(asked).toEqual([]);
  });

  it("that ended sends its agent away, and late duplicates of its events bring nobody", async () => {
    const session = sessionStarted({}, now());
    await deliver(session);
    await fixture.join(cid(), "session-1", "lucy");
    expect(await deliver(event("call.session_ended", { session_id: "session-1", call: call() }, now()))).toEqual({
      outcome: "noted",
    });
    expect(await fixture.pair(cid(), "lucy")).toHaveProperty("wish.reason", "call_ended");
    expect(await deliver(session)).toMatchObject({ outcome: "ignored" });
  });
});

describe("a call", () => {
  it.each(["call.ended", "call.deleted"])("that is over by %s gets nobody by an older event", async (type) => {
    const created = callCreated({}, now());
    expect(await deliver(event(type, { call: call() }, now()))).toEqual({ outcome: "noted" });
    expect(await deliver(created)).toMatchObject({ outcome: "ignored", reason: "call_ended" });
    expect(started()).toBe(0);
  });

  it("that rings keeps its agent waiting", async () => {
    expect(await deliver(event("call.ring", { call: call(), user: user("alice") }, now()))).toEqual({
      outcome: "noted",
    });
    await deliver(callCreated({}, now()));
    expect(await fixture.pair(cid(), "lucy")).toHaveProperty("rings", true);
  });

  it("in backstage gets its agent when it goes live", async () => {
    expect(await deliver(callCreated({ backstage: true }, now()))).toMatchObject({ reason: "backstage" });
    const live = event("call.live_started", { call: call({ session: { id: "s" } }) }, now());
    expect(await deliver(live)).toMatchObject({ outcome: "launched" });
    expect(asked).toMatchObject([[{ id }, { type: "call.live_started", sessionId: "s" }]]);
  });
});
