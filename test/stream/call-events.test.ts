import { StreamVideoClient } from "@stream-io/video-client";
import { afterEach, expect, test, vi } from "vitest";
import { CallEndedReason } from "../../bridge-task/stream/generated/models_pb.js";
import type { CallEvent, StreamCall, StreamCallEvents } from "../../bridge-task/stream/stream-call.ts";
import { next, Room } from "./room.ts";

const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 8_000 });
let room: Room;
const open = async (...options: Parameters<typeof Room.open>): Promise<Room> => {
  room = await Room.open(...options);
  return room;
};
afterEach(() => room.close());

type Name = CallEvent["type"];
const nextEvent = (call: StreamCall, type: Name): Promise<CallEvent> =>
  next(call, "callEvent", (event) => event.type === type);

/** Everything that a participant is told, its end included, but for how many there are. */
const diary = (call: StreamCall) => {
  const events: CallEvent[] = [];
  const lines: string[] = [];
  call.on("callEvent", (event) => {
    if (event.type === "call.session_participant_count_updated") return;
    events.push(event);
    lines.push("participant" in event ? `${event.type} ${event.participant.user_id}` : event.type);
  });
  call.on("closed", ({ cause }) => lines.push(`closed: ${cause}`));
  return { events, lines, of: (type: Name) => events.filter((event) => event.type === type) };
};
const joinedType = "call.session_participant_joined";
const leftType = "call.session_participant_left";
const passages = (lines: readonly string[]) => lines.filter((line) => line.startsWith("call.session_participant_"));
const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const join = async (id: string, timeouts?: Parameters<Room["join"]>[1]): Promise<StreamCall> => {
  const call = await room.join({ id, custom: { agent: true } }, timeouts);
  await call.watching;
  return call;
};
const connections = (userId: string) => room.seen("coordinator.connected").filter((data) => data.userId === userId);
const ended = (call: StreamCall): Promise<StreamCallEvents["closed"][0]> => next(call, "closed");

test("what others do in a call arrives, also from Stream's own client: reactions, custom events, changes, unknown types", async () => {
  const { client, cloud, cid } = await open();
  const lucy = await join("lucy");
  const seen = diary(lucy);
  await client.upsertUsers([{ id: "ann", name: "Ann" }]);
  const ann = new StreamVideoClient({
    apiKey: client.apiKey,
    user: { id: "ann" },
    token: client.generateUserToken({ user_id: "ann" }),
    options: { baseURL: cloud.baseUrl, locationHintUrl: cloud.locationHintUrl, clientEventsReportingEnabled: false },
  });
  const call = ann.call("default", "room");
  const events = [nextEvent(lucy, "call.reaction_new"), nextEvent(lucy, "custom"), nextEvent(lucy, "call.updated")];
  await call.sendReaction({ type: "like", emoji_code: ":+1:", custom: { hard: true } });
  await call.sendCustomEvent({ hello: "lucy" });
  await client.video.call("default", "room").update({ custom: { topic: "tests" } });
  const [reaction, custom, updated] = await Promise.all(events);
  expect(reaction).toMatchObject({
    call_cid: cid,
    reaction: { type: "like", emoji_code: ":+1:", custom: { hard: true }, user: { id: "ann", name: "Ann" } },
  });
  expect(custom).toMatchObject({ custom: { hello: "lucy" }, user: { id: "ann" }, created_at: expect.any(String) });
  expect(updated).toMatchObject({ call: { custom: { topic: "tests" } } });
  const unknown = nextEvent(lucy, "call.invented_later" as Name);
  cloud.coordinator.hub.emit(cid, "call.invented_later", { detail: 1 });
  expect(await unknown).toMatchObject({ detail: 1 });
  cloud.coordinator.hub.emit(cid, "user.updated", { user: { id: "ann" } });
  await ann.disconnectUser();
  expect(seen.events.map(({ type }) => type)).not.toContain("user.updated");
});

test("who comes and goes is told once each, not who was there before, nor ourselves; user id in both places", async () => {
  await open();
  const bob = await join("bob");
  const lucy = await join("lucy");
  const { events, lines } = diary(lucy);
  const ann = await join("ann");
  await ann.leave("done");
  await bob.leave("done");
  await eventually(() => expect(passages(lines)).toHaveLength(3));
  await settle(1_200);
  expect(passages(lines)).toEqual([`${joinedType} ann`, `${leftType} ann`, `${leftType} bob`]);
  expect(events.find(({ type }) => type === joinedType)).toMatchObject({
    session_id: expect.stringMatching(/./),
    participant: { user_id: "ann", user: { id: "ann" }, user_session_id: ann.sessionId, role: "user" },
  });
});

