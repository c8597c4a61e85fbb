import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { type Answer, apiKey, rawToken, startTestCloud, type TestCloud } from "./stream-support/cloud.ts";

let test: TestCloud;
beforeAll(async () => {
  test = await startTestCloud();
});
afterAll(() => test.cloud.close());

/** A coordinator socket and the messages that it has got. */
const connect = async (token: string, details?: object, query = `api_key=${apiKey}`, path = "/video/connect") => {
  const socket = new WebSocket(
    `${test.cloud.serverBaseUrl.replace("http", "ws")}${path}?${query}&stream-auth-type=jwt`,
  );
  const messages: Answer[] = [];
  const waiting = new Set<() => void>();
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)));
    for (const look of waiting) look();
  });
  await once(socket, "open");
  socket.send(JSON.stringify({ token, products: ["video"], ...(details ? { user_details: details } : {}) }));
  const next = (type: string): Promise<Answer> => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const look = () => {
      const at = messages.findIndex((message) => message.type === type);
      if (at < 0) return;
      waiting.delete(look);
      resolve(messages.splice(at, 1)[0]);
    };
    waiting.add(look);
    look();
    return withDeadline(promise, 3_000, `the message ${type}`);
  };
  return { socket, messages, next };
};

it("opening the socket creates the user, and changes of an existing one only what is stated", async () => {
  const first = await connect(rawToken({ user_id: "dora" }), { id: "dora", name: "Dora", custom: { hat: "red" } });
  expect((await first.next("connection.ok")).me).toMatchObject({ id: "dora", name: "Dora", devices: [] });
  const second = await connect(
    rawToken({ user_id: "dora" }),
    { id: "dora", image: "https://d.png" },
    `api_key=${apiKey}`,
    "/api/v2/connect",
  );
  expect((await second.next("connection.ok")).me).toMatchObject({
    name: "Dora",
    image: "https://d.png",
    custom: { hat: "red" },
  });
  const joined = await test.rest("POST", "/video/call/default/x/join", rawToken({ user_id: "dora" }), {
    location: "auto",
    create: true,
  });
  expect(joined.status).toBe(201);
  first.socket.close();
  second.socket.close();
});

it.each([
  ["a bad signature", () => connect(rawToken({ user_id: "eve" }, "other")), 43],
  ["an expired token", () => connect(rawToken({ user_id: "eve", exp: 1 })), 40],
  ["a server token", () => connect(rawToken({ server: true })), 5],
  ["somebody else's details", () => connect(rawToken({ user_id: "eve" }), { id: "adam" }), 5],
  ["a foreign api key", () => connect(rawToken({ user_id: "eve" }), { id: "eve" }, "api_key=other"), 2],
])("%s ends in connection.error and a close that is not 1000", async (_, open, code) => {
  const { socket, next } = await open();
  expect((await next("connection.error")).error).toMatchObject({ code, StatusCode: 401 });
  const [closeCode] = await once(socket, "close");
  expect(closeCode).not.toBe(1000);
});

it("health checks are answered in both forms, unless told not to", async () => {
  const { socket, next, messages } = await connect(rawToken({ user_id: "dora" }));
  const { connection_id } = await next("connection.ok");
  socket.send(JSON.stringify([{ type: "health.check", client_id: "dora--1" }]));
  expect(await next("health.check")).toMatchObject({ connection_id, custom: {} });
  socket.send(JSON.stringify({ type: "health.check", cid: "*" }));
  await next("health.check");
  await test.control("/faults/health-checks", { coordinator: false });
  socket.send(JSON.stringify({ type: "health.check", cid: "*" }));
  await test.rest("GET", `/video/call/default/x?connection_id=${connection_id}`, rawToken({ user_id: "dora" }));
  expect(messages).toEqual([]);
  await test.control("/faults/health-checks", {});
  socket.close();
});

it("a connection hears of a call once a request with its id has touched it", async () => {
  const token = rawToken({ user_id: "dora" });
  const { socket, next, messages } = await connect(token);
  const { connection_id } = await next("connection.ok");
  const send = (id: string) => test.rest("POST", `/video/call/default/${id}/event`, token, { custom: { in: id } });
  await test.rest("POST", "/video/call/default/watched", token, {});
  await test.rest("POST", "/video/call/default/ignored", token, {});
  await send("watched");
  expect(messages).toEqual([]);
  await test.rest("GET", `/video/call/default/watched?connection_id=${connection_id}`, token);
  await send("ignored");
  await send("watched");
  expect(await next("custom")).toMatchObject({
    call_cid: "default:watched",
    custom: { in: "watched" },
    user: { id: "dora" },
  });
  const filter_conditions = { cid: { $in: ["default:ignored"] } };
  await test.rest("POST", `/video/calls?connection_id=${connection_id}`, token, { watch: true, filter_conditions });
  await send("ignored");
  expect(await next("custom")).toMatchObject({ custom: { in: "ignored" } });
  socket.close();
});

