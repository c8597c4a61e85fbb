import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  ConflictException,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AwsCloud, startAwsCloud, type TaskDefinition } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";

/** Says what it was given and stays until SIGTERM. */
const talkative = `
  process.on("SIGTERM", () => { console.log("bye"); process.exit(7); });
  console.log(JSON.stringify(process.env));
  setInterval(() => {}, 1000);
`;
const deaf = `process.on("SIGTERM", () => console.log("no")); console.log("up"); setInterval(() => {}, 1000);`;

const node = (script: string, rest: Partial<TaskDefinition> = {}): TaskDefinition => ({
  container: "bridge",
  command: [process.execPath, "-e", script],
  env: { GIVEN: "by definition", OVERRIDDEN: "no" },
  stopTimeoutSeconds: 5,
  ...rest,
});

const connect = ({ endpointUrl }: AwsCloud, maxAttempts = 1): ECSClient =>
  new ECSClient({
    endpoint: endpointUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
    maxAttempts,
  });

let log: EventLog;
let aws: AwsCloud;
let ecs: ECSClient;
let output: string[];

beforeEach(async () => {
  log = new EventLog();
  output = [];
  aws = await startAwsCloud({
    log,
    functions: {},
    taskDefinitions: {
      talkative: node(talkative),
      deaf: node(deaf, { stopTimeoutSeconds: 0.2 }),
      brief: node(
        "console.log('no line feed at the end'.slice(0, -1)); process.stdout.write('end'); process.exitCode = 3",
      ),
      missing: node("", { command: ["/nonexistent/program"] }),
    },
    onOutput: (line) => output.push(line),
  });
  ecs = connect(aws);
});

afterEach(async () => {
  ecs.destroy();
  await aws.close();
});

const input = (rest: Partial<RunTaskCommandInput> = {}): RunTaskCommandInput => ({
  cluster: "local",
  taskDefinition: "talkative",
  launchType: "FARGATE",
  networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], assignPublicIp: "ENABLED" } },
  ...rest,
});

const run = async (rest: Partial<RunTaskCommandInput> = {}): Promise<string> => {
  const { tasks } = await ecs.send(new RunTaskCommand(input(rest)));
  return tasks?.[0]?.taskArn ?? "none";
};

const describeTask = async (taskArn: string) => {
  const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: "local", tasks: [taskArn], include: ["TAGS"] }));
  return tasks?.[0];
};

const seen = (type: string, taskArn: string, more: (data: Record<string, unknown>) => boolean = () => true) =>
  log.waitFor((event) => event.type === type && event.data.taskArn === taskArn && more(event.data), 10_000, type);

