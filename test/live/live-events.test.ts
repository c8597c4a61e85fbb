import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CoordinatorError } from "../../bridge-task/stream/errors.ts";
import { eventTypes } from "../../functions/dispatch/decide.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";
import type { StreamEvent } from "./call-facts.ts";
import { LiveEvents, type WatchNews } from "./live-events.ts";
import { StreamApi } from "./stream-api.ts";
import { ensureWatcher, watcherId } from "./watcher-user.ts";

const keys = { apiKey: "key", apiSecret: "secret" };
const waitMs = 10_000;

let log: EventLog;
let stream: StreamCloud;
let client: StreamClient;
let api: StreamApi;
let events: StreamEvent[];
let news: WatchNews[];
let live: LiveEvents | undefined;
const changed = new Set<() => void>();

beforeEach(async () => {
  log = new EventLog();
  stream = await startStreamCloud({ log, ...keys });
  client = new StreamClient(keys.apiKey, keys.apiSecret, { basePath: stream.serverBaseUrl });
  api = new StreamApi({ ...keys, baseUrl: stream.serverBaseUrl });
  await client.upsertUsers([{ id: "app" }, { id: "ann" }]);
  [events, news] = [[], []];
});
afterEach(async () => {
  await live?.close();
  live = undefined;
  await stream.close();
  changed.clear();
});

const tell = () => {
  for (const check of [...changed]) check();
};

/** Resolves once `check` has something. */
const until = <T>(check: () => T | undefined, what: string): Promise<T> => {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new Error(`${what}: not within ${waitMs} ms`)), waitMs);
  const look = () => {
    const found = check();
    if (found !== undefined) resolve(found);
  };
  changed.add(look);
  look();
  return promise.finally(() => {
    clearTimeout(timer);
    changed.delete(look);
  });
};

const heard = (type: string, id: string) =>
  until(() => events.find((event) => event.type === type && event.call_cid === `default:${id}`), `${type} of ${id}`);
const told = (kind: WatchNews["kind"], count = 1) =>
  until(() => news.filter((one) => one.kind === kind)[count - 1], `${kind}, ${count} times`);

const watch = async (sinceMs = Date.now()): Promise<void> => {
  await ensureWatcher(api);
  live = new LiveEvents({
    api,
    userId: watcherId,
    sinceMs,
    eventTypes,
    usualPauseMs: 20,
    onEvent: (event) => {
      events.push(event);
      tell();
    },
    onNews: (one) => {
      news.push(one);
      tell();
    },
  });
  await told("connected");
};

const create = (id: string, custom: Record<string, unknown> = {}) =>
  client.video.call("default", id).getOrCreate({ data: { created_by_id: "app", custom } });
const enter = (id: string, device: string) =>
  stream.coordinator.sessions.joined(stream.coordinator.calls.require(`default:${id}`), "ann", device);
const typesOf = (id: string) => events.filter(({ call_cid }) => call_cid === `default:${id}`).map(({ type }) => type);
/** Once the socket carries the call's events, nothing of it need be looked up any more. */
const carried = (id: string) =>
  vi.waitFor(
    () => {
      const connections = stream.coordinator.hub.connections();
      expect(connections.some(({ watching }) => watching.has(`default:${id}`))).toBe(true);
    },
    { timeout: waitMs, interval: 5 },
  );

test("a new call becomes known, and then its events come over the socket as they are", async () => {
  await watch();
  await create("1", { agent: "lucy" });
  expect(await heard("call.created", "1")).toMatchObject({
    call: { type: "default", id: "1", custom: { agent: "lucy" }, created_by: { id: "app" } },
  });
  await carried("1");
  enter("1", "phone");
  expect(await heard("call.session_participant_joined", "1")).toMatchObject({ participant: { user: { id: "ann" } } });
  await client.video.call("default", "1").end();
  await heard("call.session_ended", "1");
  expect(typesOf("1")).toEqual([
    "call.created",
    "call.session_started",
    "call.session_participant_joined",
    "call.ended",
    "call.session_ended",
  ]);
});

