import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { createJoiningAnnouncer } from "../../functions/dispatch/announce-joining.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";

const keys = { apiKey: "key", apiSecret: "secret" };
const call = { type: "default", id: "demo" };

let log: EventLog;
let stream: StreamCloud;
let client: StreamClient;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  log = new EventLog();
  lines = [];
  stream = await startStreamCloud({ log, ...keys });
  client = new StreamClient(keys.apiKey, keys.apiSecret, { basePath: stream.serverBaseUrl });
  await client.upsertUsers([{ id: "alice" }]);
  await client.video.call(call.type, call.id).getOrCreate({ data: { created_by_id: "alice" } });
});
afterEach(() => stream.close());

const announcer = (streamBaseUrl = stream.serverBaseUrl) =>
  createJoiningAnnouncer({
    streamApiKey: keys.apiKey,
    streamApiSecret: keys.apiSecret,
    streamBaseUrl,
    logger: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
  });

const told = () => log.since().filter(({ type }) => type === "custom");
const userOf = async (id: string) =>
  (await client.queryUsers({ payload: { filter_conditions: { id: { $eq: id } } } })).users[0];

it("tells the call, by the agent's user, which is made where there is none", async () => {
  await announcer()({ call, user: { id: "max", name: "Max", custom: { team: "a" } }, mayCreateUser: true });
  expect(told()).toMatchObject([
    { data: { cid: "default:demo", userId: "max", custom: { type: "agent.state", agent: "max", state: "joining" } } },
  ]);
  expect(await userOf("max")).toMatchObject({ name: "Max", custom: { agent: true, team: "a" } });
  expect(lines).toEqual([]);
});

it("leaves a user that exists as it is", async () => {
  await client.upsertUsers([{ id: "max", name: "Maximilian", custom: { colour: "red" } }]);
  await announcer()({ call, user: { id: "max", name: "Max" }, mayCreateUser: true });
  expect(told()).toHaveLength(1);
  const { name, custom } = (await userOf("max")) ?? {};
  expect({ name, custom }).toEqual({ name: "Maximilian", custom: { colour: "red" } });
});

it("makes no user for an agent that was there before, nor for a call that does not exist", async () => {
  await announcer()({ call, user: { id: "max" }, mayCreateUser: false });
  expect(await userOf("max")).toBeUndefined();
  await client.upsertUsers([{ id: "eva", custom: { colour: "red" } }]);
  await announcer()({ call: { type: "default", id: "none" }, user: { id: "eva" }, mayCreateUser: true });
  expect((await userOf("eva"))?.custom).toEqual({ colour: "red" });
  expect(told()).toEqual([]);
  expect(lines.map(({ event }) => event)).toEqual(["joining_not_announced", "joining_not_announced"]);
});

it("gives up after half a second without a word to whoever launches", async () => {
  const { createServer } = await import("node:http");
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  const port = typeof address === "object" ? address?.port : 0;
  const startMs = performance.now();
  await announcer(`http://127.0.0.1:${port}`)({ call, user: { id: "max" }, mayCreateUser: true });
  expect(performance.now() - startMs).toBeLessThan(2_000);
  expect(lines).toMatchObject([{ event: "joining_not_announced", callCid: "default:demo" }]);
  silent.closeAllConnections();
  silent.close();
});