it("a connection id that is not open is refused", async () => {
  const answer = await test.rest("GET", "/video/call/default/x?connection_id=gone", rawToken({ user_id: "dora" }));
  expect(answer.body.code).toBe(46);
});

it("members hear of their calls without watching them: created, rung, answered", async () => {
  const { socket, next } = await connect(rawToken({ user_id: "dora" }));
  await next("connection.ok");
  await test.server.upsertUsers([{ id: "boss" }]);
  const call = test.server.video.call("default", "ring");
  await call.create({ data: { created_by_id: "boss", members: [{ user_id: "dora" }] }, ring: true });
  expect(await next("call.created")).toMatchObject({ call: { cid: "default:ring" }, members: [{ user_id: "dora" }] });
  expect(await next("call.ring")).toMatchObject({ user: { id: "boss" } });
  const token = rawToken({ user_id: "dora" });
  await test.rest("POST", "/video/call/default/ring/reject", token, { reason: "busy" });
  expect(await next("call.rejected")).toMatchObject({ reason: "busy", user: { id: "dora" } });
  await test.rest("POST", "/video/call/default/ring/accept", token);
  expect((await next("call.accepted")).call.session.accepted_by).toHaveProperty("dora");
  socket.close();
});

it("faults: connections are refused, get an error, are cut, and events come late or never, until all is well again", async () => {
  const token = rawToken({ user_id: "dora" });
  const query = `api_key=${apiKey}`;
  await test.control("/faults/coordinator", { refuses: true });
  await expect(connect(token)).rejects.toThrow();
  await test.control("/faults/coordinator", { error: { code: 40 } });
  const refused = await connect(token);
  expect((await refused.next("connection.error")).error).toMatchObject({ code: 40, StatusCode: 401 });
  const { socket, next, messages } = await connect(token, undefined, query, "/api/v2/connect");
  const { connection_id } = await next("connection.ok");
  await test.rest("POST", `/video/call/default/faulty?connection_id=${connection_id}`, token, {});
  const send = (n: number) => test.rest("POST", "/video/call/default/faulty/event", token, { custom: { n } });

  const faults = { delayMs: 150, withheld: ["call.updated"] };
  expect(await test.control("/faults/coordinator", faults)).toMatchObject({ ...faults, refuses: false, error: null });
  await send(1);
  await send(2);
  await test.rest("PATCH", "/video/call/default/faulty", token, { custom: { x: 1 } });
  expect(messages).toEqual([]);
  expect((await next("custom")).custom).toEqual({ n: 1 });
  expect((await next("custom")).custom).toEqual({ n: 2 });
  await test.control("/faults/coordinator", {});
  await send(3);
  expect((await next("custom")).custom).toEqual({ n: 3 });
  expect(messages).toEqual([]);

  const closed = once(socket, "close");
  expect(await test.control("/faults/close-coordinator-socket", { userId: "dora", error: 5, code: 4001 })).toEqual({
    count: 1,
  });
  expect((await next("connection.error")).error.code).toBe(5);
  expect((await closed)[0]).toBe(4001);
});

it("reactions and requests for permissions are told to those who watch", async () => {
  const token = rawToken({ user_id: "dora" });
  const { socket, next } = await connect(token);
  const { connection_id } = await next("connection.ok");
  const path = "/video/call/default/lively";
  await test.rest("POST", `${path}?connection_id=${connection_id}`, token, {});
  const reaction = { type: "like", emoji_code: ":+1:", custom: { big: true } };
  expect((await test.rest("POST", `${path}/reaction`, token, reaction)).body.reaction).toMatchObject(reaction);
  expect(await next("call.reaction_new")).toMatchObject({ reaction: { ...reaction, user: { id: "dora" } } });
  expect((await test.rest("POST", `${path}/reaction`, token, {})).status).toBe(400);
  await test.rest("POST", `${path}/request_permission`, token, { permissions: ["send-video"] });
  expect(await next("call.permission_request")).toMatchObject({ user: { id: "dora" }, permissions: ["send-video"] });
  socket.close();
});