test("a call that was there before is told nothing of but what is new", async () => {
  await create("old");
  enter("old", "phone");
  await watch(Date.now() + 1);
  await carried("old");
  enter("old", "laptop");
  await heard("call.session_participant_joined", "old");
  expect(events).toMatchObject([
    { type: "call.session_participant_joined", participant: { user_session_id: "laptop" } },
  ]);
});

test("the watcher is no person, is in no call, and keeps what it has", async () => {
  await client.upsertUsers([{ id: watcherId, name: "Renamed", custom: { team: "x" } }]);
  await watch();
  expect(stream.coordinator.users.get(watcherId)).toMatchObject({
    name: "Renamed",
    custom: { team: "x", agent: true },
  });
  await create("1");
  await heard("call.created", "1");
  const { session, members } = stream.coordinator.calls.require("default:1");
  expect([session, members.size]).toEqual([undefined, 0]);
});

test("after a lost connection the calls are watched again, and what was missed is told by its outcome", async () => {
  await watch();
  await create("1");
  await create("2");
  await Promise.all([carried("1"), carried("2")]);
  stream.coordinator.socketFaults.refuses = true;
  for (const connection of stream.coordinator.hub.connections()) connection.end();
  await told("disconnected");
  await client.video.call("default", "1").end();
  enter("2", "phone");
  await create("3");
  await Promise.all([heard("call.created", "3"), heard("call.ended", "1"), heard("call.session_started", "2")]);
  stream.coordinator.socketFaults.refuses = false;
  await told("connected", 2);
  await Promise.all([carried("2"), carried("3")]);
  enter("3", "phone");
  await heard("call.session_participant_joined", "3");
  expect(typesOf("1")).toEqual(["call.created", "call.ended"]);
  expect(typesOf("2")).toEqual(["call.created", "call.session_started", "call.session_participant_joined"]);
  expect(typesOf("3")).toEqual(["call.created", "call.session_started", "call.session_participant_joined"]);
});

test("a search that fails is tried again and told once", async () => {
  await watch();
  stream.coordinator.restFaults.push({ pathEnd: "/calls", status: 500, code: -1, count: 1 });
  await create("1");
  await told("search_failed");
  await heard("call.created", "1");
  await told("search_works_again");
  expect(news.filter(({ kind }) => kind === "search_failed")).toHaveLength(1);
});

test("a call whose events the socket does not carry is told of by looking", async () => {
  await watch();
  // Stream leaves a call out of the answer that this user may not read.
  const request = api.request.bind(api);
  vi.spyOn(api, "request").mockImplementation((asked) =>
    request(asked.asUser === undefined ? asked : { ...asked, body: { filter_conditions: { id: "none" } } }),
  );
  await create("1");
  await heard("call.created", "1");
  enter("1", "phone");
  await heard("call.session_participant_joined", "1");
  expect(await told("not_watched")).toEqual({ kind: "not_watched", cid: "default:1" });
  expect(typesOf("1")).toEqual(["call.created", "call.session_started", "call.session_participant_joined"]);
});

test("a watching that Stream refuses keeps no other call from being found", async () => {
  await watch();
  const request = api.request.bind(api);
  vi.spyOn(api, "request").mockImplementation((asked) =>
    asked.asUser === undefined ? request(asked) : Promise.reject(new CoordinatorError("not allowed", { status: 403 })),
  );
  await create("1");
  expect(await told("not_watched")).toEqual({ kind: "not_watched", cid: "default:1", error: "not allowed" });
  await create("2");
  await heard("call.created", "2");
  await told("not_watched", 2);
  expect(news.filter(({ kind }) => kind === "search_failed")).toEqual([]);
});

test("closing leaves no connection and asks nothing more", async () => {
  await watch();
  await live?.close();
  await log.waitFor(({ type }) => type === "coordinator.closed", waitMs, "the end of the connection");
  expect(stream.coordinator.hub.connections()).toEqual([]);
});
