import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { apiKey, apiSecret, rawToken, startTestCloud, type TestCloud } from "./stream-support/cloud.ts";

let test: TestCloud;
let server: StreamClient;
beforeAll(async () => {
  test = await startTestCloud();
  server = test.server;
  await server.upsertUsers([{ id: "alice" }, { id: "bob" }]);
});
afterAll(() => test.cloud.close());

const nowSeconds = () => Math.floor(Date.now() / 1000);
const token = (userId: string) => server.generateUserToken({ user_id: userId });

describe("users, through Stream's server SDK", () => {
  beforeEach(() =>
    server.upsertUsers([
      { id: "lucy", name: "Lucy", image: "https://lucy.png", custom: { agent: true, shelf: { row: 1 } } },
    ]),
  );
  const lucy = async () =>
    (await server.queryUsers({ payload: { filter_conditions: { id: { $in: ["lucy"] } } } })).users[0];

  it("an upsert replaces everything that the user was", async () => {
    await server.upsertUsers([{ id: "lucy", name: "Lucia" }]);
    expect(await lucy()).toMatchObject({ name: "Lucia", role: "user" });
    expect((await lucy())?.image).toBeUndefined();
    expect((await lucy())?.custom).toEqual({});
  });

  it("a partial update changes what it names and nothing else", async () => {
    await server.updateUsersPartial({
      users: [{ id: "lucy", set: { name: "Lu", level: 3, "shelf.row": 2 }, unset: ["agent"] }],
    });
    expect(await lucy()).toMatchObject({ name: "Lu", image: "https://lucy.png" });
    expect((await lucy())?.custom).toEqual({ level: 3, shelf: { row: 2 } });
    expect((await lucy())?.created_at).toBeInstanceOf(Date);
  });

  it("a partial update of a user who does not exist is refused", async () => {
    await expect(server.updateUsersPartial({ users: [{ id: "nobody", set: {} }] })).rejects.toMatchObject({ code: 16 });
  });

  it("are found by name, custom field and combination, sorted and cut", async () => {
    const find = async (filter_conditions: object, more = {}) =>
      (await server.queryUsers({ payload: { filter_conditions, ...more } })).users.map(({ id }) => id);
    expect(await find({ agent: true })).toEqual(["lucy"]);
    expect(await find({ "custom.agent": { $exists: true } })).toEqual(["lucy"]);
    expect(await find({ $or: [{ name: "Lucy" }, { id: "bob" }] }, { sort: [{ field: "id", direction: 1 }] })).toEqual([
      "bob",
      "lucy",
    ]);
    expect(await find({ id: { $ne: "x" } }, { sort: [{ field: "id", direction: -1 }], limit: 1 })).toEqual(["lucy"]);
    expect(await find({ id: "nobody" })).toEqual([]);
  });
});

describe("calls, through Stream's server SDK", () => {
  it("are created once, read, changed and ended", async () => {
    const call = server.video.call("default", "one");
    const made = await call.getOrCreate({
      data: {
        created_by_id: "alice",
        members: [{ user_id: "bob", role: "host" }],
        custom: { topic: "tea" },
        settings_override: { audio: { mic_default_on: false, default_device: "speaker" } },
      },
    });
    expect(made.created).toBe(true);
    expect(made.call).toMatchObject({ cid: "default:one", custom: { topic: "tea" }, created_by: { id: "alice" } });
    expect(made.call.settings.audio.mic_default_on).toBe(false);
    expect(made.call.settings.audio.opus_dtx_enabled).toBe(true);
    expect(made.members).toMatchObject([{ user_id: "bob", role: "host" }]);

    const again = await call.getOrCreate({ data: { created_by_id: "bob", custom: { topic: "coffee" } } });
    expect(again.created).toBe(false);
    expect(again.call.custom).toEqual({ topic: "tea" });

    await call.update({ custom: { topic: "milk" } });
    await call.updateCallMembers({ update_members: [{ user_id: "alice" }], remove_members: ["bob"] });
    const read = await call.get();
    expect(read.call.custom).toEqual({ topic: "milk" });
    expect(read.members.map(({ user_id }) => user_id)).toEqual(["alice"]);
    expect((await call.queryMembers()).members).toHaveLength(1);

    await call.end();
    expect((await call.get()).call.ended_at).toBeInstanceOf(Date);
  });

  it("need a creator and members who exist", async () => {
    const call = server.video.call("default", "ghosts");
    await expect(call.getOrCreate()).rejects.toMatchObject({ code: 4 });
    await expect(call.getOrCreate({ data: { created_by_id: "ghost" } })).rejects.toMatchObject({ code: 4 });
    await expect(
      call.getOrCreate({ data: { created_by_id: "alice", members: [{ user_id: "ghost" }] } }),
    ).rejects.toMatchObject({ code: 4 });
    await expect(call.get()).rejects.toMatchObject({ code: 16 });
  });

  it("are found by their fields, and gone once deleted", async () => {
    for (const id of ["q1", "q2"])
      await server.video.call("default", id).create({ data: { created_by_id: "alice", custom: { q: id } } });
    const find = async (filter_conditions: object) =>
      (await server.video.queryCalls({ filter_conditions, sort: [{ field: "id", direction: 1 }] })).calls.map(
        ({ call }) => call.id,
      );
    expect(await find({ cid: { $in: ["default:q1", "default:q2"] } })).toEqual(["q1", "q2"]);
    expect(await find({ "custom.q": "q2" })).toEqual(["q2"]);
    await server.video.call("default", "q1").delete();
    expect(await find({ id: { $in: ["q1", "q2"] } })).toEqual(["q2"]);
  });
});

