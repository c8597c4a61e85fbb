import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseFilterPattern } from "../cloud/aws/filter-pattern.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { clientOf, runTaskInput, type Sources, writeSources } from "./aws-fixture.ts";

const line = JSON.stringify({
  level: "warn",
  call: "default:demo",
  durationMs: 1_250,
  isLate: true,
  none: null,
  error: { codes: ["a", "b"], message: 'said "no"' },
});

describe("a filter pattern", () => {
  it.each([
    ["", true],
    ['{ $.call = "default:demo" }', true],
    ['{ ($.call = "x") || ($.call = "default:demo") }', true],
    ['{ $.call = "x" || $.callCid = "default:demo" }', false],
    ['{ $.level = warn && $.call = "default:*" }', true],
    ['{ $.level = "error" && $.call = "x" || $.durationMs > 1000 }', true],
    ['{ $.level = "error" && ($.call = "x" || $.durationMs > 1000) }', false],
    ["{ $.durationMs >= 1250 && $.durationMs <= 1250.0 && $.durationMs != 7 }", true],
    ["{ $.durationMs < 1250 }", false],
    ['{ $.error.codes[1] = "b" }', true],
    ['{ $.error.message = "said \\"no\\"" }', true],
    ["{ $.isLate IS TRUE }", true],
    ["{ $.none IS NULL && $.nothing NOT EXISTS }", true],
    ['{ $.level != "warn" }', false],
    ['{ $.nothing != "x" }', false],
    ["warn demo", true],
    ['"default:demo"', true],
    ["warn nowhere", false],
    ["warn -demo", false],
    ["?nowhere ?demo", true],
  ])("%s: %s", (pattern, expected) => {
    expect(parseFilterPattern(pattern)(line)).toBe(expected);
  });

  it("for JSON finds no text", () => {
    expect(parseFilterPattern('{ $.level = "warn" }')("warn")).toBe(false);
  });

  it.each([
    "{ $.a = ",
    "{ $.a }",
    "{ a = 1 }",
    '{ $.a > "text" }',
    "{ $.a = 1 ) }",
    "{ $.a ~ 1 }",
    "default:demo",
    "[a]",
    "%a%",
  ])("is refused: %s", (pattern) => {
    expect(() => parseFilterPattern(pattern)).toThrow(/Invalid filter pattern/);
  });
});

