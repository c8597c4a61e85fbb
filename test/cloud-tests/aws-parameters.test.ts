import { DescribeTasksCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import {
  DeleteParameterCommand,
  DeleteParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AwsCloud, startAwsCloud, type TaskDefinition } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { clientOf, runTaskInput } from "./aws-fixture.ts";

let log: EventLog;
let aws: AwsCloud;
let ssm: SSMClient;

beforeEach(async () => {
  log = new EventLog();
  aws = await startAwsCloud({ log });
  ssm = new SSMClient(clientOf(aws));
});

afterEach(async () => {
  ssm.destroy();
  await aws.close();
});

const put = (Name: string, Value: string, rest: { Type?: "String" | "SecureString"; Overwrite?: boolean } = {}) =>
  ssm.send(new PutParameterCommand({ Name, Value, Type: "String", ...rest }));

describe("SSM", () => {
  it("gives a parameter as it was put, with its version", async () => {
    expect(await put("/app/Plain", "one")).toMatchObject({ Version: 1, Tier: "Standard" });
    expect(await put("/app/Plain", "two", { Overwrite: true })).toMatchObject({ Version: 2 });
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: "/app/Plain" }));
    expect(Parameter).toMatchObject({
      Name: "/app/Plain",
      Type: "String",
      Value: "two",
      Version: 2,
      ARN: "arn:aws:ssm:us-east-1:123456789012:parameter/app/Plain",
      LastModifiedDate: expect.any(Date),
    });
    expect(aws.parameters.get("/app/Plain")?.value).toBe("two");
    const byArn = await ssm.send(new GetParameterCommand({ Name: Parameter?.ARN }));
    expect(byArn.Parameter?.Value).toBe("two");
  });

  it("tells a SecureString's value only to who asks for it decrypted", async () => {
    aws.parameters.put("/app/Key", "the-secret", "SecureString");
    const sealed = await ssm.send(new GetParameterCommand({ Name: "/app/Key" }));
    expect(sealed.Parameter?.Value).toMatch(/^AQICAH/);
    expect(JSON.stringify(sealed)).not.toContain("the-secret");
    const open = await ssm.send(new GetParameterCommand({ Name: "/app/Key", WithDecryption: true }));
    expect(open.Parameter).toMatchObject({ Type: "SecureString", Value: "the-secret" });
  });

  it("writes over nothing unless it is told to, and changes no type", async () => {
    await put("/app/Key", "one");
    await expect(put("/app/Key", "two")).rejects.toMatchObject({ name: "ParameterAlreadyExists" });
    await expect(put("/app/Key", "two", { Overwrite: true, Type: "SecureString" })).rejects.toMatchObject({
      name: "HierarchyTypeMismatchException",
    });
    expect(aws.parameters.get("/app/Key")).toMatchObject({ value: "one", version: 1 });
  });

  it.each([
    ["no value", { Name: "/app/X", Value: "" }],
    ["too long a value", { Name: "/app/X", Value: "x".repeat(4_097) }],
    ["a name with a space", { Name: "/app/a b", Value: "x" }],
    ["a name of AWS's own", { Name: "/aws/x", Value: "x" }],
  ])("refuses %s", async (_what, input) => {
    await expect(ssm.send(new PutParameterCommand({ Type: "String", ...input }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    expect(aws.parameters.list()).toEqual([]);
  });

  it("keeps a value of up to 8 kB where it is paid for", async () => {
    const input = { Name: "/app/Long", Value: "x".repeat(8_192), Type: "String", Tier: "Advanced" } as const;
    expect(await ssm.send(new PutParameterCommand(input))).toMatchObject({ Tier: "Advanced" });
  });

  it("gives several at once, names those that it does not know, and takes ten names", async () => {
    for (const name of ["A", "B"]) aws.parameters.put(`/app/${name}`, name, "SecureString");
    const answer = await ssm.send(
      new GetParametersCommand({ Names: ["/app/B", "/app/C", "/app/A"], WithDecryption: true }),
    );
    expect(answer.Parameters?.map(({ Name, Value }) => [Name, Value])).toEqual([
      ["/app/B", "B"],
      ["/app/A", "A"],
    ]);
    expect(answer.InvalidParameters).toEqual(["/app/C"]);
    const Names = Array.from({ length: 11 }, (_, index) => `/app/${index}`);
    await expect(ssm.send(new GetParametersCommand({ Names }))).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("lists a path page by page, and deeper only when told", async () => {
    for (let index = 0; index < 12; index += 1) aws.parameters.put(`/app/test/${10 + index}`, "x", "String");
    aws.parameters.put("/app/other", "x", "String");
    aws.parameters.put("/application/test", "x", "String");
    const flat = await ssm.send(new GetParametersByPathCommand({ Path: "/app" }));
    expect(flat.Parameters?.map(({ Name }) => Name)).toEqual(["/app/other"]);
    const first = await ssm.send(new GetParametersByPathCommand({ Path: "/app/", Recursive: true }));
    expect(first.Parameters).toHaveLength(10);
    const input = { Path: "/app", Recursive: true, NextToken: first.NextToken };
    const second = await ssm.send(new GetParametersByPathCommand(input));
    expect(second.Parameters?.map(({ Name }) => Name)).toEqual(["/app/test/19", "/app/test/20", "/app/test/21"]);
    expect(second.NextToken).toBeUndefined();
  });

  it("deletes, and says that what is gone is not there", async () => {
    aws.parameters.put("/app/A", "a", "String");
    aws.parameters.put("/app/B", "b", "String");
    await ssm.send(new DeleteParameterCommand({ Name: "/app/A" }));
    await expect(ssm.send(new DeleteParameterCommand({ Name: "/app/A" }))).rejects.toMatchObject({
      name: "ParameterNotFound",
    });
    await expect(ssm.send(new GetParameterCommand({ Name: "/app/A" }))).rejects.toMatchObject({
      name: "ParameterNotFound",
    });
    expect(await ssm.send(new DeleteParametersCommand({ Names: ["/app/A", "/app/B"] }))).toMatchObject({
      DeletedParameters: ["/app/B"],
      InvalidParameters: ["/app/A"],
    });
  });

  it("is throttled where a fault is planned", async () => {
    aws.parameters.put("/app/A", "a", "String");
    aws.planFault({ action: "GetParameters", kind: "throttle" });
    const ask = () => ssm.send(new GetParametersCommand({ Names: ["/app/A"] }));
    await expect(ask()).rejects.toMatchObject({ name: "ThrottlingException" });
    expect((await ask()).Parameters).toHaveLength(1);
  });
});

describe("a task's secrets", () => {
  const printer = (secrets: Record<string, string>): TaskDefinition => ({
    container: "bridge",
    command: [process.execPath, "-e", "console.log(process.env.KEY, process.env.OTHER)"],
    env: { KEY: "of the environment" },
    stopTimeoutSeconds: 1,
    secrets,
  });

  const run = async (family: string) => {
    const ecs = new ECSClient(clientOf(aws));
    const { tasks } = await ecs.send(new RunTaskCommand(runTaskInput(family)));
    const taskArn = tasks?.[0]?.taskArn ?? "";
    await log.waitFor(({ type, data }) => type === "task.stopped" && data.taskArn === taskArn, 10_000, "its end");
    const described = await ecs.send(new DescribeTasksCommand({ cluster: "local", tasks: [taskArn] }));
    ecs.destroy();
    return described.tasks?.[0];
  };

  it("are the values at the time when it starts, by name and by ARN", async () => {
    aws.putTaskDefinition(
      "bridge",
      printer({ KEY: "/app/Key", OTHER: "arn:aws:ssm:us-east-1:123456789012:parameter/app/Other" }),
    );
    aws.parameters.put("/app/Key", "k-1", "SecureString");
    aws.parameters.put("/app/Other", "o-1", "String");
    await run("bridge");
    aws.parameters.put("/app/Key", "k-2", "SecureString");
    await run("bridge");
    expect(aws.logs.lines("/sst/cluster/local/Bridge/Bridge")).toEqual(["k-1 o-1", "k-2 o-1"]);
  });

  it("keep it from starting where one is missing, and it says which", async () => {
    aws.putTaskDefinition("bridge", printer({ KEY: "/app/Key", OTHER: "/app/Other" }));
    aws.parameters.put("/app/Key", "k-1", "SecureString");
    const task = await run("bridge");
    expect(task).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: expect.stringMatching(/^ResourceInitializationError: unable to pull secrets .*: \/app\/Other$/),
    });
    expect(task?.startedAt).toBeUndefined();
    expect(aws.tasks()[0]?.output).toEqual([]);
  });
});