describe("who may do what", () => {
  const join = (id: string, as: string, body: object = { location: "auto", create: true }) =>
    test.rest("POST", `/video/call/default/${id}/join`, as, body);

  it.each([
    ["no api key", () => test.rest("GET", "/api/v2/app?api_key=other", rawToken({ server: true })), 2],
    ["no token", () => test.rest("GET", "/api/v2/app"), 5],
    ["no JWT", () => test.rest("GET", "/api/v2/app", "a.b"), 5],
    ["a foreign signature", () => test.rest("GET", "/api/v2/app", rawToken({ server: true }, "other")), 43],
    ["an expired token", () => test.rest("GET", "/api/v2/app", rawToken({ server: true, exp: nowSeconds() - 1 })), 40],
    [
      "a token of the future",
      () => test.rest("GET", "/api/v2/app", rawToken({ server: true, nbf: nowSeconds() + 60 })),
      41,
    ],
    [
      "a token issued in the future",
      () => test.rest("GET", "/api/v2/app", rawToken({ server: true, iat: nowSeconds() + 60 })),
      42,
    ],
    ["a token without a user", () => test.rest("GET", "/api/v2/app", rawToken({})), 5],
  ])("%s is refused with 401 and its own code", async (_, request, code) => {
    const { status, body } = await request();
    expect(status).toBe(401);
    expect(body).toMatchObject({ code, StatusCode: 401, message: expect.any(String) });
  });

  it("an app's settings need a server token", async () => {
    expect((await test.rest("GET", "/api/v2/app", token("alice"))).body.code).toBe(17);
  });

  it("a user changes only themselves", async () => {
    const users = { bob: { id: "bob", name: "Robbed" } };
    expect((await test.rest("POST", "/api/v2/users", token("alice"), { users })).status).toBe(403);
  });

  it("a join answers 201 with credentials, under both prefixes", async () => {
    for (const prefix of ["/video", "/api/v2/video"]) {
      const { status, body } = await test.rest("POST", `${prefix}/call/default/joined/join`, token("alice"), {
        location: "auto",
        create: true,
      });
      expect(status).toBe(201);
      expect(body).toMatchObject({
        call: { cid: "default:joined", backstage: false, session: { participants: [] } },
        own_capabilities: expect.arrayContaining(["join-call", "send-audio"]),
        credentials: { server: { edge_name: "sfu-local-1", url: expect.stringMatching(/\/twirp$/) }, ice_servers: [] },
      });
    }
    const elsewhere = await join("joined", token("alice"), { location: "AMS", migrating_from: "sfu-local-1" });
    expect(elsewhere.body.credentials.server.edge_name).toBe("sfu-local-2");
  });

  it("an unknown user, an unknown call, no location and a server token are told so", async () => {
    expect((await join("joined", token("stranger"))).body).toMatchObject({
      code: 16,
      StatusCode: 404,
      message: expect.stringContaining('"the user stranger does not exist"'),
    });
    expect((await join("nowhere", token("alice"), { location: "auto" })).body.code).toBe(16);
    expect((await join("joined", token("alice"), {})).body.code).toBe(4);
    expect((await join("joined", rawToken({ server: true }))).status).toBe(400);
  });

  it("a call token opens the call that it lists, and no other", async () => {
    const callToken = server.generateCallToken({ user_id: "alice", call_cids: ["default:joined"] });
    expect((await join("joined", callToken)).status).toBe(201);
    expect((await join("other", callToken)).body).toMatchObject({ code: 17, StatusCode: 403 });
  });

  it("who is blocked stays out until unblocked; an ended call stays shut but for hosts", async () => {
    const call = server.video.call("default", "shut");
    await call.create({ data: { created_by_id: "alice" } });
    await call.blockUser({ user_id: "bob" });
    expect((await join("shut", token("bob"))).body.code).toBe(17);
    await call.unblockUser({ user_id: "bob" });
    expect((await join("shut", token("bob"))).status).toBe(201);
    await call.end();
    expect((await join("shut", token("bob"))).body.code).toBe(17);
    expect((await join("shut", token("alice"))).status).toBe(201);
  });

  it("backstage is for hosts until the call is live, or its join-ahead time has come", async () => {
    const call = server.video.call("default", "stage");
    const startsAt = new Date(Date.now() + 60_000);
    await call.create({
      data: { created_by_id: "alice", starts_at: startsAt, settings_override: { backstage: { enabled: true } } },
    });
    expect((await join("stage", token("bob"))).body.code).toBe(17);
    expect((await join("stage", token("alice"))).status).toBe(201);
    await call.update({ settings_override: { backstage: { enabled: true, join_ahead_time_seconds: 120 } } });
    expect((await join("stage", token("bob"))).status).toBe(201);
    await call.update({ settings_override: { backstage: { enabled: true, join_ahead_time_seconds: 1 } } });
    await call.goLive();
    expect((await join("stage", token("bob"))).status).toBe(201);
  });

  it("permissions are granted and revoked per call", async () => {
    const call = server.video.call("default", "rights");
    await call.create({ data: { created_by_id: "alice" } });
    await call.updateUserPermissions({
      user_id: "bob",
      revoke_permissions: ["send-audio"],
      grant_permissions: ["mute-users"],
    });
    const { own_capabilities } = (await test.rest("GET", "/video/call/default/rights", token("bob"))).body;
    expect(own_capabilities).toContain("mute-users");
    expect(own_capabilities).not.toContain("send-audio");
    expect((await test.rest("POST", "/video/call/default/rights/mark_ended", token("bob"))).body.code).toBe(17);
  });

  it("a custom event needs a sender who exists and at most 5 KB", async () => {
    const call = server.video.call("default", "rights");
    await call.sendCallEvent({ user_id: "alice", custom: { type: "hello" } });
    await expect(call.sendCallEvent({ user_id: "ghost", custom: {} })).rejects.toMatchObject({ code: 16 });
    await expect(call.sendCallEvent({ user_id: "alice", custom: { text: "x".repeat(6_000) } })).rejects.toMatchObject({
      code: 4,
    });
    expect(test.log.since().findLast(({ type }) => type === "custom")?.data).toMatchObject({
      custom: { type: "hello" },
    });
  });
});