test("a coming and going that only the SFU tells of has the same shape, a second later at most", async () => {
  await open();
  const lucy = await join("lucy");
  const told = diary(lucy);
  await (await join("ann")).leave("done");
  await eventually(() => expect(told.of(leftType)).toHaveLength(1));
  await room.control("/faults/coordinator", { withheld: [joinedType, leftType] });
  const bob = await room.join({ id: "ann", name: "Ann", image: "https://example.com/a.png", custom: { mood: "good" } });
  await eventually(() => expect(told.of(joinedType)).toHaveLength(2));
  await bob.leave("done");
  await eventually(() => expect(told.of(leftType)).toHaveLength(2));
  const keysOf = (value: object): string[] =>
    Object.entries(value).flatMap(([key, inner]) =>
      typeof inner === "object" && inner !== null && key !== "custom"
        ? keysOf(inner).map((one) => `${key}.${one}`)
        : [key],
    );
  for (const type of [joinedType, leftType] as const) {
    const [real, made] = told.of(type);
    const lacking = keysOf(real ?? {}).filter((key) => !keysOf(made ?? {}).includes(key));
    // The coordinator's reason for a going is not the SFU's to tell.
    expect(lacking.filter((key) => key !== "reason")).toEqual([]);
    expect(made).toMatchObject({
      call_cid: room.cid,
      session_id: real && "session_id" in real ? real.session_id : undefined,
      participant: { user_id: "ann", user_session_id: bob.sessionId, user: { id: "ann", custom: { mood: "good" } } },
    });
  }
});

test("without the coordinator's socket a join is a join, and the SFU's word is told at once", async () => {
  await open();
  await room.control("/faults/coordinator", { refuses: true });
  const lucy = await room.join({ id: "lucy" }, { eventWaitMs: 60_000, watchingMs: 60_000 });
  await lucy.watching;
  const { lines } = diary(lucy);
  const ann = await room.join({ id: "ann" });
  await eventually(() => expect(lines).toEqual([`${joinedType} ann`]));
  await ann.leave("done");
  await eventually(() => expect(lines).toEqual([`${joinedType} ann`, `${leftType} ann`]));
  expect(
    room.logLines.filter(({ event, level }) => event === "call_events_unavailable" && level === "warn"),
  ).toHaveLength(2);
});

test("a lost socket comes back with a new token and watches again; of those who passed meanwhile the SFU told", async () => {
  await open();
  const lucy = await join("lucy");
  const { lines, of } = diary(lucy);
  expect(connections("lucy")).toHaveLength(1);
  await room.control("/faults/close-coordinator-socket", { userId: "lucy" });
  const ann = await room.join({ id: "ann" });
  await eventually(() => expect(connections("lucy")).toHaveLength(2));
  const custom = nextEvent(lucy, "custom");
  await eventually(async () => {
    await room.control("/calls/default/room/event", { userId: "ann", custom: { n: 1 } });
    expect(of("custom").length).toBeGreaterThan(0);
  });
  expect(await custom).toMatchObject({ custom: { n: 1 } });
  await ann.leave("done");
  await eventually(() => expect(passages(lines)).toEqual([`${joinedType} ann`, `${leftType} ann`]));
  expect(room.logLines).toContainEqual(expect.objectContaining({ event: "call_events_lost", level: "warn" }));
});

test("an expired token is replaced at once, at the beginning and later", async () => {
  await open();
  await room.control("/faults/coordinator", { error: { code: 40 } });
  await join("ann");
  await join("lucy");
  await room.control("/faults/close-coordinator-socket", { userId: "lucy", error: 40 });
  await eventually(() => expect(connections("lucy")).toHaveLength(2));
  const warnings = room.logLines.filter(({ level }) => level === "warn");
  expect(warnings).toMatchObject([
    { event: "call_events_unavailable", error: expect.stringContaining("set by the test"), pauseMs: 0 },
    { event: "call_events_lost", error: expect.stringContaining("set by the test"), pauseMs: 0 },
  ]);
});

test("another refusal is tried again after a pause, with one warning", async () => {
  await open();
  await room.control("/faults/coordinator", { error: { code: 9, status: 429, count: 2 } });
  const lucy = await join("lucy");
  await eventually(() => expect(connections("lucy")).toHaveLength(1));
  const told = room.logLines.filter(({ event }) => event === "call_events_unavailable").map(({ level }) => level);
  expect(told).toEqual(["warn", "debug"]);
  const custom = nextEvent(lucy, "custom");
  await eventually(async () => {
    await room.control("/calls/default/room/event", { userId: "lucy", custom: {} });
    expect(await Promise.race([custom, settle(50)])).toBeDefined();
  });
});

test("a socket that falls silent is noticed by its missing signs of life; with them it stays", async () => {
  await open();
  const timeouts = { eventsHealthCheckMs: 60, eventsSilenceMs: 250 };
  await join("lucy", timeouts);
  await settle(600);
  expect(connections("lucy")).toHaveLength(1);
  await room.control("/faults/health-checks", { coordinator: false });
  await eventually(() => expect(connections("lucy").length).toBeGreaterThan(1));
  expect(room.logLines).toContainEqual(
    expect.objectContaining({ event: "call_events_lost", error: expect.stringContaining("silent") }),
  );
});

