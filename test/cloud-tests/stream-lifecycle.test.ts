import type { StreamCall } from "@stream-io/node-sdk";
import { type AllClientEvents, StreamVideoClient } from "@stream-io/video-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { type Answer, apiKey, startTestCloud, type TestCloud } from "./stream-support/cloud.ts";

let test: TestCloud;
let bob: StreamVideoClient;
/** The SDK would ask for a microphone, which Node has none of. */
const microphoneOff = { mic_default_on: false, default_device: "speaker" as const };

const token = (userId: string) => test.server.generateUserToken({ user_id: userId });

beforeAll(async () => {
  test = await startTestCloud();
  await test.server.upsertUsers([{ id: "ann" }, { id: "bob", name: "Bob" }, { id: "carl" }]);
  const { baseUrl, locationHintUrl } = test.cloud;
  const options = {
    baseURL: baseUrl,
    locationHintUrl,
    clientEventsReportingEnabled: false,
    logLevel: "error" as const,
  };
  bob = new StreamVideoClient({ apiKey, options });
  await bob.connectUser({ id: "bob" }, token("bob"));
});
afterAll(async () => {
  await bob.disconnectUser();
  await test.cloud.close();
});

const create = async (id: string, data: object = {}, type = "default"): Promise<StreamCall> => {
  const call = test.server.video.call(type, id);
  const settings_override = { audio: microphoneOff };
  const members = [{ user_id: "bob" }, { user_id: "carl" }];
  await call.create({ data: { created_by_id: "ann", members, settings_override, ...data } });
  return call;
};

/** The next event of this type that Stream's own client of bob gets. */
const bobHears = (type: keyof AllClientEvents): Promise<Answer> => {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const off = bob.on(type, resolve);
  return withDeadline(promise, 3_000, `the event ${type}`).finally(off);
};

const join = (call: StreamCall, userId: string, body: object = {}) =>
  test.rest("POST", `/video/call/${call.type}/${call.id}/join`, token(userId), { location: "auto", ...body });

it("a ring reaches members who watch nothing; what they answer is told, and stands in the session", async () => {
  const rings = bobHears("call.ring");
  const call = await create("ringing", {});
  expect((await call.ring({ video: false, members_ids: ["bob"] })).members_ids).toEqual(["bob"]);
  expect(await rings).toMatchObject({ call_cid: "default:ringing", user: { id: "ann" }, video: false });
  const accepts = bobHears("call.accepted");
  await bob.call("default", "ringing").accept();
  expect(await accepts).toMatchObject({ user: { id: "bob", name: "Bob" } });
  const rejects = bobHears("call.rejected");
  await test.control("/calls/default/ringing/reject", { userId: "carl" });
  expect(await rejects).toMatchObject({ user: { id: "carl" } });
  const { session } = (await call.get()).call;
  expect(session?.accepted_by.bob).toBeInstanceOf(Date);
  expect(Object.keys(session?.rejected_by ?? {})).toEqual(["carl"]);
  expect(session?.started_at).toBeUndefined();
});

it("a call rings as it is created, or when the control asks for it", async () => {
  const rings = bobHears("call.ring");
  const call = test.server.video.call("default", "rings");
  const members = [{ user_id: "ann" }, { user_id: "bob" }];
  await call.getOrCreate({
    ring: true,
    video: true,
    data: { created_by_id: "ann", members, settings_override: { audio: microphoneOff } },
  });
  expect(await rings).toMatchObject({ video: true, members: [{ user_id: "ann" }, { user_id: "bob" }] });
  const again = bobHears("call.ring");
  expect(await test.control("/calls/default/rings/ring", { userId: "bob" })).toEqual({ memberIds: ["ann"] });
  expect(await again).toMatchObject({ user: { id: "bob" } });
});

it("going live and back is told, and stands in the session", async () => {
  const call = await create("show", {}, "livestream");
  await bob.call("livestream", "show").get();
  expect((await join(call, "carl")).body.code).toBe(17);
  const lives = bobHears("call.live_started");
  await call.goLive();
  expect(await lives).toMatchObject({ call: { backstage: false } });
  expect((await join(call, "carl")).status).toBe(201);
  expect((await call.stopLive()).call.backstage).toBe(true);
  expect((await join(call, "carl")).body.code).toBe(17);
  const { session } = (await call.get()).call;
  expect([session?.live_started_at, session?.live_ended_at]).toEqual([expect.any(Date), expect.any(Date)]);
  await test.control("/calls/livestream/show/go-live", {});
  expect((await join(call, "carl")).status).toBe(201);
  await test.control("/calls/livestream/show/stop-live", {});
  expect((await join(call, "carl")).status).toBe(403);
});

it("each of Stream's call types has its own settings and rights", async () => {
  const maySpeak = async (call: StreamCall, userId: string): Promise<boolean> => {
    const { body } = await test.rest("GET", `/video/call/${call.type}/${call.id}`, token(userId));
    return body.own_capabilities.includes("send-audio");
  };
  const members = [{ user_id: "bob", role: "speaker" }];
  const types = ["default", "audio_room", "livestream", "development"];
  const facts = await Promise.all(
    types.map(async (type) => {
      const call = await create("types", { members, settings_override: {} }, type);
      const { backstage, settings } = (await call.get()).call;
      const may = await Promise.all(["ann", "bob", "carl"].map((userId) => maySpeak(call, userId)));
      return [type, backstage, settings.audio.mic_default_on, ...may];
    }),
  );
  expect(facts).toEqual([
    ["default", false, true, true, true, true],
    ["audio_room", true, false, true, true, false],
    ["livestream", true, true, true, true, false],
    ["development", false, true, true, true, true],
  ]);
});

it.each([
  ["disabled", 201, 400],
  ["available", 201, 201],
  ["auto-on", 400, 201],
] as const)("with encryption %s a join without keys answers %i, one with keys %i", async (mode, without, withKeys) => {
  const call = await create(`encryption-${mode}`, { settings_override: { encryption: { mode } } });
  expect((await join(call, "bob", { e2ee: false })).status).toBe(without);
  expect((await join(call, "bob", { e2ee: true })).status).toBe(withKeys);
});

it("the control shuts users out and lets them in again", async () => {
  const call = await create("shut");
  await test.control("/calls/default/shut/block", { userId: "carl" });
  expect((await call.get()).call.blocked_user_ids).toEqual(["carl"]);
  expect((await join(call, "carl")).status).toBe(403);
  await test.control("/calls/default/shut/unblock", { userId: "carl" });
  expect((await join(call, "carl")).status).toBe(201);
});
