import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { type StopTasksOptions, stoppingClientConfig, stopTasks } from "../../functions/registration/stop-tasks.ts";
import { type AwsCloud, region, startAwsCloud, type TaskDefinition } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";

const staying = (onTerm: string): TaskDefinition => ({
  container: "bridge",
  command: [
    process.execPath,
    "-e",
    `process.on("SIGTERM", () => { ${onTerm} }); console.log("up"); setInterval(() => {}, 1000);`,
  ],
  env: {},
  stopTimeoutSeconds: 60,
});

let aws: AwsCloud;
let ecs: ECSClient;
let lines: string[];
/** Resolves when so many tasks run, and have said so. */
let up: (count: number) => Promise<void>;

beforeEach(async () => {
  lines = [];
  let count = 0;
  let onUp = () => {};
  up = (wanted) =>
    new Promise((resolve) => {
      onUp = () => {
        if (count >= wanted) resolve();
      };
      onUp();
    });
  aws = await startAwsCloud({
    log: new EventLog(),
    taskDefinitions: {
      polite: staying(`console.log("bye"); process.exit(0)`),
      // Until the test ends it.
      deaf: staying(""),
    },
    onOutput: (line) => {
      if (line === "up") count++;
      onUp();
    },
  });
  const credentials = { accessKeyId: "x", secretAccessKey: "y" };
  ecs = new ECSClient({ ...stoppingClientConfig, maxAttempts: 2, endpoint: aws.endpointUrl, region, credentials });
});
afterEach(async () => {
  ecs.destroy();
  await aws.close(0);
});

const start = async (taskDefinition: string, count: number, cluster = "local"): Promise<void> => {
  const networkConfiguration = { awsvpcConfiguration: { subnets: ["subnet-1"] } };
  const launchType = "FARGATE";
  await ecs.send(new RunTaskCommand({ cluster, taskDefinition, count, launchType, networkConfiguration }));
};

const stop = (overrides: Partial<StopTasksOptions> = {}) =>
  stopTasks({
    ecs,
    cluster: "local",
    reason: "Stage dev is being removed",
    logger: createLogger({ write: (line) => lines.push(line) }),
    signal: AbortSignal.timeout(10_000),
    pauseMs: 5,
    ...overrides,
  });

const alive = () => aws.tasks().filter(({ status }) => status !== "STOPPED");

it("stops every task of the cluster, on however many pages they stand, and waits until the last has gone", async () => {
  aws.putCluster("another");
  await start("polite", 5);
  await start("polite", 1, "another");
  await up(6);
  expect(await stop({ pageSize: 2 })).toEqual({ stopped: 5 });
  expect(alive()).toMatchObject([{ taskArn: expect.stringContaining(":task/another/") }]);
  const stopped = aws.tasks().filter(({ status }) => status === "STOPPED");
  expect(stopped).toHaveLength(5);
  for (const task of stopped) {
    expect(task).toMatchObject({
      stopCode: "UserInitiated",
      stoppedReason: "Stage dev is being removed",
      exitCode: 0,
    });
  }
  expect(lines).toEqual([]);
});

it("waits for a task that somebody else has stopped, and that has not gone yet, behind those that have", async () => {
  await start("polite", 3);
  await up(3);
  for (const { taskArn } of aws.tasks()) await aws.stopTask(taskArn);
  await start("deaf", 1);
  await up(4);
  const task = aws.tasks().at(-1);
  const ended = aws.stopTask(task?.taskArn ?? "");
  let isDone = false;
  const stopping = stop({ pageSize: 2 }).then((result) => {
    isDone = true;
    return result;
  });
  // Looked at several times meanwhile.
  for (let look = 0; look < 3; look++) await stop({ signal: AbortSignal.timeout(50) });
  expect(isDone).toBe(false);
  process.kill(task?.pid ?? Number.NaN, "SIGKILL");
  expect(await stopping).toEqual({ stopped: 0 });
  await ended;
});

it("has nothing to do where there is no task, and where there is no cluster any more", async () => {
  expect(await stop()).toEqual({ stopped: 0 });
  expect(await stop({ cluster: "deleted" })).toEqual({ stopped: 0 });
  expect(lines).toEqual([]);
});

it("goes on when its time is up, and says which tasks are left", async () => {
  await start("deaf", 1);
  await up(1);
  expect(await stop({ signal: AbortSignal.timeout(200) })).toEqual({ stopped: 1 });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      level: "warn",
      event: "tasks_not_stopped",
      tasks: [aws.tasks()[0]?.taskArn],
      detail: expect.stringContaining("npx sst remove again"),
    },
  ]);
});

it.each(["ListTasks", "StopTask", "DescribeTasks"])("goes on when ECS refuses %s, and says why", async (action) => {
  await start("polite", 1);
  await up(1);
  aws.planFault({ action, kind: "error", code: "AccessDeniedException", message: "not authorized" });
  await stop();
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: "warn", event: "tasks_not_stopped", error: { message: "not authorized" } },
  ]);
});

it("asks again when ECS throttles", async () => {
  await start("polite", 1);
  await up(1);
  for (const action of ["ListTasks", "StopTask", "DescribeTasks"]) aws.planFault({ action, kind: "throttle" });
  expect(await stop()).toEqual({ stopped: 1 });
  expect(alive()).toEqual([]);
  expect(lines).toEqual([]);
});

it("takes it as done when ECS has forgotten a task since it listed it", async () => {
  await start("deaf", 1);
  await up(1);
  const message = "The referenced task was not found.";
  aws.planFault({ action: "StopTask", kind: "error", code: "InvalidParameterException", message });
  // This one was not forgotten really: so it waits for it as for others.
  await stop({ signal: AbortSignal.timeout(200) });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ detail: expect.stringMatching(/^tasks are left/) }]);
});
