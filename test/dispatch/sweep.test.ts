import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Fixture, startFixture, stoppedDetail, tableName } from "./fixture.ts";

const cid = "default:demo";
const minuteMs = 60_000;
let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.close());

const nothing = { liveCount: 1, askedAgainCount: 0, stoppedCount: 0, failedCount: 0 };

it("leaves alone what is young or well", async () => {
  await fixture.ask(cid);
  expect(await fixture.dispatcher.sweep()).toEqual(nothing);
  await fixture.confirm(cid);
  fixture.advance(minuteMs);
  const { launchId } = await fixture.pair(cid);
  await fixture.table.change(cid, "max", { type: "beat", launchId, acknowledged: [] });
  expect(await fixture.dispatcher.sweep()).toEqual(nothing);
  expect(fixture.started()).toHaveLength(1);
});

it("asks ECS again for a launch that nobody heard of, with the same token", async () => {
  fixture.aws.planFault({ action: "RunTask", kind: "error", code: "ServerException", status: 500 });
  await expect(fixture.ask(cid)).rejects.toThrow("RunTask");
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, askedAgainCount: 1 });
  const { launchId } = await fixture.pair(cid);
  expect(fixture.started().map(({ job }) => job.launchId)).toEqual([launchId]);
});

it("starts another task where the one that was asked for died before it said a word, and its end was not told", async () => {
  await fixture.ask(cid);
  await fixture.die(fixture.latest(cid));
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, askedAgainCount: 1 });
  expect(fixture.started()).toHaveLength(2);
  expect(await fixture.pair(cid)).toMatchObject({ state: "launching", launchId: fixture.latest(cid).job.launchId });
});

it("does not believe a silent task dead while ECS says that it runs", async () => {
  await fixture.ask(cid);
  await fixture.confirm(cid);
  fixture.advance(10 * minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual(nothing);
  expect(await fixture.pair(cid)).toMatchObject({ state: "running" });
});

it("replaces a task that stopped without anybody being told", async () => {
  await fixture.ask(cid);
  await fixture.confirm(cid);
  await fixture.die(fixture.latest(cid));
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, stoppedCount: 1 });
  expect(fixture.started()).toHaveLength(2);
  expect(await fixture.confirm(cid)).toBe("confirmed");
});

it("takes a running task that ECS has forgotten for stopped", async () => {
  await fixture.ask(cid);
  const { launchId } = await fixture.pair(cid);
  const taskArn = "arn:aws:ecs:us-east-1:123456789012:task/local/forgotten";
  await fixture.table.change(cid, "max", { type: "confirm", launchId, taskArn });
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, stoppedCount: 1 });
  expect((await fixture.pair(cid)).launchId).not.toBe(launchId);
});

it("launches an agent that was called for when it had crashed too often, as soon as it may, with what joins said", async () => {
  await fixture.ask(cid);
  for (const outcome of ["relaunched", "relaunched", "gave_up"]) {
    await fixture.confirm(cid);
    expect(await fixture.crash(cid)).toBe(outcome);
  }
  const joins = { source: "event", sessionId: "two", user: { id: "max", name: "Max" } } as const;
  const eventAtMs = fixture.now() + 1;
  expect(await fixture.ask(cid, { ...joins, eventAtMs })).toMatchObject({ outcome: "refused", reason: "launches" });
  fixture.advance(9 * minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual(nothing);
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, stoppedCount: 1 });
  expect(fixture.started()).toHaveLength(4);
  const { state, sessionId, configId } = await fixture.pair(cid);
  expect({ state, sessionId }).toEqual({ state: "launching", sessionId: "two" });
  expect(await fixture.table.config(cid, configId)).toMatchObject({ user: joins.user });
});

it("starts nothing for a call that has ended meanwhile", async () => {
  fixture.aws.planFault({ action: "RunTask", kind: "error", code: "ServerException", status: 500 });
  await expect(fixture.ask(cid)).rejects.toThrow("RunTask");
  // The tombstone is there, its writer was cut off before it told the agents.
  await fixture.table.markEnded(cid, fixture.now());
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, askedAgainCount: 1 });
  expect(fixture.started()).toEqual([]);
  expect(await fixture.pair(cid)).toMatchObject({ state: "ended", end: { reason: "call_ended" } });
  expect(await fixture.dispatcher.sweep()).toEqual({ ...nothing, liveCount: 0 });
});

it("goes on with the others when one cannot be looked after", async () => {
  await fixture.ask("default:one");
  await fixture.ask("default:two");
  fixture.advance(minuteMs);
  fixture.aws.planFault({ action: "RunTask", kind: "error", code: "ServerException", status: 500 });
  expect(await fixture.dispatcher.sweep()).toMatchObject({ liveCount: 2, askedAgainCount: 2, failedCount: 1 });
  expect(fixture.lines.filter(({ event }) => event === "sweep_failed")).toHaveLength(1);
});

it("goes on with the others when one cannot be read", async () => {
  await fixture.ask("default:one");
  const torn = {
    pk: { S: "default:torn" },
    sk: { S: "agent#max" },
    live: { S: "yes" },
    claimedAt: { N: "1" },
    pair: { S: "{" },
  };
  await fixture.aws.dynamoDb.send(new PutItemCommand({ TableName: tableName, Item: torn }));
  fixture.advance(minuteMs);
  expect(await fixture.dispatcher.sweep()).toMatchObject({ liveCount: 1, askedAgainCount: 1, failedCount: 1 });
});

it("asks again for launches while ECS does not tell about tasks", async () => {
  await fixture.ask("default:silent");
  await fixture.confirm("default:silent");
  await fixture.ask("default:slow");
  fixture.advance(minuteMs);
  fixture.aws.planFault({ action: "DescribeTasks", kind: "error", code: "ServerException", status: 500, times: 9 });
  expect(await fixture.dispatcher.sweep()).toMatchObject({ liveCount: 2, askedAgainCount: 1, failedCount: 1 });
});

it("overlaps with itself and with the news of the same end, told twice: one task follows", async () => {
  await fixture.ask(cid);
  await fixture.confirm(cid);
  const task = fixture.latest(cid);
  await fixture.die(task);
  fixture.advance(minuteMs);
  const { dispatcher } = fixture;
  const news = stoppedDetail(task);
  await Promise.all([dispatcher.sweep(), dispatcher.stopped(news), dispatcher.sweep(), dispatcher.stopped(news)]);
  expect(fixture.started()).toHaveLength(2);
  expect(await fixture.pair(cid)).toMatchObject({ state: "launching", launchId: fixture.latest(cid).job.launchId });
});

it("has the task of a frozen process turned away, where its agent was sent away meanwhile", async () => {
  // Frozen between its claim and the answer of ECS.
  fixture.aws.planFault({ action: "RunTask", kind: "delay", delayMs: 300 });
  const frozen = fixture.ask(cid);
  await expect.poll(() => fixture.table.pair(cid, "max")).toBeDefined();
  fixture.advance(minuteMs);
  await fixture.dispatcher.sweep();
  await fixture.dispatcher.dismiss(cid, "max");
  await frozen;
  expect(fixture.started()).toHaveLength(1);
  expect(await fixture.confirm(cid)).toBe("leave");
});
