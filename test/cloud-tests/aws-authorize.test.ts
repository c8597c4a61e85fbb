import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { DescribeTasksCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { callsTableSchema } from "../../functions/dispatch/calls-table-schema.ts";
import { type Authorize, type AwsCloud, startAwsCloud, type TaskDefinition } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { clientOf, createClientPool, runTaskInput, type Sources, writeSources } from "./aws-fixture.ts";

type Request = Parameters<Authorize>[0];

const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:123456789012:${rest}`;

const bridge: TaskDefinition = {
  container: "bridge",
  command: [process.execPath, "-e", "console.log(process.env.AWS_ENDPOINT_URL_DYNAMODB, process.env.KEY)"],
  env: {},
  stopTimeoutSeconds: 1,
};

let log: EventLog;
let aws: AwsCloud;
let sources: Sources;
let requests: Request[];
let refused: (request: Request) => boolean;
const { using, destroy } = createClientPool();

beforeEach(async () => {
  log = new EventLog();
  requests = [];
  refused = () => false;
  sources = await writeSources({
    tells: `export const handler = async () => { console.log("here"); return process.env; };`,
  });
  aws = await startAwsCloud({ log, taskDefinitions: { bridge } });
  await aws.createTable({ ...callsTableSchema, TableName: "calls" }, { timeToLiveAttribute: "expiresAt" });
  aws.authorize = (request) => {
    requests.push(request);
    return refused(request) ? `${request.accessKeyId} is not authorized to perform: ${request.action}` : undefined;
  };
});

afterEach(async () => {
  destroy();
  await aws.close(100);
  await sources.remove();
});

const asked = () => requests.map(({ action, resource }) => `${action} ${resource}`);

it("asks for each parameter, and refuses all of them for one", async () => {
  const ssm = using(new SSMClient(clientOf(aws, "webhook")));
  aws.parameters.put("/app/A", "a", "String");
  refused = ({ resource }) => resource.endsWith("/app/B");
  const ask = (...Names: string[]) => ssm.send(new GetParametersCommand({ Names }));
  expect((await ask("/app/A")).Parameters).toHaveLength(1);
  await expect(ask("/app/A", "/app/B")).rejects.toMatchObject({
    name: "AccessDeniedException",
    message: "webhook is not authorized to perform: ssm:GetParameters",
  });
  expect(requests[0]).toEqual({
    accessKeyId: "webhook",
    action: "ssm:GetParameters",
    resource: arn("ssm", "parameter/app/A"),
    context: {},
  });
});

it("asks for a launch, its tags, and each role that it hands on", async () => {
  const [taskRoleArn, executionRoleArn] = [
    "arn:aws:iam::123456789012:role/task",
    "arn:aws:iam::123456789012:role/exec",
  ];
  aws.putTaskDefinition("bridge", { ...bridge, taskRoleArn, executionRoleArn });
  const ecs = using(new ECSClient(clientOf(aws, "webhook")));
  const run = () => ecs.send(new RunTaskCommand({ ...runTaskInput("bridge"), tags: [{ key: "call", value: "x" }] }));
  const { tasks } = await run();
  const cluster = arn("ecs", "cluster/local");
  expect(requests.slice(0, 4)).toEqual([
    {
      accessKeyId: "webhook",
      action: "ecs:RunTask",
      resource: arn("ecs", "task-definition/bridge:2"),
      context: { "ecs:cluster": cluster },
    },
    {
      accessKeyId: "webhook",
      action: "ecs:TagResource",
      resource: arn("ecs", "task/local/*"),
      context: { "ecs:CreateAction": "RunTask", "ecs:cluster": cluster },
    },
    ...[executionRoleArn, taskRoleArn].map((resource) => ({
      accessKeyId: "webhook",
      action: "iam:PassRole",
      resource,
      context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
    })),
  ]);
  refused = ({ action }) => action === "iam:PassRole";
  await expect(run()).rejects.toMatchObject({ name: "AccessDeniedException" });
  expect(aws.tasks()).toHaveLength(1);
  requests = [];
  const taskArn = tasks?.[0]?.taskArn ?? "";
  await ecs.send(new DescribeTasksCommand({ cluster, tasks: [taskArn] }));
  expect(requests).toMatchObject([
    { action: "ecs:DescribeTasks", resource: taskArn, context: { "ecs:cluster": cluster } },
  ]);
});

it("asks for a function before it says whether there is one", async () => {
  const lambda = using(new LambdaClient(clientOf(aws, "bridge")));
  refused = ({ resource }) => resource.endsWith(":secret");
  const invoke = (FunctionName: string) => lambda.send(new InvokeCommand({ FunctionName, InvocationType: "DryRun" }));
  await expect(invoke("secret")).rejects.toMatchObject({ name: "AccessDeniedException" });
  await expect(invoke("open")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  expect(asked()).toEqual(
    ["secret", "open"].map((name) => `lambda:InvokeFunction ${arn("lambda", `function:${name}`)}`),
  );
});

it("asks for a table, or for its index alone, and hands on what is allowed", async () => {
  const dynamoDb = using(new DynamoDBClient(clientOf(aws, "webhook")));
  const Key = { pk: { S: "a" }, sk: { S: "b" } };
  await dynamoDb.send(
    new PutItemCommand({ TableName: "calls", Item: { ...Key, live: { S: "x" }, claimedAt: { N: "1" } } }),
  );
  expect((await dynamoDb.send(new GetItemCommand({ TableName: "calls", Key }))).Item).toMatchObject(Key);
  const query = new QueryCommand({
    TableName: "calls",
    IndexName: "live",
    KeyConditionExpression: "live = :live",
    ExpressionAttributeValues: { ":live": { S: "x" } },
  });
  expect((await dynamoDb.send(query)).Items).toHaveLength(1);
  expect(asked()).toEqual([
    `dynamodb:PutItem ${arn("dynamodb", "table/calls")}`,
    `dynamodb:GetItem ${arn("dynamodb", "table/calls")}`,
    `dynamodb:Query ${arn("dynamodb", "table/calls/index/live")}`,
  ]);
  refused = ({ action }) => action === "dynamodb:GetItem";
  await expect(dynamoDb.send(new GetItemCommand({ TableName: "calls", Key }))).rejects.toMatchObject({
    name: "AccessDeniedException",
    message: "webhook is not authorized to perform: dynamodb:GetItem",
  });
});

it("sends functions and tasks to DynamoDB by way of who asks, each under its own key", async () => {
  aws.putFunction("tells", { bundleFile: sources.file("tells"), env: {}, timeoutMs: 5_000, accessKeyId: "tells-key" });
  const { payload } = await aws.invoke("tells");
  expect(JSON.parse(payload)).toMatchObject({
    AWS_ACCESS_KEY_ID: "tells-key",
    AWS_ENDPOINT_URL: aws.endpointUrl,
    AWS_ENDPOINT_URL_DYNAMODB: aws.endpointUrl,
  });
  const ecs = using(new ECSClient(clientOf(aws)));
  await ecs.send(new RunTaskCommand(runTaskInput("bridge")));
  await expect.poll(() => aws.tasks()[0]?.output).toMatchObject([{ line: `${aws.endpointUrl} undefined` }]);
  aws.authorize = undefined;
  await ecs.send(new RunTaskCommand(runTaskInput("bridge")));
  await expect.poll(() => aws.tasks()[1]?.output).toMatchObject([{ line: `${aws.dynamoDbUrl} undefined` }]);
});

it("keeps lines out of a group that the function's role may not write to", async () => {
  aws.putFunction("tells", { bundleFile: sources.file("tells"), env: {}, timeoutMs: 5_000, accessKeyId: "tells-key" });
  refused = ({ action }) => action === "logs:CreateLogGroup";
  await aws.invoke("tells");
  await log.waitFor(({ type }) => type === "logs.refused", 5_000, "the refusal");
  expect(aws.logs.list()).toEqual([]);
  aws.logs.create("/aws/lambda/tells");
  await aws.invoke("tells");
  await expect.poll(() => aws.logs.lines("/aws/lambda/tells")).toEqual(["here"]);
});

it.each([
  ["may not read its secrets", "ssm:GetParameters", /unable to pull secrets .* AccessDeniedException/],
  [
    "may not make its log stream",
    "logs:CreateLogStream",
    /failed to create Cloudwatch log stream: AccessDeniedException/,
  ],
  ["has no log group", "", /failed to create Cloudwatch log stream: ResourceNotFoundException/],
])("does not start a task whose execution role %s", async (_what, action, reason) => {
  aws.parameters.put("/app/Key", "k", "SecureString");
  if (action !== "") aws.logs.create("/app/Bridge");
  aws.putTaskDefinition("bridge", {
    ...bridge,
    secrets: { KEY: "/app/Key" },
    logGroup: "/app/Bridge",
    executionAccessKeyId: "execution",
  });
  refused = (request) => request.accessKeyId === "execution" && request.action === action;
  const ecs = using(new ECSClient(clientOf(aws)));
  await ecs.send(new RunTaskCommand(runTaskInput("bridge")));
  await log.waitFor(({ type }) => type === "task.stopped", 5_000, "its end");
  expect(aws.tasks()).toMatchObject([
    { stopCode: "TaskFailedToStart", stoppedReason: expect.stringMatching(reason), output: [] },
  ]);
});
