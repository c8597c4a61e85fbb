import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, expect, test } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import {
  CallEndedReason,
  ErrorCode,
  WebsocketReconnectStrategy,
} from "../../bridge-task/stream/generated/models_pb.js";
import { StreamCall, type StreamCallEvents } from "../../bridge-task/stream/stream-call.ts";
import { correlate, signal, silence } from "../support/signals.ts";
import { listen, next, Room, say } from "./room.ts";

let room: Room | undefined;
const open = async (...options: Parameters<typeof Room.open>): Promise<Room> => {
  room = await Room.open(...options);
  return room;
};
afterEach(async () => {
  await room?.close();
  room = undefined;
});

const closings = (call: StreamCall): StreamCallEvents["closed"][0][] => {
  const seen: StreamCallEvents["closed"][0][] = [];
  call.on("closed", (end) => seen.push(end));
  return seen;
};

/** The parts of a room that a test uses, without `room.` everywhere. */
const bound = (opened: Room) => ({
  room: opened,
  client: opened.client,
  join: (...args: Parameters<Room["join"]>) => opened.join(...args),
});

test("two participants hear each other", async () => {
  const { join, room } = bound(await open());
  const ann = await join({ id: "ann" });
  const lucy = await join({ id: "lucy", custom: { agent: true } });
  await room.hearing(ann, lucy);
  const [annHears, lucyHears] = [listen(ann), listen(lucy)];
  const [annSays, lucySays] = [signal("ann", 1_000), signal("lucy", 1_000)];
  await Promise.all([say(ann, annSays), say(lucy, lucySays)]);
  await Promise.all([say(ann, silence(200)), say(lucy, silence(200))]);
  expect(correlate(await annHears.pcm(), lucySays).score).toBeGreaterThan(0.7);
  expect(correlate(await lucyHears.pcm(), annSays).score).toBeGreaterThan(0.7);
  expect(annHears.packets.every(({ userId, sessionId }) => userId === "lucy" && sessionId === lucy.sessionId)).toBe(
    true,
  );
  expect(annHears.packets.some(({ levelDbov }) => levelDbov !== undefined && levelDbov < 60)).toBe(true);
});

test("explicit subscriptions are enough where the SFU sends nothing unasked", async () => {
  const { join, room } = bound(await open({ implicitAudioSubscription: false }));
  const lucy = await join({ id: "lucy" });
  const ann = await join({ id: "ann" });
  await room.hearing(ann, lucy);
  const heard = next(lucy, "audio", ({ userId }) => userId === "ann");
  const alsoHeard = next(ann, "audio", ({ userId }) => userId === "lucy");
  await Promise.all([say(ann, signal("ann", 600)), say(lucy, signal("lucy", 600)), heard, alsoHeard]);
});

test("what is said before anybody listens is not lost", async () => {
  const { join, room } = bound(await open());
  const ann = await join({ id: "ann" });
  const lucy = await join({ id: "lucy" });
  await room.hearing(lucy);
  await say(ann, signal("ann", 400));
  const { packets } = listen(lucy);
  expect(packets.length).toBeGreaterThan(10);
});

test("everybody sees who comes, who speaks, who goes, and which of them are agents", async () => {
  const { join } = bound(await open());
  const ann = await join({ id: "ann", name: "Ann" });
  const came = next(ann, "participantJoined");
  const lucy = await join({ id: "lucy", name: "Lucy", custom: { agent: true } });
  expect(await came).toMatchObject({ userId: "lucy", name: "Lucy", isAgent: true, isSelf: false });
  expect(lucy.participants()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ userId: "ann", isAgent: false, publishesAudio: true, isSelf: false }),
      expect.objectContaining({ userId: "lucy", isAgent: true, isSelf: true }),
    ]),
  );
  const speaking = next(ann, "speaking", ({ userId, isSpeaking }) => userId === "lucy" && isSpeaking);
  await Promise.all([say(lucy, signal("lucy", 600)), speaking]);
  const left = next(ann, "participantLeft");
  await lucy.leave("done");
  expect(await left).toMatchObject({ userId: "lucy", sessionId: lucy.sessionId });
  expect(ann.participants().map(({ userId }) => userId)).toEqual(["ann"]);
});

test("an absent user is created, with what is stated", async () => {
  const { join, client } = bound(await open());
  await join({ id: "lucy", name: "Lucy", image: "https://example.com/lucy.png", custom: { agent: true } });
  const { users } = await client.queryUsers({ payload: { filter_conditions: { id: { $eq: "lucy" } } } });
  expect(users).toMatchObject([{ name: "Lucy", image: "https://example.com/lucy.png", custom: { agent: true } }]);
});

test("an existing user keeps every field that is not stated", async () => {
  const { join, client } = bound(await open());
  const image = "https://example.com/kept.png";
  await client.upsertUsers([{ id: "lucy", name: "Kept", image, role: "admin", custom: { plan: "kept" } }]);
  const lucy = await join({ id: "lucy", custom: { agent: true } });
  const { users } = await client.queryUsers({ payload: { filter_conditions: { id: { $eq: "lucy" } } } });
  expect(users).toMatchObject([{ name: "Kept", image, role: "admin", custom: { plan: "kept", agent: true } }]);
  expect(lucy.participants()).toMatchObject([{ name: "Kept", isAgent: true }]);
});

test("a call that nobody created is created by the participant; one that exists stays as it is", async () => {
  const { join, client } = bound(await open());
  await join({ id: "lucy" });
  await join({ id: "ann" });
  const { call } = await client.video.call("default", "room").get();
  expect(call.created_by.id).toBe("lucy");
});

