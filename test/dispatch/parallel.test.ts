import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { StreamEvent } from "../../functions/envelope.ts";
import { buildBundles } from "../../infra/build/bundles.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { apiKey, apiSecret, callCreated, delivery, participantJoined, sessionStarted } from "../webhook/events.ts";
import { callsTable, tableName } from "./fixture.ts";

/** Deliveries and POSTs that are on their way at the same time, each in a process of its own as far as there are some. */
const requestCount = 50;
const functionProcesses = 10;

const agentsKey = "agents-key";
const environment = {
  STREAM_API_KEY: apiKey,
  STREAM_API_SECRET: apiSecret,
  // Nobody answers there: that people in the call are told is beside the point here.
  STREAM_BASE_URL: "http://127.0.0.1:1",
  CALLS_TABLE: tableName,
  AGENTS_API_KEY: agentsKey,
  BRIDGE_CLUSTER: "local",
  BRIDGE_TASK_DEFINITION: "bridge",
  BRIDGE_CONTAINER: "bridge",
  BRIDGE_SUBNETS: "subnet-1",
  BRIDGE_SECURITY_GROUPS: "sg-1",
};

let folder: string;
let webhookFile: string;
let aws: AwsCloud;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "parallel-"));
  const bundles = await buildBundles(["webhook"], folder);
  webhookFile = bundles.find(({ name }) => name === "webhook")?.file ?? "";
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  const task = path.join(import.meta.dirname, "task-process.ts");
  aws = await startAwsCloud({
    log: new EventLog(),
    tables: [callsTable],
    functions: { webhook: { bundleFile: webhookFile, env: environment, timeoutMs: 15_000 } },
    taskDefinitions: {
      bridge: {
        container: "bridge",
        command: [process.execPath, task],
        env: { CALLS_TABLE: tableName },
        stopTimeoutSeconds: 1,
      },
    },
    maxEnvironments: functionProcesses,
  });
});
afterEach(() => aws.close(0));

const send = async (url: string, init: RequestInit): Promise<number> => {
  const response = await fetch(new URL(url, aws.functionUrl("webhook")), { method: "POST", ...init });
  await response.arrayBuffer();
  return response.status;
};

const deliver = (event: StreamEvent) => send("webhooks/stream", delivery(event));

const post = (callId: string, user: string) =>
  send(`calls/default/${callId}/agents`, {
    headers: { authorization: `Bearer ${agentsKey}`, "content-type": "application/json" },
    body: JSON.stringify({ user: { id: user }, session: { instructions: `You are ${user}.` } }),
  });

/** As Stream and applications do: once more after a 5xx, or a 429 of Lambda. */
const untilAnswered = async (request: () => Promise<number>): Promise<number> => {
  for (let tryCount = 1; tryCount < 5; tryCount += 1) {
    const status = await request();
    if (status < 429) return status;
  }
  return request();
};

const confirmed = () =>
  aws
    .tasks()
    .flatMap(({ output }) => output.map(({ line }) => JSON.parse(line) as Record<string, string>))
    .filter(({ event }) => event === "confirmed");

it(`${requestCount} webhooks and POSTs at once in ${functionProcesses} processes put each agent into each call once`, async () => {
  const nowMs = Date.now();
  const calls = ["one", "two"];
  const of = (id: string, event: StreamEvent): StreamEvent => ({
    ...event,
    call_cid: `default:${id}`,
    ...("call" in event ? { call: { ...(event.call as object), id, cid: `default:${id}` } } : {}),
  });
  const kinds = calls.flatMap((id) => [
    () => deliver(of(id, callCreated({}, nowMs))),
    () => deliver(of(id, sessionStarted({}, nowMs + 1))),
    () => deliver(of(id, participantJoined("alice", {}, nowMs + 2))),
    () => post(id, "max"),
    () => post(id, "lucy"),
  ]);
  const requests = Array.from({ length: requestCount }, (_, index) => kinds[index % kinds.length] ?? (async () => 0));
  const statuses = await Promise.all(requests.map(untilAnswered));
  expect(statuses.filter((status) => status !== 200 && status !== 202)).toEqual([]);

  const pairs = calls.flatMap((id) => [`default:${id} lucy`, `default:${id} max`]);
  await expect.poll(() => confirmed().length, { timeout: 20_000 }).toBe(pairs.length);
  expect(aws.tasks()).toHaveLength(pairs.length);
  expect(
    confirmed()
      .map(({ cid, agentUserId }) => `${cid} ${agentUserId}`)
      .toSorted(),
  ).toEqual(pairs);
}, 60_000);

it("ends of the call among them leave nobody in it", async () => {
  const nowMs = Date.now();
  const ended: StreamEvent = { ...callCreated({}, nowMs + 5), type: "call.ended" };
  const kinds = [
    () => deliver(callCreated({}, nowMs)),
    () => deliver(sessionStarted({}, nowMs + 1)),
    () => deliver(participantJoined("alice", {}, nowMs + 2)),
    () => deliver(ended),
  ];
  const requests = Array.from({ length: 20 }, (_, index) => kinds[index % kinds.length] ?? (async () => 0));
  await Promise.all(requests.map(untilAnswered));
  await expect.poll(() => aws.tasks().filter(({ status }) => status !== "STOPPED"), { timeout: 20_000 }).toEqual([]);
  // Who was in was told to go; nobody confirmed after that.
  const events = aws.tasks().flatMap(({ output }) => output.map(({ line }) => JSON.parse(line).event));
  expect(events.filter((event) => event === "left")).toHaveLength(confirmed().length);
}, 60_000);
