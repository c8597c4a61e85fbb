import { writeFile } from "node:fs/promises";
import {
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import {
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  GetFunctionUrlConfigCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AwsCloud, startAwsCloud, type TaskDefinition } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { clientOf, createClientPool, runTaskInput, type Sources, writeSources } from "./aws-fixture.ts";

const bridge: TaskDefinition = {
  container: "bridge",
  command: [process.execPath, "-e", "setInterval(() => {}, 1000)"],
  env: { LOG_LEVEL: "info" },
  secrets: {},
  stopTimeoutSeconds: 120,
  cpuUnits: 1_024,
  memoryMb: 2_048,
  logGroup: "/app/Bridge",
};

let sources: Sources;
let aws: AwsCloud;
let log: EventLog;
const { using, destroy } = createClientPool();

beforeEach(async () => {
  log = new EventLog();
  sources = await writeSources({
    tells: `
      import { existsSync } from "node:fs";
      export const handler = async ({ until }) => {
        while (until && !existsSync(until)) await new Promise((resolve) => setTimeout(resolve, 10));
        return { pid: process.pid, mode: process.env.MODE };
      };`,
  });
  aws = await startAwsCloud({
    log,
    taskDefinitions: { bridge },
    functions: { tells: { bundleFile: sources.file("tells"), env: { MODE: "first" }, timeoutMs: 5_000 } },
  });
});

afterEach(async () => {
  destroy();
  await aws.close(100);
  await sources.remove();
});

describe("ECS", () => {
  let ecs: ECSClient;
  beforeEach(() => {
    ecs = using(new ECSClient(clientOf(aws)));
  });
  const describeDefinition = async (taskDefinition: string) =>
    (await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }))).taskDefinition;

  it("describes a task definition with all that its container is given", async () => {
    aws.putTaskDefinition("bridge", { ...bridge, secrets: { KEY: "/app/Key" } });
    expect(await describeDefinition("bridge")).toMatchObject({
      taskDefinitionArn: "arn:aws:ecs:us-east-1:123456789012:task-definition/bridge:2",
      family: "bridge",
      revision: 2,
      status: "ACTIVE",
      cpu: "1024",
      memory: "2048",
      runtimePlatform: { cpuArchitecture: "ARM64", operatingSystemFamily: "LINUX" },
      containerDefinitions: [
        {
          name: "bridge",
          environment: [{ name: "LOG_LEVEL", value: "info" }],
          secrets: [{ name: "KEY", valueFrom: "arn:aws:ssm:us-east-1:123456789012:parameter/app/Key" }],
          stopTimeout: 120,
          logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/app/Bridge" } },
        },
      ],
    });
    expect((await describeDefinition("bridge:1"))?.containerDefinitions?.[0]?.secrets).toEqual([]);
  });

  it("starts the newest revision of a family, or the one that is named, and none that was removed", async () => {
    const arn = aws.putTaskDefinition("bridge", bridge);
    const started = async (name: string) =>
      (await ecs.send(new RunTaskCommand(runTaskInput(name)))).tasks?.[0]?.taskDefinitionArn;
    expect([await started("bridge"), await started("bridge:1")]).toEqual([arn, arn.replace(/2$/, "1")]);
    aws.removeTaskDefinition("bridge:2");
    expect(await started("bridge")).toBe(arn.replace(/2$/, "1"));
    await expect(started(arn)).rejects.toMatchObject({
      name: "ClientException",
      message: expect.stringMatching(/inactive/),
    });
    expect((await describeDefinition(arn))?.status).toBe("INACTIVE");
    await expect(describeDefinition("other")).rejects.toMatchObject({ name: "ClientException" });
  });

  it("knows its clusters, and keeps their tasks apart", async () => {
    const second = aws.putCluster("second");
    const { tasks } = await ecs.send(new RunTaskCommand({ ...runTaskInput("bridge"), cluster: second }));
    const taskArn = tasks?.[0]?.taskArn ?? "";
    expect(taskArn).toContain(":task/second/");
    await log.waitFor(({ type }) => type === "task.running", 5_000, "the task");
    const described = await ecs.send(new DescribeClustersCommand({ clusters: ["local", second, "third"] }));
    expect(described.clusters).toMatchObject([
      { clusterName: "local", status: "ACTIVE", runningTasksCount: 0, capacityProviders: ["FARGATE", "FARGATE_SPOT"] },
      { clusterArn: second, runningTasksCount: 1 },
    ]);
    expect(described.failures).toMatchObject([{ reason: "MISSING" }]);
    const elsewhere = await ecs.send(new DescribeTasksCommand({ cluster: "local", tasks: [taskArn] }));
    expect(elsewhere).toMatchObject({ tasks: [], failures: [{ arn: taskArn, reason: "MISSING" }] });
  });

  it("finds tasks by family and by who started them, and stops one", async () => {
    aws.putTaskDefinition("other", bridge);
    await ecs.send(new RunTaskCommand(runTaskInput("other")));
    const input = { ...runTaskInput("bridge"), startedBy: "default/demo" };
    const task = (await ecs.send(new RunTaskCommand(input))).tasks?.[0]?.taskArn;
    const list = async (rest: object) =>
      (await ecs.send(new ListTasksCommand({ cluster: "local", ...rest }))).taskArns ?? [];
    expect(await list({ family: "bridge" })).toEqual([task]);
    expect(await list({ startedBy: "default/demo" })).toEqual([task]);
    expect(await list({})).toHaveLength(2);
    await ecs.send(new StopTaskCommand({ cluster: "local", task, reason: "enough" }));
    await log.waitFor(({ type }) => type === "task.stopped", 5_000, "its end");
    expect(await list({ family: "bridge" })).toEqual([]);
    expect(await list({ family: "bridge", desiredStatus: "STOPPED" })).toEqual([task]);
  });

  it("takes a launch type or a capacity provider, and not both", async () => {
    const spot = { capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }] };
    const { tasks } = await ecs.send(new RunTaskCommand({ ...runTaskInput("bridge"), ...spot }));
    expect(tasks).toMatchObject([{ launchType: "FARGATE", capacityProviderName: "FARGATE_SPOT" }]);
    const both = new RunTaskCommand({ ...runTaskInput("bridge"), ...spot, launchType: "FARGATE" });
    await expect(ecs.send(both)).rejects.toMatchObject({ name: "InvalidParameterException" });
  });
});