describe("a task", () => {
  it("gets the definition's environment, the overrides, its metadata address, and nothing of ours", async () => {
    process.env.OF_THE_TEST = "leaks";
    const environment = [
      { name: "OVERRIDDEN", value: "yes" },
      { name: "AGENT_JOB", value: '{"version":1}' },
    ];
    const taskArn = await run({ overrides: { containerOverrides: [{ name: "bridge", environment }] } });
    const line = await seen("task.output", taskArn);
    delete process.env.OF_THE_TEST;
    const env = JSON.parse(String(line.data.line)) as Record<string, string>;
    expect(env).toMatchObject({ GIVEN: "by definition", OVERRIDDEN: "yes", AGENT_JOB: '{"version":1}' });
    expect(env).not.toHaveProperty("OF_THE_TEST");
    const metadata = await fetch(`${env.ECS_CONTAINER_METADATA_URI_V4}/task`);
    expect(await metadata.json()).toMatchObject({
      TaskARN: taskArn,
      Cluster: expect.stringContaining("cluster/local"),
    });
    expect(await (await fetch(env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? "")).json()).toHaveProperty("AccessKeyId");
    expect(output).toContain(line.data.line);
  });

  it("goes from PROVISIONING to RUNNING to STOPPED, and stays describable", async () => {
    const { tasks } = await ecs.send(
      new RunTaskCommand(input({ startedBy: "default/demo", tags: [{ key: "call", value: "default:demo" }] })),
    );
    expect(tasks?.[0]).toMatchObject({
      lastStatus: "PROVISIONING",
      desiredStatus: "RUNNING",
      startedBy: "default/demo",
    });
    const taskArn = tasks?.[0]?.taskArn ?? "";
    await seen("task.output", taskArn);
    expect(await describeTask(taskArn)).toMatchObject({
      lastStatus: "RUNNING",
      createdAt: expect.any(Date),
      startedAt: expect.any(Date),
      tags: [{ key: "call", value: "default:demo" }],
    });
    await ecs.send(new StopTaskCommand({ cluster: "local", task: taskArn, reason: "enough" }));
    await seen("task.stopped", taskArn);
    expect(await describeTask(taskArn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "UserInitiated",
      stoppedReason: "enough",
      stoppedAt: expect.any(Date),
      containers: [{ exitCode: 7 }],
    });
    expect(output).toContain("bye");
    const types = log.since().flatMap(({ type }) => (type === "task.output" ? [] : type));
    expect(types).toEqual(["task.pending", "task.running", "task.stopped"]);
  });

  it("is listed by status, family and who started it", async () => {
    const [one, two] = await Promise.all([run({ startedBy: "a" }), run({ startedBy: "b" })]);
    const list = async (rest: object) =>
      (await ecs.send(new ListTasksCommand({ cluster: "local", ...rest }))).taskArns?.toSorted();
    expect(await list({})).toEqual([one, two].toSorted());
    expect(await list({ startedBy: "b" })).toEqual([two]);
    expect(await list({ family: "deaf" })).toEqual([]);
    await aws.stopTask(one);
    expect(await list({ desiredStatus: "STOPPED" })).toEqual([one]);
  });

  it("that ends by itself tells its exit code, and its last line without a line feed", async () => {
    const taskArn = await run({ taskDefinition: "brief" });
    const { data } = await seen("task.stopped", taskArn);
    expect(data).toMatchObject({ exitCode: 3, stopCode: "EssentialContainerExited" });
    expect(output.at(-1)).toBe("end");
  });

  it("that cannot be started says so", async () => {
    const { data } = await seen("task.stopped", await run({ taskDefinition: "missing" }));
    expect(data).toMatchObject({ stopCode: "TaskFailedToStart", stoppedReason: expect.stringContaining("ENOENT") });
  });

  it("that does not hear SIGTERM is killed after its stopTimeout", async () => {
    const taskArn = await run({ taskDefinition: "deaf" });
    await seen("task.output", taskArn, ({ line }) => line === "up");
    expect(await aws.stopTask(taskArn)).toMatchObject({ status: "STOPPED", exitCode: 137 });
    expect(output).toEqual(["up", "no"]);
  });

  it("that is stopped before it ran never runs", async () => {
    const slow = await startAwsCloud({
      log,
      functions: {},
      taskDefinitions: { talkative: node(talkative) },
      launchDelayMs: 60_000,
    });
    const client = connect(slow);
    const { tasks } = await client.send(new RunTaskCommand(input()));
    expect(await slow.stopTask(tasks?.[0]?.taskArn ?? "")).toMatchObject({ status: "STOPPED", exitCode: undefined });
    expect(log.since().map(({ type }) => type)).toEqual(["task.pending", "task.stopped"]);
    client.destroy();
    await slow.close();
  });

  it("does not outlive the local cloud, nor do its children, however deaf", async () => {
    // Each holds a connection, whose end tells its own: a process id may be a zombie's.
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on("error", () => {}).resume())).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const deafChild = `process.on("SIGTERM", () => {}); require("node:net").connect(${port}, "127.0.0.1");`;
    const deafTask = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(deafChild)}]); ${deafChild}`;
    const other = await startAwsCloud({ log, functions: {}, taskDefinitions: { talkative: node(deafTask) } });
    const client = connect(other);
    await client.send(new RunTaskCommand(input()));
    client.destroy();
    await vi.waitFor(() => expect(sockets).toHaveLength(2), { timeout: 10_000 });
    const closed = Promise.all(sockets.map((socket) => once(socket, "close")));
    await other.close(100);
    await closed;
    server.close();
  });
});

describe("a client token", () => {
  it("starts one task however often and at once it is sent, also when the task is dead", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => run({ clientToken: "one" })));
    const [taskArn = ""] = answers;
    expect(new Set(answers).size).toBe(1);
    await aws.stopTask(taskArn);
    expect(await run({ clientToken: "one" })).toBe(taskArn);
    expect(aws.tasks()).toHaveLength(1);
    expect(await run({ clientToken: "two" })).not.toBe(taskArn);
  });

  it("with other parameters is a conflict that names the task", async () => {
    const taskArn = await run({ clientToken: "one" });
    const conflict = await run({ clientToken: "one", startedBy: "other" }).catch((error) => error);
    expect(conflict).toBeInstanceOf(ConflictException);
    expect(conflict.resourceIds).toEqual([taskArn]);
  });
});

describe("refuses", () => {
  const override = (length: number) => ({
    containerOverrides: [{ name: "bridge", environment: [{ name: "AGENT_JOB", value: "x".repeat(length) }] }],
  });

  it.each<[string, string, Partial<RunTaskCommandInput>]>([
    ["an unknown cluster", "ClusterNotFoundException", { cluster: "other" }],
    ["an unknown task definition", "ClientException", { taskDefinition: "other" }],
    ["an unknown container", "InvalidParameterException", { overrides: { containerOverrides: [{ name: "other" }] } }],
    ["overrides of more than 8,192 characters", "InvalidParameterException", { overrides: override(8192) }],
    ["a client token of 65 characters", "InvalidParameterException", { clientToken: "x".repeat(65) }],
    ["a client token with a space", "InvalidParameterException", { clientToken: "a b" }],
    ["startedBy with a colon", "InvalidParameterException", { startedBy: "default:demo" }],
    ["a tag with a bracket", "InvalidParameterException", { tags: [{ key: "call", value: "<x>" }] }],
    ["no network", "InvalidParameterException", { networkConfiguration: undefined }],
    ["eleven tasks", "InvalidParameterException", { count: 11 }],
  ])("%s", async (_what, name, rest) => {
    await expect(run(rest)).rejects.toMatchObject({ name });
    expect(aws.tasks()).toEqual([]);
  });

  it("what it does not know, and tells of tasks it does not have", async () => {
    await expect(ecs.send(new StopTaskCommand({ cluster: "local", task: "none" }))).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
    const { failures } = await ecs.send(new DescribeTasksCommand({ cluster: "local", tasks: ["none"] }));
    expect(failures).toMatchObject([{ arn: "none", reason: "MISSING" }]);
  });
});

describe("planned faults", () => {
  it("throttle, fail and refuse as often as planned, and start nothing", async () => {
    aws.planFault({ action: "RunTask", kind: "throttle", times: 2 });
    aws.planFault({ action: "RunTask", kind: "failures", reason: "RESOURCE:CPU" });
    aws.planFault({ action: "RunTask", kind: "error", code: "ServerException", status: 500 });
    await expect(run()).rejects.toMatchObject({ name: "ThrottlingException" });
    await expect(run()).rejects.toMatchObject({ name: "ThrottlingException" });
    expect((await ecs.send(new RunTaskCommand(input()))).failures).toMatchObject([{ reason: "RESOURCE:CPU" }]);
    await expect(run()).rejects.toMatchObject({ name: "ServerException" });
    expect(aws.tasks()).toEqual([]);
    expect(await run()).toContain("task/local/");
  });

  it("lose the answer of what was done: the SDK's second try finds the same task", async () => {
    aws.planFault({ action: "RunTask", kind: "lose_answer" });
    const trying = connect(aws, 2);
    const { tasks } = await trying.send(new RunTaskCommand(input({ clientToken: "one" })));
    trying.destroy();
    expect(aws.tasks().map(({ taskArn }) => taskArn)).toEqual([tasks?.[0]?.taskArn]);
  });
});

describe("the control routes", () => {
  const json = async (response: Response | Promise<Response>) => (await response).json();

  it("list, show, stop and kill tasks", async () => {
    const [one, two] = [await run(), await run()];
    await Promise.all([seen("task.output", one), seen("task.output", two)]);
    expect(await json(aws.control.request("/tasks"))).toMatchObject([
      { taskArn: one, status: "RUNNING", pid: expect.any(Number) },
      { taskArn: two },
    ]);
    const id = one.split("/").at(-1);
    expect(await json(aws.control.request(`/tasks/${id}/stop?reason=enough`, { method: "POST" }))).toMatchObject({
      status: "STOPPED",
      exitCode: 7,
      stoppedReason: "enough",
    });
    expect(await json(aws.control.request(`/tasks/${two.split("/").at(-1)}/kill`, { method: "POST" }))).toMatchObject({
      exitCode: 137,
      stopCode: "EssentialContainerExited",
    });
    expect(await json(aws.control.request(`/tasks/${id}`))).toHaveProperty("output");
    expect((await aws.control.request("/tasks/none")).status).toBe(404);
  });

  it("plan, list and clear faults", async () => {
    const plan = (fault: object) => aws.control.request("/faults", { method: "POST", body: JSON.stringify(fault) });
    expect((await plan({ action: "RunTask", kind: "throttle" })).status).toBe(201);
    expect((await plan({ action: "RunTask", kind: "surprise" })).status).toBe(422);
    expect(await json(aws.control.request("/faults"))).toMatchObject([{ kind: "throttle", times: 1 }]);
    expect((await aws.control.request("/faults", { method: "DELETE" })).status).toBe(204);
    expect(await run()).toContain("task/");
  });
});
