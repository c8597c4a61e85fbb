import { afterEach, expect, test } from "vitest";
import type { StreamCall } from "../../bridge-task/stream/stream-call.ts";
import { correlate, signal, silence } from "../support/signals.ts";
import { listen, next, Room, say } from "./room.ts";

let room: Room;
const open = async (...options: Parameters<typeof Room.open>): Promise<Room> => {
  room = await Room.open(...options);
  return room;
};
afterEach(() => room.close());

const lucy = { id: "lucy", custom: { agent: true } };

/** Expects the join to fail for that reason, with words that help, and nothing of it to be seen in the call. */
const expectRefused = async (reason: string, words: RegExp): Promise<void> => {
  await expect(room.join(lucy)).rejects.toMatchObject({
    reason,
    code: reason,
    retryable: false,
    message: expect.stringMatching(words),
  });
  expect(room.seen("call.session_participant_joined").filter(({ userId }) => userId === "lucy")).toEqual([]);
};

/** What one says, the other one hears. */
const expectHeard = async (speaker: StreamCall, listener: StreamCall): Promise<void> => {
  await room.hearing(speaker, listener);
  const { pcm } = listen(listener);
  const words = signal("words", 1_000);
  await say(speaker, words);
  await say(speaker, silence(200));
  expect(correlate(await pcm(), words).score).toBeGreaterThan(0.7);
};

test("who may not speak is given the right to, and is heard", async () => {
  const { call } = await open();
  await room.create();
  await room.client.upsertUsers([{ id: "lucy" }]);
  await call.updateUserPermissions({ user_id: "lucy", revoke_permissions: ["send-audio"] });
  const ann = await room.join({ id: "ann" });
  await expectHeard(await room.join(lucy), ann);
  expect(room.logLines).toContainEqual(expect.objectContaining({ event: "voice_granted", userId: "lucy" }));
});

test("who may not speak and cannot be given the right is refused", async () => {
  await open({ type: "audio_room" });
  await room.create();
  await room.call.goLive();
  await room.control("/faults/rest", { pathEnd: "/user_permissions", status: 403, code: 17, count: 1 });
  await expectRefused("no_permission", /"send-audio".*audio_room:room.*role/);
});

test("a Stream that cannot give the right just now is no refusal: another try may succeed", async () => {
  await open({ type: "audio_room" });
  await room.create();
  await room.call.goLive();
  await room.control("/faults/rest", { pathEnd: "/user_permissions", status: 503, count: 3 });
  await expect(room.join(lucy)).rejects.toMatchObject({ code: "stream_coordinator", retryable: true });
  expect(room.seen("sfu.joined")).toEqual([]);
});

test("who may not even join is refused the same way", async () => {
  await open();
  await room.create();
  await room.client.upsertUsers([{ id: "lucy" }]);
  await room.call.updateUserPermissions({ user_id: "lucy", revoke_permissions: ["join-call"] });
  await expectRefused("no_permission", /"join-call"/);
});

test("a call in backstage refuses until it is live", async () => {
  await open();
  await room.create({ settings_override: { backstage: { enabled: true } } });
  await expectRefused("backstage", /goLive/);
  await room.call.goLive();
  expect((await room.join(lucy)).participants()).toHaveLength(1);
});

test("backstage is open to a user whose role may be there, and to all shortly before the start", async () => {
  await open();
  const starts_at = new Date(Date.now() + 60_000);
  const backstage = { enabled: true, join_ahead_time_seconds: 120 };
  await room.create({ starts_at, settings_override: { backstage }, members: [{ user_id: "max", role: "host" }] });
  await room.join({ id: "max" });
  await room.join(lucy);
});

test("a call that goes back to backstage sends the agent away, and hosts stay", async () => {
  await open({ type: "livestream" });
  await room.create();
  await room.call.goLive();
  const ann = await room.join({ id: "ann" });
  const call = await room.join(lucy);
  const closed = next(call, "closed");
  await room.call.stopLive();
  expect(await closed).toMatchObject({ cause: "backstage" });
  expect(ann.end).toBeUndefined();
});