describe("CloudWatch Logs", () => {
  let sources: Sources;
  let aws: AwsCloud;
  let log: EventLog;
  let logs: CloudWatchLogsClient;
  let group: string;
  let groupCount = 0;

  beforeAll(async () => {
    sources = await writeSources({
      talks: `export const handler = async (event) => { console.log(JSON.stringify(event)); if (event.fail) throw new RangeError("too far"); };`,
    });
    log = new EventLog();
    aws = await startAwsCloud({
      log,
      functions: { talks: { bundleFile: sources.file("talks"), env: {}, timeoutMs: 5_000 } },
      taskDefinitions: {
        bridge: {
          container: "bridge",
          command: [process.execPath, "-e", "console.log('from the task')"],
          env: {},
          stopTimeoutSeconds: 1,
          logGroup: "/app/Bridge",
        },
      },
    });
    logs = new CloudWatchLogsClient(clientOf(aws));
  });

  afterAll(async () => {
    logs.destroy();
    await aws.close();
    await sources.remove();
  });

  beforeEach(() => {
    groupCount += 1;
    group = `/test/${groupCount}`;
  });

  const filter = (rest: Omit<FilterLogEventsCommandInput, "logGroupName"> = {}) =>
    logs.send(new FilterLogEventsCommand({ logGroupName: group, ...rest }));

  const messages = async (rest: Omit<FilterLogEventsCommandInput, "logGroupName"> = {}) =>
    (await filter(rest)).events?.map(({ message }) => message);

  it("finds lines of all streams in the order of their times, from one time to another", async () => {
    aws.logs.put(group, "b", "second", 2_000);
    aws.logs.put(group, "a", "first", 1_000);
    aws.logs.put(group, "a", "third", 3_000);
    expect(await messages()).toEqual(["first", "second", "third"]);
    expect(await messages({ startTime: 2_000, endTime: 3_000 })).toEqual(["second", "third"]);
    expect(await messages({ logStreamNames: ["a"], filterPattern: "third" })).toEqual(["third"]);
    expect((await filter({ logStreamNamePrefix: "b" })).events).toMatchObject([
      { logStreamName: "b", timestamp: 2_000, message: "second", eventId: expect.any(String) },
    ]);
  });

  it("gives a page at a time, and lines that come meanwhile once", async () => {
    for (let index = 0; index < 5; index += 1) aws.logs.put(group, "a", `line ${index}`, 1_000);
    const first = await filter({ limit: 2 });
    expect(first.events?.map(({ message }) => message)).toEqual(["line 0", "line 1"]);
    aws.logs.put(group, "a", "line 5", 1_000);
    const second = await filter({ nextToken: first.nextToken });
    expect(second.events?.map(({ message }) => message)).toEqual(["line 2", "line 3", "line 4", "line 5"]);
    expect(second.nextToken).toBeUndefined();
  });

  it("may give an empty page, and what is looked for on a later one", async () => {
    for (let index = 0; index < 1_500; index += 1) aws.logs.put(group, "a", "straw", 1_000);
    aws.logs.put(group, "a", "needle", 1_000);
    const first = await filter({ filterPattern: "needle" });
    expect(first).toMatchObject({ events: [], nextToken: expect.any(String) });
    expect(await messages({ filterPattern: "needle", nextToken: first.nextToken })).toEqual(["needle"]);
  });

  it("keeps the newest lines of a group", async () => {
    for (let index = 0; index < 12_000; index += 1) aws.logs.put(group, "a", String(index), index);
    const kept = aws.logs.lines(group);
    expect(kept.length).toBeGreaterThanOrEqual(9_000);
    expect(kept.length).toBeLessThanOrEqual(10_000);
    expect(kept.at(-1)).toBe("11999");
  });

  it("reads a stream from either end, and back and forth", async () => {
    for (let index = 0; index < 5; index += 1) aws.logs.put(group, "a", String(index), index);
    const get = async (rest: { startFromHead?: boolean; limit?: number; nextToken?: string | undefined }) => {
      const page = await logs.send(
        new GetLogEventsCommand({ logGroupName: group, logStreamName: "a", limit: 2, ...rest }),
      );
      return { ...page, lines: page.events?.map(({ message }) => message) };
    };
    const newest = await get({});
    expect(newest.lines).toEqual(["3", "4"]);
    expect((await get({ nextToken: newest.nextBackwardToken })).lines).toEqual(["1", "2"]);
    const oldest = await get({ startFromHead: true });
    expect(oldest.lines).toEqual(["0", "1"]);
    const rest = await get({ nextToken: oldest.nextForwardToken, limit: 10 });
    expect(rest.lines).toEqual(["2", "3", "4"]);
    const end = await get({ nextToken: rest.nextForwardToken });
    expect(end).toMatchObject({ lines: [], nextForwardToken: rest.nextForwardToken });
  });

  it("knows its groups, and no others", async () => {
    aws.logs.create("/listed/one", { retentionInDays: 14 });
    aws.logs.create("/listed/two");
    const input = { logGroupNamePrefix: "/listed/", limit: 1 };
    const first = await logs.send(new DescribeLogGroupsCommand(input));
    expect(first.logGroups).toMatchObject([
      { logGroupName: "/listed/one", retentionInDays: 14, creationTime: expect.any(Number) },
    ]);
    const second = await logs.send(new DescribeLogGroupsCommand({ ...input, nextToken: first.nextToken }));
    expect(second.logGroups?.map(({ logGroupName }) => logGroupName)).toEqual(["/listed/two"]);
    expect(second.nextToken).toBeUndefined();
    await expect(filter()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(filter({ filterPattern: "{ $.a" })).rejects.toMatchObject({ name: "InvalidParameterException" });
  });

  it("has what functions and tasks write, and what became of a handler that threw", async () => {
    await aws.invoke("talks", { hello: "world" });
    await aws.invoke("talks", { fail: true });
    group = "/aws/lambda/talks";
    // What a process prints comes by a pipe of its own, and may be behind its answer.
    await expect.poll(() => messages()).toHaveLength(3);
    expect(await messages({ filterPattern: '{ $.hello = "world" }' })).toHaveLength(1);
    const [thrown = ""] = (await messages({ filterPattern: "RangeError" })) ?? [];
    expect(JSON.parse(thrown)).toMatchObject({ level: "ERROR", message: { errorMessage: "too far" } });

    const ecs = new ECSClient(clientOf(aws));
    const { tasks } = await ecs.send(new RunTaskCommand(runTaskInput("bridge")));
    ecs.destroy();
    await log.waitFor(({ type }) => type === "task.stopped", 10_000, "the task's end");
    group = "/app/Bridge";
    expect((await filter()).events).toMatchObject([
      { message: "from the task", logStreamName: `/service/bridge/${tasks?.[0]?.taskArn?.split("/").at(-1)}` },
    ]);
  });
});