test("the call's end is told once, before `closed`, whoever says it first", async () => {
  await open();
  const lucy = await join("lucy");
  const { lines, of } = diary(lucy);
  const closing = ended(lucy);
  await room.control("/calls/default/room/end", { reason: "we are done" });
  expect(await closing).toMatchObject({ cause: "call_ended", detail: CallEndedReason[CallEndedReason.ENDED] });
  expect(of("call.ended")).toMatchObject([
    { reason: "we are done", call: { cid: room.cid, ended_at: expect.any(String) } },
  ]);
  expect(lines.slice(-3)).toEqual(["call.ended", "call.session_ended", "closed: call_ended"]);
});

test("a late word of the call's end is waited for", async () => {
  await open();
  const lucy = await join("lucy");
  const { lines, of } = diary(lucy);
  await room.control("/faults/coordinator", { delayMs: 250 });
  const closing = ended(lucy);
  await room.control("/calls/default/room/end", { reason: "late" });
  await closing;
  expect(of("call.ended")).toMatchObject([{ reason: "late" }]);
  expect(lines.slice(-3)).toEqual(["call.ended", "call.session_ended", "closed: call_ended"]);
});

test("one that never comes is made from what is known of the call, after half a second", async () => {
  await open();
  const lucy = await join("lucy");
  const { lines, of } = diary(lucy);
  await room.client.video.call("default", "room").update({ custom: { topic: "known" } });
  await eventually(() => expect(of("call.updated")).toHaveLength(1));
  await room.control("/faults/coordinator", { withheld: ["call.ended", "call.session_ended"] });
  const closing = ended(lucy);
  const beganMs = performance.now();
  await room.control("/calls/default/room/end");
  await closing;
  expect(performance.now() - beganMs).toBeGreaterThan(450);
  expect(of("call.ended")).toMatchObject([
    { call_cid: room.cid, call: { cid: room.cid, custom: { topic: "known" }, ended_at: expect.any(String) } },
  ]);
  expect(lines.slice(-2)).toEqual(["call.ended", "closed: call_ended"]);
});

test("the coordinator's word alone ends our stay, after a moment for the SFU's own", async () => {
  await open();
  const lucy = await join("lucy", { endGraceMs: 300 });
  const { lines } = diary(lucy);
  const closing = ended(lucy);
  const beganMs = performance.now();
  await room.control("/calls/default/room/end", { sfu: false });
  expect(await closing).toMatchObject({ cause: "call_ended", detail: "call.ended" });
  expect(performance.now() - beganMs).toBeGreaterThan(290);
  expect(lines.filter((line) => line === "call.ended")).toHaveLength(1);
});

test("an end that was missed while the socket was gone is seen when it is back, though the SFU keeps silent", async () => {
  await open();
  const lucy = await join("lucy", { endGraceMs: 100 });
  const { of } = diary(lucy);
  const closing = ended(lucy);
  await room.control("/faults/close-coordinator-socket", { userId: "lucy" });
  await room.control("/calls/default/room/end", { sfu: false });
  expect(await closing).toMatchObject({ cause: "call_ended" });
  expect(of("call.ended")).toHaveLength(1);
});

test("a deleted call has ended, and so has a session that is over", async () => {
  await open();
  const lucy = await join("lucy");
  const told = diary(lucy);
  const closing = ended(lucy);
  await room.client.video.call("default", "room").delete();
  expect(await closing).toMatchObject({ cause: "call_ended" });
  expect(told.lines.slice(-3)).toEqual(["call.deleted", "call.ended", "closed: call_ended"]);

  const again = await join("lucy");
  const { lines } = diary(again);
  const over = ended(again);
  await room.control("/calls/default/room/end-session");
  expect(await over).toMatchObject({ cause: "call_ended", detail: "SESSION_ENDED" });
  expect(lines.slice(-2)).toEqual(["call.session_ended", "closed: call_ended"]);
});

test("what happens before somebody listens is kept for the first who does", async () => {
  await open();
  const lucy = await join("lucy");
  const ann = await room.join({ id: "ann" });
  await ann.leave("done");
  await room.log.waitFor(({ type }) => type === leftType, 2_000, "ann's leave");
  await settle(100);
  expect(passages(diary(lucy).lines)).toEqual([`${joinedType} ann`, `${leftType} ann`]);
});

test("leaving closes the socket; a join that fails leaves none behind", async () => {
  await open();
  const lucy = await join("lucy");
  await lucy.leave("done");
  const closed = () => room.seen("coordinator.closed").filter(({ userId }) => userId === "lucy");
  await eventually(() => expect(closed()).toHaveLength(1));
  await room.control("/calls/default/room/permissions", { userId: "lucy", revoke: ["join-call"] });
  await expect(room.join({ id: "lucy" })).rejects.toMatchObject({ code: "no_permission" });
  await settle(100);
  expect(room.cloud.coordinator.hub.connections()).toEqual([]);
});

test("leaving while the socket is being opened, or waits to be tried again, takes no longer", async () => {
  await open();
  await room.control("/faults/coordinator", { refuses: true });
  const lucy = await room.join({ id: "lucy" });
  await lucy.watching;
  const beganMs = performance.now();
  await lucy.leave("done");
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});