test("an end-to-end encrypted call is not even tried", async () => {
  await open();
  await room.create({ settings_override: { encryption: { mode: "auto-on" } } });
  await expectRefused("e2ee", /encryption\.mode/);
  expect(room.seen("rest.refused")).toEqual([]);
});

test("a call that has ended is not even tried", async () => {
  await open();
  await room.create();
  await room.call.end();
  await expectRefused("call_ended", /has ended/);
  expect(room.seen("rest.refused")).toEqual([]);
});

test("a call that ends between the look at it and the join has ended, too", async () => {
  await open();
  await room.create();
  room.cloud.coordinator.restFaults.push({ pathEnd: "/join", status: 503, code: -1, count: 1 });
  const joining = room.join(lucy);
  await room.log.waitFor(({ type }) => type === "rest.refused", 5_000, "the first join");
  await room.call.end();
  await expect(joining).rejects.toMatchObject({ reason: "call_ended" });
});

test("an SFU without room is left for another one", async () => {
  await open();
  await room.control("/faults/full-sfu", { edges: ["sfu-local-1"] });
  await room.join(lucy);
  expect(room.cloud.sfu.participants(room.cid)).toMatchObject([{ edge: "sfu-local-2" }]);
});

test("where no SFU has room the call is full", async () => {
  await open();
  await room.create();
  await room.control("/faults/full-sfu", { edges: ["sfu-local-1", "sfu-local-2"] });
  await expectRefused("call_full", /max_participants/);
  expect(room.seen("sfu.refused")).toHaveLength(3);
});

test("a call that holds as many as it may is full, unless the agent's role does not count", async () => {
  await open();
  await room.create({ settings_override: { limits: { max_participants: 1 } } });
  await room.join({ id: "ann" });
  await expectRefused("call_full", /max_participants/);
  await room.client.upsertUsers([{ id: "lucy", role: "agent", custom: lucy.custom }]);
  await room.call.update({ settings_override: { limits: { max_participants_exclude_roles: ["agent"] } } });
  await room.join(lucy);
});

test("a blocked user is not let in, until it is unblocked", async () => {
  await open();
  await room.create();
  await room.client.upsertUsers([{ id: "lucy" }]);
  await room.call.blockUser({ user_id: "lucy" });
  await expectRefused("blocked", /unblockUser/);
  await room.call.unblockUser({ user_id: "lucy" });
  await room.join(lucy);
});

test.each([
  ["kicked", (user_id: string) => room.call.kickUser({ user_id })],
  ["blocked", (user_id: string) => room.call.blockUser({ user_id })],
  ["blocked", (user_id: string) => room.call.kickUser({ user_id, block: true })],
] as const)("who is %s is out, also where the SFU keeps silent about it", async (cause, dismiss) => {
  await open();
  await room.create();
  const call = await room.join(lucy, { endGraceMs: 50 });
  await call.watching;
  room.cloud.sfu.removeUser = () => undefined;
  const closed = next(call, "closed");
  await dismiss("lucy");
  expect(await closed).toMatchObject({ cause });
});

test("that it was blocked is learned from the call where no event tells", async () => {
  await open();
  await room.create();
  await room.control("/faults/coordinator", { withheld: ["call.blocked_user"] });
  const call = await room.join(lucy);
  const closed = next(call, "closed");
  await room.call.blockUser({ user_id: "lucy" });
  expect(await closed).toMatchObject({ cause: "blocked" });
});

test.each(["audio_room", "livestream"])("in a live %s the agent speaks like in any other call", async (type) => {
  await open({ type });
  await room.create();
  await room.call.goLive();
  const ann = await room.join({ id: "ann" });
  await expectHeard(await room.join(lucy), ann);
});
