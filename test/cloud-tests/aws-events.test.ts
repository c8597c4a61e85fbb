import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DescribeTasksCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";

let folder: string;
let log: EventLog;
let aws: AwsCloud;

/** A function that prints what it is invoked with. */
const printer = `export const handler = async (event) => { console.log(JSON.stringify(event)); };`;

const start = async (schedule?: { functionName: string; everyMs: number }): Promise<void> => {
  folder = await mkdtemp(path.join(os.tmpdir(), "aws-events-"));
  const bundleFile = path.join(folder, "bundle.mjs");
  await writeFile(bundleFile, printer);
  log = new EventLog();
  aws = await startAwsCloud({
    log,
    functions: { told: { bundleFile, env: {}, timeoutMs: 5_000 } },
    taskDefinitions: {
      bridge: { container: "bridge", command: [process.execPath, "-e", ""], env: {}, stopTimeoutSeconds: 1 },
    },
    onTaskStopped: "told",
    ...(schedule ? { schedule } : {}),
  });
};

beforeEach(() => start());

afterEach(async () => {
  await aws.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the function was invoked with, in order. */
const told = (): Record<string, unknown>[] =>
  log
    .since()
    .filter(({ type, data }) => type === "lambda.output" && data.stream === "stdout")
    .map(({ data }) => JSON.parse(String(data.line)));

const runTask = async () => {
  const ecs = new ECSClient({
    endpoint: aws.endpointUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
  });
  const { tasks } = await ecs.send(
    new RunTaskCommand({
      cluster: "local",
      taskDefinition: "bridge",
      startedBy: "default/1",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
      overrides: { containerOverrides: [{ name: "bridge", environment: [{ name: "AGENT_JOB", value: "{}" }] }] },
    }),
  );
  const taskArn = tasks?.[0]?.taskArn ?? "";
  await log.waitFor(({ type, data }) => type === "task.stopped" && data.taskArn === taskArn, 5_000, "the task's end");
  const described = await ecs.send(new DescribeTasksCommand({ cluster: "local", tasks: [taskArn] }));
  ecs.destroy();
  return { taskArn, described: described.tasks?.[0] };
};

const invoked = ({ type }: { type: string }) => type === "lambda.invoked";

test("a task that stopped is told to its function as ECS describes it, with what it was started with", async () => {
  const { taskArn, described } = await runTask();
  await log.waitFor(invoked, 5_000, "the event");
  await aws.events.settled();
  await expect.poll(told).toHaveLength(1);
  expect(told()[0]).toMatchObject({
    source: "aws.ecs",
    "detail-type": "ECS Task State Change",
    resources: [taskArn],
    detail: {
      taskArn,
      clusterArn: described?.clusterArn,
      lastStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      startedBy: "default/1",
      stoppedAt: described?.stoppedAt?.toISOString(),
      overrides: { containerOverrides: [{ name: "bridge", environment: [{ name: "AGENT_JOB", value: "{}" }] }] },
    },
  });
});

test.each([
  ["twice", { duplicate: true, delayMs: 0, lost: false }, 2],
  ["late", { duplicate: false, delayMs: 50, lost: false }, 1],
  ["never", { duplicate: false, delayMs: 0, lost: true }, 0],
])("where it is told to, the event comes %s", async (_, faults, count) => {
  aws.events.faults = faults;
  await runTask();
  // What a function prints comes by a pipe of its own, and may be behind its answer.
  await expect.poll(told).toHaveLength(count);
  await aws.events.settled();
  expect(told()).toHaveLength(count);
});

test("a schedule invokes its function at its rate until the cloud closes", async () => {
  await aws.close();
  await rm(folder, { recursive: true, force: true });
  await start({ functionName: "told", everyMs: 100 });
  const seconds = () => log.since().filter(invoked).length >= 2;
  await log.waitFor(seconds, 5_000, "two invocations");
});
