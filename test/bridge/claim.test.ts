import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AbortedError, TimeoutError } from "../../bridge-task/errors.ts";
import { TableError } from "../../functions/dispatch/calls-table.ts";
import type { LocalDynamoDb } from "../cloud/aws/dynamodb.ts";
import { PairUnderTest, startTable } from "./claim-fixture.ts";

let dynamoDb: LocalDynamoDb;

beforeAll(async () => {
  dynamoDb = await startTable();
});

afterAll(() => dynamoDb?.close());

const never = new AbortController().signal;

describe("a task confirms its claim before it joins", () => {
  test("and the pair names it", async () => {
    const under = new PairUnderTest(dynamoDb);
    await under.ask();
    expect(await under.claim.confirm("task-1", never)).toMatchObject({ pair: { state: "running", taskArn: "task-1" } });
    expect(await under.pair()).toMatchObject({ state: "running", launchId: "launch-1", taskArn: "task-1" });
  });

  test("again, where the answer was lost: it is the same claim", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    expect(await under.claim.confirm("task-1", never)).toMatchObject({ pair: { taskArn: "task-1" } });
  });

  test("but not where another launch has the pair, or nobody has", async () => {
    const under = new PairUnderTest(dynamoDb);
    expect(await under.claim.confirm("task-1", never)).toEqual({ reason: "replaced" });
    await under.ask("launch-2");
    expect(await under.claim.confirm("task-1", never)).toEqual({ reason: "replaced" });
  });

  test("but not where it was sent away meanwhile", async () => {
    const under = new PairUnderTest(dynamoDb);
    await under.ask();
    await under.input({ type: "leave", reason: "removed", atMs: Date.now() });
    expect(await under.claim.confirm("task-1", never)).toEqual({ reason: "removed", configId: expect.any(String) });
  });

  test("once the earlier launch is out of the call", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    await under.claim.mayLeave("idle");
    await under.ask("launch-2");
    let isConfirmed = false;
    const next = under.claimOf("launch-2");
    const confirming = next.confirm("task-2", never).then((confirmed) => {
      isConfirmed = true;
      return confirmed;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(isConfirmed).toBe(false);
    await under.claim.left({ reason: "idle", detail: "" });
    expect(await confirming).toMatchObject({ pair: { state: "running", taskArn: "task-2" } });
  });

  test("and gives up in bounded time where the earlier launch stays", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    await under.claim.mayLeave("idle");
    await under.ask("launch-2");
    const next = under.claimOf("launch-2", { confirmTimeoutMs: 80 });
    await expect(next.confirm("task-2", never)).rejects.toBeInstanceOf(TimeoutError);
  });

  test("and gives up at once where the task is stopped", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    await under.claim.mayLeave("idle");
    await under.ask("launch-2");
    const stop = new AbortController();
    const confirming = under.claimOf("launch-2").confirm("task-2", stop.signal);
    stop.abort();
    await expect(confirming).rejects.toBeInstanceOf(AbortedError);
  });
});

describe("an agent that is about to leave an empty call", () => {
  test("may, where nobody came since it looked: then the pair waits for its goodbye", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    under.claim.sessionId = "session-1";
    expect(await under.claim.mayLeave("idle")).toBe(true);
    expect(await under.pair()).toMatchObject({
      state: "ended",
      end: { reason: "idle", sessionId: "session-1" },
      leaving: { launchId: "launch-1" },
    });
    await under.claim.left({ reason: "idle", detail: "" });
    expect((await under.pair())?.leaving).toBeUndefined();
  });

  test("may not, where somebody knocked since; once it knows of them, it may", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    await under.knock();
    expect(await under.claim.mayLeave("waited")).toBe(false);
    expect(under.claim.isLeaving).toBe(false);
    expect(await under.pair()).toMatchObject({ state: "running" });
    expect(await under.claim.mayLeave("waited")).toBe(true);
    expect(under.claim.isLeaving).toBe(true);
  });
});

describe("an agent that says its goodbye", () => {
  test.each(["max_duration", "kicked", "left"] as const)(
    "is not taken for there by who asks for it meanwhile, and the next one waits until it is out: %s",
    async (reason) => {
      const under = await new PairUnderTest(dynamoDb).begin();
      await under.claim.leaving({ reason, detail: "" });
      expect(await under.ask("launch-2")).toMatchObject({ state: "launching", launchId: "launch-2" });
      const next = under.claimOf("launch-2", { confirmTimeoutMs: 30 });
      await expect(next.confirm("task-2", never)).rejects.toBeInstanceOf(TimeoutError);
      await under.claim.left({ reason, detail: "" });
      expect(await next.confirm("task-2", never)).toMatchObject({ pair: { state: "running" } });
    },
  );

  test("stays away for its own reason where its process is killed before it is out", async () => {
    const under = await new PairUnderTest(dynamoDb).begin();
    await under.claim.leaving({ reason: "kicked", detail: "" });
    await under.input({ type: "stopped", launchId: "launch-1", newLaunchId: "launch-2" });
    const pair = await under.pair();
    expect(pair).toMatchObject({ state: "ended", end: { reason: "kicked" } });
    expect(pair?.leaving).toBeUndefined();
  });
});

test("the last words are said again until the table takes them: nobody else knows how the stay ended", async () => {
  const under = await new PairUnderTest(dynamoDb).begin();
  const { table } = under;
  let failureCount = 0;
  const failing = <T>(work: () => Promise<T>): Promise<T> => {
    failureCount += 1;
    return failureCount > 2 ? work() : Promise.reject(new TableError("a test", new Error("unreachable")));
  };
  const claim = under.claimOf("launch-1", {
    table: {
      pair: (cid, userId) => table.pair(cid, userId),
      config: (cid, configId) => table.config(cid, configId),
      change: (...given) => failing(() => table.change(...given)),
      putRecord: (...given) => failing(() => table.putRecord(...given)),
    },
  });
  await Promise.all([
    claim.left({ reason: "end_call", detail: "" }),
    claim.putRecord(new Date().toISOString(), { reason: "end_call" }),
  ]);
  expect(await under.pair()).toMatchObject({ state: "ended", end: { reason: "end_call" } });
  expect(await table.latestRecord(under.cid, "lucy")).toEqual({ reason: "end_call" });
});

test("a long reason is cut: the pair stays small", async () => {
  const under = await new PairUnderTest(dynamoDb).begin();
  await under.claim.left({ reason: "internal", detail: "x".repeat(10_000) });
  const { end } = (await under.pair()) ?? {};
  expect(end?.reason).toBe("internal");
  expect(end?.detail?.length).toBeLessThanOrEqual(500);
});
