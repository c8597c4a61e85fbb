import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Bundle, buildBundles } from "../../infra/build/bundles.ts";
import { type AwsCloud, type FunctionDefinition, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { apiKey, apiSecret, callCreated, delivery } from "../webhook/events.ts";
import { callsTable, tableName } from "./fixture.ts";

/* The functions as they are deployed, with EventBridge and the schedule on loopback. */

const env = {
  STREAM_API_KEY: apiKey,
  STREAM_API_SECRET: apiSecret,
  STREAM_BASE_URL: "http://127.0.0.1:1",
  CALLS_TABLE: tableName,
  AGENTS_API_KEY: "agents-key",
  BRIDGE_CLUSTER: "local",
  BRIDGE_TASK_DEFINITION: "bridge",
  BRIDGE_CONTAINER: "bridge",
  BRIDGE_SUBNETS: "subnet-1",
  BRIDGE_SECURITY_GROUPS: "sg-1",
};
const names = ["webhook", "task-stopped", "sweep"] as const;

let folder: string;
let bundles: Bundle[];
let log: EventLog;
let aws: AwsCloud;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "recovery-"));
  bundles = await buildBundles(names, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  log = new EventLog();
  const definitionOf = ({ name, file }: Bundle): [string, FunctionDefinition] => [
    name,
    { bundleFile: file, env, timeoutMs: 15_000 },
  ];
  aws = await startAwsCloud({
    log,
    tables: [callsTable],
    functions: Object.fromEntries(bundles.map(definitionOf)),
    onTaskStopped: "task-stopped",
    taskDefinitions: {
      bridge: {
        container: "bridge",
        command: [process.execPath, path.join(import.meta.dirname, "task-process.ts")],
        env: { CALLS_TABLE: tableName },
        stopTimeoutSeconds: 1,
      },
    },
  });
});
afterEach(() => aws.close(0));

const deliver = async (): Promise<number> => {
  const url = new URL("webhooks/stream", aws.functionUrl("webhook"));
  return (await fetch(url, { method: "POST", ...delivery(callCreated({}, Date.now())) })).status;
};

const confirmedCount = () =>
  aws.tasks().filter(({ output }) => output.some(({ line }) => line.includes('"confirmed"'))).length;

const running = () => aws.tasks().filter(({ status }) => status === "RUNNING");

it("a task that dies is followed by one other, though its end is told twice and late", async () => {
  aws.events.faults = { duplicate: true, delayMs: 50, lost: false };
  expect(await deliver()).toBe(202);
  await expect.poll(confirmedCount, { timeout: 15_000 }).toBe(1);
  const [first] = running();
  process.kill(first?.pid ?? Number.NaN, "SIGKILL");
  await expect.poll(confirmedCount, { timeout: 15_000 }).toBe(2);
  await aws.events.settled();
  expect(running()).toHaveLength(1);
  expect(aws.tasks()).toHaveLength(2);
}, 60_000);

it("a sweep of a table where all is well starts nothing and says so", async () => {
  expect(await deliver()).toBe(202);
  await expect.poll(confirmedCount, { timeout: 15_000 }).toBe(1);
  expect(await aws.invoke("sweep")).not.toHaveProperty("functionError");
  expect(aws.tasks()).toHaveLength(1);
  const lines = log.since().map(({ data }) => String(data.line));
  expect(lines.find((line) => line.includes('"event":"sweep"'))).toContain('"liveCount":1');
}, 60_000);
