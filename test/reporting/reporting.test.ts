import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { SafeEmitter } from "../../bridge-task/emitter.ts";
import type { OutgoingEvent } from "../../bridge-task/events-out/events.ts";
import type { AgentEvent } from "../../bridge-task/in-call/events.ts";
import type { AgentSettings } from "../../bridge-task/job.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import { RealtimeClient } from "../../bridge-task/realtime/client.ts";
import type { SessionEvents } from "../../bridge-task/realtime/client-events.ts";
import type { ModelSession } from "../../bridge-task/realtime/model-session.ts";
import { type Reporting, startReporting } from "../../bridge-task/record/reporting.ts";
import { isSigned } from "../../bridge-task/signature.ts";
import type { StreamCall } from "../../bridge-task/stream/stream-call.ts";
import { Room } from "../stream/room.ts";
import { answer, question } from "./wire.ts";

const key = "agents-api-key";
const patienceMs = 10_000;

let room: Room;

beforeAll(async () => {
  room = await Room.open();
  await room.create();
});
afterAll(() => room.close());

/** The application's backend: keeps what it was told. */
const backend = async () => {
  const received: OutgoingEvent[] = [];
  const isSignedEach: boolean[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("");
    const event = JSON.parse(body) as OutgoingEvent;
    isSignedEach.push(
      isSigned({ key, body, header: String(request.headers["x-agents-signature"]), nowMs: Date.now() }) &&
        request.headers["idempotency-key"] === event.id,
    );
    received.push(event);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, received, isSignedEach, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events` };
};

/** Custom events of the call, as a person in it gets them. */
const toldTo = (person: StreamCall): AgentEvent[] => {
  const told: AgentEvent[] = [];
  person.on("callEvent", (event) => {
    if (event.type === "custom") told.push(event.custom as unknown as AgentEvent);
  });
  return told;
};

const until = async (isSo: () => boolean, what: string): Promise<void> => {
  const deadlineMs = performance.now() + patienceMs;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`${what} did not happen in ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

let app: Awaited<ReturnType<typeof backend>>;
beforeEach(async () => {
  app = await backend();
});
afterEach(() => {
  app.server.close();
  app.server.closeAllConnections();
});

const reportingOf = (settings: Pick<AgentSettings, "inCall" | "events">): Reporting =>
  startReporting({
    streamClient: room.client,
    call: room.address,
    agentUser: { id: "lucy", name: "Lucy" },
    settings,
    launchId: "launch-1",
    key,
    urlPolicy: { allowLoopback: true },
    logger: silentLogger,
  });

/** A session whose model says what the test makes it say. */
const scripted = () =>
  new SafeEmitter<SessionEvents>((_, error) => {
    throw error;
  });

test("a stay is told to the people in the call, to the backend and in a record", async () => {
  const person = await room.join({ id: "ann", name: "Ann" });
  await person.watching;
  const told = toldTo(person);
  const agent = await room.join({ id: "lucy", name: "Lucy", custom: { agent: true } });
  const reporting = reportingOf({ inCall: { captions: true, tools: true }, events: { url: app.url } });
  const session = scripted();
  reporting.joined({ client: session, participant: agent });
  await until(() => told.some(({ type }) => type === "agent.state"), "the first state");

  for (const record of question("u1", "Is it noon?")) session.emit("realtime.event", record);
  session.emit("tool.started", { name: "clock", callId: "c1" });
  session.emit("tool.finished", { name: "clock", callId: "c1", status: "done", tookMs: 3, output: "12" });
  const [created, words, sound, ...rest] = answer("a1", "It is noon.", 300);
  for (const record of [created, words, sound]) if (record) session.emit("realtime.event", record);
  session.emit("agent.state", { state: "speaking" });
  for (const record of rest) session.emit("realtime.event", record);
  session.emit("agent.state", { state: "listening" });
  await agent.leave("the test says so");

  const record = await reporting.close({ reason: "call_ended", detail: "The call ended." });
  expect(record).toMatchObject({
    call: { cid: room.cid },
    agent: { userId: "lucy", name: "Lucy" },
    launchId: "launch-1",
    reason: "call_ended",
    people: [{ userId: "ann", name: "Ann" }],
    turns: { person: 1, agent: 1 },
    tools: [{ name: "clock", status: "done", tookMs: 3 }],
  });
  expect(await reporting.close({ reason: "internal" })).toBe(record);

  expect(app.received.map(({ type }) => type)).toEqual(["agent.joined", "turn", "tool.finished", "turn", "agent.left"]);
  expect(app.isSignedEach).toEqual([true, true, true, true, true]);
  expect(new Set(app.received.map(({ id }) => id)).size).toBe(5);
  expect(app.received[1]).toMatchObject({ role: "person", text: "Is it noon?", speaker: "ann" });
  expect(app.received[3]).toMatchObject({ role: "agent", text: "It is noon.", agent: { userId: "lucy" } });
  expect(app.received[4]).toEqual({ ...app.received[4], reason: "call_ended", record, droppedEventCount: 0 });

  await until(() => told.some((event) => event.type === "agent.state" && event.state === "left"), "the last state");
  expect(told[0]).toMatchObject({ type: "agent.state", agent: "lucy", state: "listening" });
  const last = told.findLast(({ type }) => type === "agent.state");
  expect(last).toMatchObject({ state: "left", reason: "call_ended" });
  const finalOf = (itemId: string) =>
    told.find((event) => event.type === "agent.caption" && event.itemId === itemId && event.final);
  expect(finalOf("u1")).toMatchObject({ role: "person", text: "Is it noon?", speaker: "ann" });
  expect(finalOf("a1")).toMatchObject({ role: "agent", text: "It is noon." });
  expect(told.filter(({ type }) => type === "agent.tool")).toMatchObject([
    { name: "clock", status: "started" },
    { name: "clock", status: "done", tookMs: 3 },
  ]);
  await person.leave("the test is over");
});

test("who comes later is told the state again, and captions only where they were asked for", async () => {
  const agent = await room.join({ id: "lucy", custom: { agent: true } });
  const reporting = reportingOf({});
  const session = scripted();
  reporting.joined({ client: session, participant: agent });
  session.emit("agent.state", { state: "thinking" });
  for (const record of question("u1", "Is it noon?")) session.emit("realtime.event", record);
  const person = await room.join({ id: "ann" });
  const told = toldTo(person);
  await until(() => told.length > 0, "the state");
  expect(told[0]).toMatchObject({ type: "agent.state", state: "thinking" });
  await agent.leave("the test is over");
  await reporting.close({ reason: "idle" });
  expect(told.every(({ type }) => type === "agent.state")).toBe(true);
  await person.leave("the test is over");
  expect(app.received).toEqual([]);
});

test("an application that forgets its own listeners takes nothing away from what is told", async () => {
  const agent = await room.join({ id: "lucy", custom: { agent: true } });
  const reporting = reportingOf({ events: { url: app.url } });
  const session = scripted();
  const client = new RealtimeClient({
    session: { events: session } as ModelSession,
    disconnect: async () => undefined,
    logger: silentLogger,
  });
  reporting.joined({ client: session, participant: agent });
  client.clearEventHandlers();
  client.realtime.clearEventHandlers();
  for (const record of question("u1", "Is it noon?")) session.emit("realtime.event", record);
  await agent.leave("the test is over");
  const { turns } = await reporting.close({ reason: "idle" });
  expect(turns).toEqual({ person: 1, agent: 0 });
  expect(app.received.map(({ type }) => type)).toEqual(["agent.joined", "turn", "agent.left"]);
});

test("a stay that never got into the call is told with what to do", async () => {
  const reporting = reportingOf({ events: { url: app.url } });
  const record = await reporting.close({ reason: "no_permission", detail: "send-audio is missing" });
  expect(record.durationSeconds).toBe(0);
  expect(app.received.map(({ type }) => type)).toEqual(["agent.failed", "agent.left"]);
  expect(app.received[0]).toMatchObject({
    reason: "no_permission",
    detail: "send-audio is missing",
    advice: record.advice,
  });
});

test("a launch that another one replaced before it got in tells nobody anything", async () => {
  await reportingOf({ events: { url: app.url } }).close({ reason: "replaced" });
  expect(app.received).toEqual([]);
});