test("leaving is clean, happens once, and is told to the SFU", async () => {
  const { join, room } = bound(await open());
  const lucy = await join({ id: "lucy" });
  const closed = closings(lucy);
  await Promise.all([lucy.leave("goodbye"), lucy.leave("again")]);
  await lucy.leave("and again");
  expect(closed).toEqual([{ cause: "left", detail: "goodbye" }]);
  expect(room.seen("sfu.left")).toMatchObject([{ sessionId: lucy.sessionId, reason: "left" }]);
  expect(room.seen("sfu.track_unpublished")).toHaveLength(1);
  lucy.sendAudio({ opus: new Uint8Array([0xf8]), levelDbov: 127, voiced: false });
});

test("an SFU that vanishes ends the call once, as lost, at once", async () => {
  const { join, room } = bound(await open());
  const lucy = await join({ id: "lucy" });
  const closed = closings(lucy);
  const end = next(lucy, "closed");
  await room.control("/faults/kill-sfu");
  expect(await end).toMatchObject({ cause: "sfu_lost", error: { code: "stream_sfu", retryable: true } });
  await lucy.leave("too late");
  expect(closed).toHaveLength(1);
});

test("an SFU that falls silent is noticed by its missing signs of life", async () => {
  const { join, room } = bound(await open());
  const lucy = await join({ id: "lucy" }, { healthCheckMs: 60, socketSilenceMs: 200 });
  await room.control("/faults/health-checks", { sfu: false });
  expect(await next(lucy, "closed")).toMatchObject({ cause: "sfu_lost", detail: expect.stringContaining("silent") });
});

test("signs of life keep a silent call open", async () => {
  const { join } = bound(await open());
  const lucy = await join({ id: "lucy" }, { healthCheckMs: 60, socketSilenceMs: 600 });
  const closed = closings(lucy);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(closed).toEqual([]);
});

test("the end of the call, being kicked and being blocked are told apart", async () => {
  const { join, room } = bound(await open());
  const lucy = await join({ id: "lucy" });
  const ann = await join({ id: "ann" });
  const kicked = next(lucy, "closed");
  await room.control("/calls/default/room/kick", { userId: "lucy" });
  expect(await kicked).toMatchObject({ cause: "kicked", detail: "KICKED" });
  const bob = await join({ id: "bob" });
  const blocked = next(bob, "closed");
  await room.call.kickUser({ user_id: "bob", block: true });
  expect(await blocked).toMatchObject({ cause: "blocked" });
  expect(bob.end).toMatchObject({ cause: "blocked" });
  const ended = next(ann, "closed");
  await room.control("/calls/default/room/end");
  expect(await ended).toEqual({ cause: "call_ended", detail: CallEndedReason[CallEndedReason.ENDED] });
});

test("an SFU that does not want us any more has refused us; one that wants a reconnect is lost", async () => {
  const { join, room } = bound(await open());
  const [lucy, ann] = [await join({ id: "lucy" }), await join({ id: "ann" })];
  const [refused, lost] = [next(lucy, "closed"), next(ann, "closed")];
  const error = { event: "error", code: ErrorCode.PERMISSION_DENIED };
  await room.control("/faults/sfu-event", {
    ...error,
    userId: "lucy",
    strategy: WebsocketReconnectStrategy.DISCONNECT,
  });
  await room.control("/faults/sfu-event", { userId: "ann", event: "goAway" });
  expect(await refused).toMatchObject({ cause: "refused" });
  expect(await lost).toMatchObject({ cause: "sfu_lost" });
});

test("a moderator's mute stops our packets, not our time", async () => {
  const { join, room } = bound(await open());
  await join({ id: "ann" });
  const lucy = await join({ id: "lucy" });
  await say(lucy, signal("lucy", 200));
  const silenced = next(lucy, "publishing");
  await room.control("/calls/default/room/mute", { userId: "lucy" });
  expect(await silenced).toEqual({ isPublishing: false });
  const unwanted = new Uint8Array([0xf8, 9, 9]);
  for (let frame = 0; frame < 5; frame += 1) lucy.sendAudio({ opus: unwanted, levelDbov: 30, voiced: true });
  await say(lucy, silence(100));
  const atSfu = room.cloud.sfu.recording(room.cid, lucy.sessionId)?.packets ?? [];
  expect(atSfu.length).toBeGreaterThan(0);
  expect(atSfu.some(({ payload }) => Buffer.compare(payload, unwanted) === 0)).toBe(false);
});

test("a join that the coordinator cannot serve now is tried again", async () => {
  const { join, room } = bound(await open());
  await room.control("/faults/rest", { pathEnd: "/join", status: 503, count: 1 });
  const lucy = await join({ id: "lucy" });
  expect(lucy.participants()).toHaveLength(1);
});

test("an SFU that is down for a moment is tried again", async () => {
  const { join, room } = bound(await open());
  await room.control("/faults/kill-sfu");
  const joining = join({ id: "lucy" });
  await room.log.waitFor(({ type }) => type === "call.created", 5_000, "the call");
  setTimeout(() => void room.control("/faults/restore-sfu"), 100);
  const lucy = await joining;
  expect(lucy.participants()).toHaveLength(1);
  expect(room.logLines).toContainEqual(expect.objectContaining({ event: "sfu_join_failed" }));
});

test("a Stream that cannot be reached rejects the join", async () => {
  const { cloud } = await open();
  await cloud.close();
  const streamClient = new StreamClient("k", "s", { basePath: cloud.serverBaseUrl });
  const joining = StreamCall.join({
    streamClient,
    call: { type: "default", id: "room" },
    user: { id: "lucy" },
    logger: silentLogger,
  });
  await expect(joining).rejects.toMatchObject({ code: "stream_coordinator", retryable: true });
});
