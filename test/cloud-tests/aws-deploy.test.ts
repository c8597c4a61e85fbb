import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ListTablesCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callsTableSchema } from "../../functions/dispatch/calls-table-schema.ts";
import { checkPattern, matchesPattern } from "../cloud/aws/event-pattern.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { clientOf, type Sources, writeSources } from "./aws-fixture.ts";

let log: EventLog;
let aws: AwsCloud;
let sources: Sources;

beforeEach(async () => {
  log = new EventLog();
  sources = await writeSources({
    one: `export const handler = async (event) => { console.log(JSON.stringify(event)); return "one"; };`,
    two: `export const handler = async () => "two";`,
  });
  aws = await startAwsCloud({ log });
});

afterEach(async () => {
  await aws.close(100);
  await sources.remove();
});

const definition = (name: string) => ({ bundleFile: sources.file(name), env: {}, timeoutMs: 5_000 });

const signed = (service: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=deployer/20261122/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

describe("a function", () => {
  it("is made, has a URL, is made anew and is gone, while the cloud runs", async () => {
    expect(aws.putFunction("f", definition("one"))).toBe("arn:aws:lambda:us-east-1:123456789012:function:f");
    expect(() => aws.functionUrl("f")).toThrow(/no function "f" with a URL/);
    const url = await aws.addFunctionUrl("f");
    expect([url, await aws.addFunctionUrl("f")]).toEqual([aws.functionUrl("f"), aws.functionUrl("f")]);
    expect(await (await fetch(url)).text()).toBe("one");
    aws.putFunction("f", definition("two"));
    expect(await (await fetch(url)).text()).toBe("two");
    await aws.removeFunctionUrl("f");
    await expect(fetch(url)).rejects.toThrow();
    expect((await aws.invoke("f")).payload).toBe('"two"');
    await aws.removeFunction("f");
    await expect(aws.invoke("f")).rejects.toThrow(/no function "f"/);
  });
});

describe("a table", () => {
  it("is made with its time to live, and deleted", async () => {
    const dynamoDb = new DynamoDBClient(clientOf(aws));
    await aws.createTable({ ...callsTableSchema, TableName: "calls" }, { timeToLiveAttribute: "expiresAt" });
    const { Table } = await dynamoDb.send(new DescribeTableCommand({ TableName: "calls" }));
    expect(Table).toMatchObject({ TableStatus: "ACTIVE", GlobalSecondaryIndexes: [{ IndexName: "live" }] });
    const timeToLive = async () =>
      (await dynamoDb.send(new DescribeTimeToLiveCommand({ TableName: "calls" }))).TimeToLiveDescription;
    expect(await timeToLive()).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" });
    const TimeToLiveSpecification = { Enabled: false, AttributeName: "expiresAt" };
    await dynamoDb.send(new UpdateTimeToLiveCommand({ TableName: "calls", TimeToLiveSpecification }));
    expect(await timeToLive()).toEqual({ TimeToLiveStatus: "DISABLED" });
    await aws.deleteTable("calls");
    expect((await dynamoDb.send(new ListTablesCommand({}))).TableNames).toEqual([]);
    dynamoDb.destroy();
  });
});

const stopped = (clusterArn: string) => ({
  source: "aws.ecs",
  "detail-type": "ECS Task State Change",
  resources: ["task-1", "task-2"],
  detail: { clusterArn, lastStatus: "STOPPED", exitCode: 0, group: "family:bridge", tags: null },
});

describe("an event pattern", () => {
  it.each([
    [{ source: ["aws.ecs"] }, true],
    [{ source: ["aws.ec2", "aws.ecs"], detail: { lastStatus: ["STOPPED"], clusterArn: ["c"] } }, true],
    [{ source: ["aws.ecs"], detail: { lastStatus: ["RUNNING"] } }, false],
    [{ detail: { clusterArn: ["d"] } }, false],
    [{ detail: { exitCode: ["0"] } }, false],
    [{ detail: { exitCode: [0], tags: [null] } }, true],
    [{ resources: ["task-2"] }, true],
    [{ resources: ["task-3"] }, false],
    [{ detail: { nothing: ["x"] } }, false],
    [{ detail: { group: [{ prefix: "family:" }], nothing: [{ exists: false }] } }, true],
  ])("%j: %s", (pattern, expected) => {
    expect(matchesPattern(pattern, stopped("c"))).toBe(expected);
  });

  it.each([[[]], [{ source: "aws.ecs" }], [{ source: [] }], [{ source: [{ wildcard: "a*" }] }]])(
    "is refused: %j",
    (pattern) => {
      expect(() => checkPattern(pattern)).toThrow(/Event pattern is not valid/);
    },
  );
});

describe("rules and schedules", () => {
  const told = () => log.since().filter(({ type }) => type === "lambda.invoked");

  it("invoke their function for what they describe, until they are removed", async () => {
    aws.putFunction("f", definition("one"));
    aws.addRule({ name: "r", pattern: { detail: { clusterArn: ["c"] } }, functionName: "f" });
    aws.events.put(stopped("d"));
    aws.events.put(stopped("c"));
    await aws.events.settled();
    expect(told()).toHaveLength(1);
    aws.removeRule("r");
    aws.events.put(stopped("c"));
    await aws.events.settled();
    expect(told()).toHaveLength(1);
  });

  it("go on without a function that was removed", async () => {
    aws.addRule({ name: "r", pattern: { source: ["aws.ecs"] }, functionName: "gone" });
    aws.events.put(stopped("c"));
    await aws.events.settled();
    expect(log.since().at(-1)).toMatchObject({ type: "events.failed", data: { function: "gone" } });
  });

  it("invoke at a rate, until they are removed", async () => {
    aws.putFunction("f", definition("two"));
    aws.addSchedule({ name: "s", functionName: "f", everyMs: 20 });
    await log.waitFor(() => told().length >= 2, 5_000, "two invocations");
    aws.removeSchedule("s");
    await aws.events.settled();
    const { length } = told();
    aws.putFunction("witness", definition("two"));
    aws.addSchedule({ name: "t", functionName: "witness", everyMs: 20 });
    const witnessed = () => told().filter(({ data }) => data.function === "witness");
    await log.waitFor(() => witnessed().length >= 3, 5_000, "three of another at the same rate");
    expect(told().length - witnessed().length).toBe(length);
  });
});

describe("S3", () => {
  const s3 = (route: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
    fetch(`${aws.endpointUrl}${route}`, { ...init, headers: { ...signed("s3"), ...init.headers } });

  it("keeps objects, lists and deletes them", async () => {
    expect((await s3("/sst-state", { method: "PUT" })).status).toBe(200);
    expect((await s3("/sst-state/app/stage.json")).status).toBe(404);
    expect(await (await s3("/sst-state/app/stage.json")).text()).toContain("<Code>NoSuchKey</Code>");
    const put = await s3("/sst-state/app/stage.json", { method: "PUT", body: '{"ä":1}' });
    expect(put.headers.get("etag")).toMatch(/^"[0-9a-f]{32}"$/);
    await s3("/sst-state/lock/a%26b", { method: "PUT", body: "x" });
    expect(await (await s3("/sst-state/app/stage.json")).text()).toBe('{"ä":1}');
    const head = await s3("/sst-state/app/stage.json", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "8"]);
    const list = await (await s3("/sst-state?list-type=2&prefix=lock/")).text();
    expect(list).toContain("<KeyCount>1</KeyCount>");
    expect(list).toContain("<Key>lock/a&amp;b</Key>");
    expect((await s3("/sst-state/app/stage.json", { method: "DELETE" })).status).toBe(204);
    expect((await s3("/sst-state/app/stage.json", { method: "HEAD" })).status).toBe(404);
  });

  it("takes bodies in signed chunks, and with a trailer", async () => {
    const chunk = (text: string) => `${text.length.toString(16)};chunk-signature=0\r\n${text}\r\n`;
    await s3("/b/signed", {
      method: "PUT",
      headers: { "content-encoding": "aws-chunked" },
      body: `${chunk("hello\r\n")}${chunk("world")}0;chunk-signature=0\r\n\r\n`,
    });
    expect(await (await s3("/b/signed")).text()).toBe("hello\r\nworld");
    await s3("/b/trailer", {
      method: "PUT",
      headers: { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER" },
      body: "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
    });
    expect(await (await s3("/b/trailer")).text()).toBe("hello");
  });

  it("takes an object only once where that is asked, and none that its caller may not put", async () => {
    const put = () => s3("/b/lock", { method: "PUT", body: "x", headers: { "if-none-match": "*" } });
    expect([(await put()).status, (await put()).status]).toEqual([200, 412]);
    aws.authorize = ({ accessKeyId, action, resource }) => `${accessKeyId} ${action} ${resource}`;
    const refusal = await s3("/b/other", { method: "PUT", body: "x" });
    expect(refusal.status).toBe(403);
    expect(await refusal.text()).toContain("<Message>deployer s3:PutObject arn:aws:s3:::b/other</Message>");
  });
});

describe("ECR", () => {
  const ecr = async (action: string, input: object = {}) => {
    const target = `AmazonEC2ContainerRegistry_V20150921.${action}`;
    const headers = { ...signed("ecr"), "x-amz-target": target, "content-type": "application/x-amz-json-1.1" };
    const response = await fetch(aws.endpointUrl, { method: "POST", headers, body: JSON.stringify(input) });
    return (await response.json()) as Record<string, unknown>;
  };

  it("makes a repository once, describes it, and gives a token for it", async () => {
    const repositoryUri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sst-asset";
    const input = { repositoryName: "sst-asset" };
    expect(await ecr("CreateRepository", input)).toMatchObject({ repository: { repositoryUri } });
    expect(await ecr("CreateRepository", input)).toMatchObject({ __type: "RepositoryAlreadyExistsException" });
    const repositoryNames = ["sst-asset"];
    expect(await ecr("DescribeRepositories", { repositoryNames })).toMatchObject({ repositories: [{ repositoryUri }] });
    expect(await ecr("GetAuthorizationToken")).toMatchObject({
      authorizationData: [{ proxyEndpoint: expect.stringMatching(/^https/) }],
    });
  });
});

it("says so where it has no such service, or no such action", async () => {
  const target = "AmazonSQS.SendMessage";
  const unknown = await fetch(aws.endpointUrl, { method: "POST", headers: { "x-amz-target": target }, body: "{}" });
  expect(await unknown.json()).toMatchObject({ __type: "UnknownOperationException" });
  const other = await fetch(`${aws.endpointUrl}/v1/apis`, { headers: signed("appsync") });
  expect([other.status, await other.text()]).toEqual([404, expect.stringContaining("appsync")]);
});