it("the location hint is readable from another origin", async () => {
  const response = await fetch(test.cloud.locationHintUrl, {
    method: "HEAD",
    headers: { origin: "http://page.example" },
  });
  expect(response.headers.get("x-amz-cf-pop")).toMatch(/^[A-Z]{3}/);
  expect(response.headers.get("access-control-expose-headers")).toContain("x-amz-cf-pop");
});

it("a preflight is answered with the headers that the browser SDK sends", async () => {
  const headers = "authorization,stream-auth-type,x-stream-client,x-client-request-id,content-type";
  for (const path of ["/video/call/default/x/join", "/sfu/twirp/stream.video.sfu.signal.SignalServer/SetPublisher"]) {
    const response = await fetch(test.cloud.serverBaseUrl + path, {
      method: "OPTIONS",
      headers: {
        origin: "http://page.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": headers,
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-headers")).toBe(headers);
  }
});

it("what is not there is said so and noted", async () => {
  expect((await test.rest("POST", "/video/devices", token("alice"))).status).toBe(404);
  expect(test.log.since().some(({ type }) => type === "rest.unknown")).toBe(true);
});

it("a fault set for a path hits the next requests to it, as often as asked", async () => {
  await test.control("/faults/rest", { pathEnd: "/app", status: 429, code: 9, count: 2 });
  const client = new StreamClient(apiKey, apiSecret, { basePath: test.cloud.serverBaseUrl });
  for (let n = 0; n < 2; n += 1) await expect(client.getApp()).rejects.toMatchObject({ code: 9 });
  await expect(client.getApp()).resolves.toMatchObject({ app: { name: "local cloud" } });
});
