import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { jobVariable } from "../../bridge-task/job.ts";
import { callsTableSchema } from "../../functions/dispatch/calls-table.ts";
import type { StreamEvent } from "../../functions/envelope.ts";
import { buildBundles } from "../../infra/build/bundles.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { apiKey, apiSecret, callCreated, delivery, sessionStarted, user } from "../webhook/events.ts";

/** A task that tells its job and stays in the call until it is told to leave. */
const printJob = `
  process.on("SIGTERM", () => process.exit(0));
  console.log(process.env.${jobVariable});
  setInterval(() => {}, 1000);
`;

let folder: string;
let bundleFile: string;
let log: EventLog;
let aws: AwsCloud;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "webhook-"));
  const [bundle] = await buildBundles(["webhook"], folder);
  bundleFile = bundle?.file ?? "";
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  log = new EventLog();
  aws = await startAwsCloud({
    log,
    tables: [{ ...callsTableSchema, TableName: "calls" }],
    functions: {
      webhook: {
        bundleFile,
        timeoutMs: 10_000,
        env: {
          STREAM_API_KEY: apiKey,
          STREAM_API_SECRET: apiSecret,
          // No port that fetch would try: that the agent comes is announced to nobody.
          STREAM_BASE_URL: "http://127.0.0.1:9",
          CALLS_TABLE: "calls",
          AGENTS_API_KEY: "agents-key",
          BRIDGE_CLUSTER: "local",
          BRIDGE_TASK_DEFINITION: "bridge",
          BRIDGE_CONTAINER: "bridge",
          BRIDGE_SUBNETS: "subnet-1,subnet-2",
          BRIDGE_SECURITY_GROUPS: "sg-1",
        },
      },
    },
    taskDefinitions: {
      bridge: { container: "bridge", command: [process.execPath, "-e", printJob], env: {}, stopTimeoutSeconds: 5 },
    },
  });
});

afterEach(() => aws.close());

const deliver = async (event: StreamEvent, options: Parameters<typeof delivery>[1] = {}): Promise<number> => {
  const url = new URL("webhooks/stream", aws.functionUrl("webhook"));
  const response = await fetch(url, { method: "POST", ...delivery(event, options) });
  await response.arrayBuffer();
  return response.status;
};

const jobPrinted = () => log.waitFor(({ type }) => type === "task.output", 10_000, "the job");

/** The lines that the function wrote about its requests. */
const requestLines = (): Record<string, unknown>[] =>
  log
    .since()
    .flatMap(({ type, data }) => (type === "lambda.output" ? JSON.parse(String(data.line)) : []))
    .filter(({ event }) => event === "webhook");

describe("a signed event through the Function URL", () => {
  it.each([false, true])("starts a task that gets its job (gzip: %s)", async (gzip) => {
    expect(await deliver(callCreated({}, Date.now()), { gzip })).toBe(202);
    const { data } = await jobPrinted();
    const job = { version: 2, call: { type: "default", id: "demo" }, agentUserId: "lucy" };
    expect(JSON.parse(String(data.line))).toEqual({ ...job, launchId: expect.any(String) });
    expect(aws.tasks()).toMatchObject([{ status: "RUNNING", startedBy: "default/demo" }]);
    expect(await (await aws.control.request("/functions")).json()).toEqual([
      { name: "webhook", url: aws.functionUrl("webhook"), environments: 1 },
    ]);
    expect(requestLines()).toMatchObject([
      { outcome: "launched", callCid: "default:demo", webhookId: "w-1", attempt: "1" },
    ]);
  });

  it("starts one task for duplicates, with the same and with other webhook ids, at once and later", async () => {
    const event = callCreated({}, Date.now());
    const ids = ["w-1", "w-1", "w-2", "w-1", "w-3", "w-2"];
    const statuses = await Promise.all(ids.map((webhookId) => deliver(event, { webhookId })));
    await jobPrinted();
    statuses.push(await deliver(event, { webhookId: "w-1", attempt: 3 }), await deliver(event, { webhookId: "w-9" }));
    expect(statuses.toSorted()).toEqual([...statuses.slice(1).map(() => 200), 202]);
    expect(aws.tasks()).toHaveLength(1);
  });

  it("starts one task for the creation of a call and its session, whichever comes first", async () => {
    const nowMs = Date.now();
    expect(await deliver(sessionStarted({}, nowMs + 5))).toBe(202);
    expect(await deliver(callCreated({}, nowMs))).toBe(200);
    expect(await deliver(sessionStarted({ participants: [user("lucy", { agent: true })] }, nowMs + 5))).toBe(200);
    expect(aws.tasks()).toHaveLength(1);
  });

  it("starts nothing without the right signature", async () => {
    expect(await deliver(callCreated({}, Date.now()), { secret: "wrong" })).toBe(401);
    expect(aws.tasks()).toEqual([]);
    expect(log.since().map(({ type }) => type)).not.toContain("task.pending");
  });
});

describe("when ECS", () => {
  const plan: AwsCloud["planFault"] = (fault) => aws.planFault(fault);

  it("throttles once, the SDK tries again within the request", async () => {
    plan({ action: "RunTask", kind: "throttle" });
    expect(await deliver(callCreated({}, Date.now()))).toBe(202);
    expect(aws.tasks()).toHaveLength(1);
  });

  it("goes on throttling, or refuses, it is 503, and the next delivery launches", async () => {
    const event = callCreated({}, Date.now());
    plan({ action: "RunTask", kind: "throttle", times: 2 });
    plan({ action: "RunTask", kind: "failures", reason: "RESOURCE:CPU" });
    expect([await deliver(event), await deliver(event), await deliver(event)]).toEqual([503, 503, 202]);
    expect(aws.tasks()).toHaveLength(1);
    expect(requestLines().map(({ level }) => level)).toEqual(["error", "error", "info"]);
    expect(JSON.stringify(requestLines())).toContain("RESOURCE:CPU");
  });

  it("loses its answer, one task is started all the same", async () => {
    plan({ action: "RunTask", kind: "lose_answer" });
    expect(await deliver(callCreated({}, Date.now()))).toBe(202);
    expect(aws.tasks()).toHaveLength(1);
  });

  it("knows the token with other parameters, because a deploy came between, the task counts as launched", async () => {
    const resourceIds = ["arn:aws:ecs:us-east-1:123456789012:task/local/earlier"];
    plan({ action: "RunTask", kind: "error", code: "ConflictException", members: { resourceIds } });
    expect(await deliver(callCreated({}, Date.now()))).toBe(202);
    expect(requestLines()).toMatchObject([{ outcome: "launched", taskArn: resourceIds[0] }]);
  });

  it("does not answer, it is 503 within Stream's 6 s", async () => {
    plan({ action: "RunTask", kind: "delay", delayMs: 20_000, times: 2 });
    const startMs = performance.now();
    expect(await deliver(callCreated({}, Date.now()))).toBe(503);
    expect(performance.now() - startMs).toBeLessThan(6_000);
  });
});

it("a missing variable is named where the operator looks", async () => {
  const other = await startAwsCloud({
    log,
    functions: { webhook: { bundleFile, timeoutMs: 5_000, env: { STREAM_API_KEY: "k" } } },
    taskDefinitions: {},
  });
  expect((await fetch(other.functionUrl("webhook"), { method: "POST" })).status).toBe(502);
  await other.close();
  const [{ data } = { data: {} }] = log.since().filter(({ type }) => type === "lambda.invoked");
  expect(data).toMatchObject({ functionError: "Unhandled", payload: expect.stringContaining("BRIDGE_CLUSTER") });
});