describe("Lambda", () => {
  let lambda: LambdaClient;
  beforeEach(() => {
    lambda = using(new LambdaClient(clientOf(aws)));
  });
  const invoke = async (event: object = {}) => {
    const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: "tells", Payload: JSON.stringify(event) }));
    return JSON.parse(Payload?.transformToString() ?? "null") as { pid: number; mode?: string };
  };
  const configuration = () => lambda.send(new GetFunctionConfigurationCommand({ FunctionName: "tells" }));

  it("tells a function's configuration and its URL", async () => {
    const expected = {
      FunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:tells",
      State: "Active",
      LastUpdateStatus: "Successful",
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      Handler: "tells.handler",
      Timeout: 5,
      MemorySize: 512,
      Environment: { Variables: { MODE: "first" } },
      LoggingConfig: { LogGroup: "/aws/lambda/tells" },
    };
    expect(await configuration()).toMatchObject(expected);
    const whole = await lambda.send(new GetFunctionCommand({ FunctionName: expected.FunctionArn }));
    expect(whole.Configuration).toMatchObject(expected);
    const url = () => lambda.send(new GetFunctionUrlConfigCommand({ FunctionName: "tells" }));
    expect(await url()).toMatchObject({ FunctionUrl: aws.functionUrl("tells"), AuthType: "NONE" });
    await aws.removeFunctionUrl("tells");
    await expect(url()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(lambda.send(new GetFunctionConfigurationCommand({ FunctionName: "other" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
  });

  it.each([
    ["environment", { Environment: { Variables: { MODE: "second" } } }, "second"],
    ["description", { Description: "since the key is another" }, "first"],
  ])("has new processes once the %s is another, and lets the old ones finish", async (_what, change, mode) => {
    const { pid } = await invoke();
    const until = sources.file("until");
    const underway = invoke({ until });
    await expect.poll(() => invoke()).not.toMatchObject({ pid }); // The old process is at it.
    const update = new UpdateFunctionConfigurationCommand({ FunctionName: "tells", ...change });
    expect(await lambda.send(update)).toMatchObject({ LastUpdateStatus: "InProgress", ...change });
    expect(await configuration()).toMatchObject({ LastUpdateStatus: "Successful", ...change });
    const next = await invoke();
    expect(next.mode).toBe(mode);
    await writeFile(until, "");
    expect((await underway).mode).toBe("first");
    expect([pid, (await underway).pid]).not.toContain(next.pid);
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/), 5_000);
    expect(await invoke()).toEqual(next);
  });

  it("refuses a configuration that cannot be", async () => {
    const update = (change: object) =>
      lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "tells", ...change }));
    await expect(update({ Timeout: 901 })).rejects.toMatchObject({ name: "InvalidParameterValueException" });
    await expect(update({ MemorySize: 64 })).rejects.toMatchObject({ name: "InvalidParameterValueException" });
  });

  it("tells the account's limits", async () => {
    aws.quotas.set("L-B99A9384", 10);
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
    expect(AccountLimit).toMatchObject({ ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10 });
  });
});

describe("Service Quotas", () => {
  it("tells what is allowed and what was in the beginning, as the test's own door sets it", async () => {
    const quotas = using(new ServiceQuotasClient(clientOf(aws)));
    const spot = { ServiceCode: "fargate", QuotaCode: "L-36FBB829" };
    const body = JSON.stringify({ code: spot.QuotaCode, value: 40 });
    expect((await aws.control.request("/quotas", { method: "POST", body })).status).toBe(200);
    const { Quota } = await quotas.send(new GetServiceQuotaCommand(spot));
    expect(Quota).toMatchObject({ Value: 40, QuotaName: "Fargate Spot vCPU resource count", Adjustable: true });
    const initially = await quotas.send(new GetAWSDefaultServiceQuotaCommand(spot));
    expect(initially.Quota?.Value).toBe(6);
    for (const [ServiceCode, QuotaCode] of [
      ["fargate", "L-3032A538"],
      ["lambda", "L-B99A9384"],
    ]) {
      const answer = await quotas.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }));
      expect(answer.Quota?.Value).toBeGreaterThan(0);
    }
    const other = new GetServiceQuotaCommand({ ServiceCode: "lambda", QuotaCode: "L-3032A538" });
    await expect(quotas.send(other)).rejects.toMatchObject({ name: "NoSuchResourceException" });
    const wrong = await aws.control.request("/quotas", { method: "POST", body: "{}" });
    expect(wrong.status).toBe(422);
  });
});

describe("STS", () => {
  it("tells who asks", async () => {
    const sts = using(new STSClient(clientOf(aws, "AKIA&CO")));
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: "123456789012",
      Arn: "arn:aws:iam::123456789012:user/AKIA&CO",
    });
  });
});
