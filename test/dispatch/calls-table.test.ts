import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallsTable, ConflictError, dynamoDbClientConfig, TableError } from "../../functions/dispatch/calls-table.ts";
import type { Ask } from "../../functions/dispatch/protocol.ts";
import { type LocalDynamoDb, startDynamoDb } from "../cloud/aws/dynamodb.ts";
import { callsTable, credentials, tableName } from "./fixture.ts";
import { type LosingProxy, startLosingProxy } from "./losing-proxy.ts";

let dynamoDb: LocalDynamoDb;
let proxy: LosingProxy;
let client: DynamoDBClient;
let table: CallsTable;
let nowMs = Date.parse("2026-01-02T03:04:05Z");
let callCount = 0;

const newCall = (): string => {
  callCount += 1;
  return `default:call-${callCount}`;
};

const ask = (rest: Partial<Ask> = {}): Ask => ({
  type: "ask",
  source: "post",
  launchId: crypto.randomUUID(),
  configId: "c",
  eventAtMs: nowMs,
  ...rest,
});

beforeAll(async () => {
  dynamoDb = await startDynamoDb([callsTable]);
  proxy = await startLosingProxy(dynamoDb.endpointUrl);
  client = new DynamoDBClient({ ...dynamoDbClientConfig, endpoint: proxy.url, region: "us-east-1", credentials });
  table = new CallsTable({ client, tableName, now: () => nowMs });
});

afterAll(async () => {
  client.destroy();
  await proxy.close();
  await dynamoDb.close();
});

describe("a change", () => {
  it("is made by the protocol, and what is stored is what is read", async () => {
    const cid = newCall();
    const input = ask({ agent: "lucy", sessionId: "s" });
    const { step, pair } = await table.change(cid, "max", input);
    expect(step).toMatchObject({ runTask: true, answer: { type: "launched" } });
    expect(pair).toMatchObject({ version: 1, launchId: input.launchId, agent: "lucy" });
    expect(await table.pair(cid, "max")).toEqual(pair);
    expect(await table.pairs(cid)).toEqual([{ userId: "max", pair }]);
  });

  it("that is none is not written", async () => {
    const cid = newCall();
    const { step, pair } = await table.change(cid, "max", { type: "leave", reason: "removed", atMs: nowMs });
    expect(step.answer).toEqual({ type: "not_there" });
    expect(pair).toBeUndefined();
    expect(await table.pair(cid, "max")).toBeUndefined();
  });

  it("is decided again on what another process wrote in between", async () => {
    const cid = newCall();
    const read: (string | undefined)[] = [];
    const { step } = await table.change(cid, "max", async (pair) => {
      read.push(pair?.state);
      if (read.length === 1) await table.change(cid, "max", ask());
      return ask();
    });
    expect(read).toEqual([undefined, "launching"]);
    expect(step.answer.type).toBe("launching");
  });

  it("that others are always quicker than is given up as a conflict, which may be tried again", async () => {
    const cid = newCall();
    await table.change(cid, "max", ask());
    const other = async () => {
      const mail = { id: crypto.randomUUID(), atMs: nowMs, kind: "message", text: "x", respond: false } as const;
      await table.change(cid, "max", { type: "mail", mail });
      return { type: "ring" } as const;
    };
    // Sixteen tries would take seconds: the caller's patience ends first.
    const hasty = table.until(AbortSignal.timeout(300));
    await expect(hasty.change(cid, "max", other)).rejects.toThrow(TableError);
    expect(new ConflictError(cid, "max")).toMatchObject({ code: "conflict", retryable: true });
  });

  it("is decided by one look at the clock, for its input and for the step", async () => {
    const cid = newCall();
    let clockMs = 0;
    const ticking = new CallsTable({ client: dynamoDb.client, tableName, now: () => (clockMs += 1) });
    let seenMs = 0;
    const { pair } = await ticking.change(cid, "max", (_pair, nowMs) => {
      seenMs = nowMs;
      return ask();
    });
    expect(pair?.claimedAtMs).toBe(seenMs);
  });

  it("whose answer is lost is made once, and known for its own", async () => {
    const cid = newCall();
    proxy.loseNext("PutItem");
    const input = ask();
    const { step, pair } = await table.change(cid, "max", input);
    expect(step.answer.type).toBe("launched");
    expect(pair).toMatchObject({ version: 1, launchId: input.launchId });
    await table.change(cid, "max", { type: "confirm", launchId: input.launchId, taskArn: "arn" });

    // Knocking twice would count twice.
    proxy.loseNext("PutItem");
    const knock = ask({ source: "event", eventAtMs: nowMs + 1, sessionId: "s" });
    const { pair: knocked } = await table.change(cid, "max", knock);
    expect(knocked).toMatchObject({ version: 3, knockCount: (pair?.knockCount ?? 0) + 1 });
    expect(await table.pair(cid, "max")).toEqual(knocked);
  });

  it("whose answer is lost is known for its own also where others have changed the pair since: no letter is sent twice", async () => {
    const cid = newCall();
    const { launchId } = ask();
    await table.change(cid, "max", ask({ launchId }));
    await table.change(cid, "max", { type: "confirm", launchId, taskArn: "arn" });
    const mail = { id: "letter", atMs: nowMs, kind: "message", text: "Hello.", respond: true } as const;
    proxy.loseNext("PutItem", async () => {
      // The task is quick: it has read the letter before the answer was missed.
      await table.change(cid, "max", { type: "beat", launchId, acknowledged: [{ id: mail.id }] });
      await table.change(cid, "max", { type: "beat", launchId, acknowledged: [] });
    });
    const { step } = await table.change(cid, "max", { type: "mail", mail });
    expect(step.answer).toEqual({ type: "sent" });
    expect(await table.pair(cid, "max")).toMatchObject({ version: 5, mail: [] });
  });

  it("of twenty at once is made twenty times, one after the other", async () => {
    const cid = newCall();
    await table.change(cid, "max", ask());
    const { launchId } = (await table.pair(cid, "max")) ?? { launchId: "" };
    await table.change(cid, "max", { type: "confirm", launchId, taskArn: "arn" });
    const knock = (count: number) =>
      table.change(cid, "max", ask({ source: "event", eventAtMs: nowMs + count, sessionId: "s" }));
    await Promise.all(Array.from({ length: 20 }, (_, count) => knock(count)));
    expect((await table.pair(cid, "max"))?.version).toBe(22);
  });
});

describe("the list of live pairs", () => {
  it("has those whose task runs or will, or is on its way out, and no others", async () => {
    const cid = newCall();
    const mine = async () =>
      (await table.live(() => undefined)).filter((one) => one.cid === cid).map(({ userId }) => userId);
    const { pair } = await table.change(cid, "max", ask());
    await table.change(cid, "eva", ask());
    expect((await mine()).toSorted()).toEqual(["eva", "max"]);
    await table.change(cid, "eva", { type: "leave", reason: "removed", atMs: nowMs });
    expect(await mine()).toEqual(["max"]);

    const launchId = pair?.launchId ?? "";
    await table.change(cid, "max", { type: "confirm", launchId, taskArn: "arn" });
    const end = { type: "end", launchId, reason: "idle", knockCount: 9 } as const;
    await table.change(cid, "max", { ...end, isOut: false });
    expect(await mine()).toEqual(["max"]);
    expect((await table.liveClaims(nowMs)).filter((claim) => claim.cid === cid)).toEqual([]);
    await table.change(cid, "max", { ...end, isOut: true });
    expect(await mine()).toEqual([]);
  });

  it("tells who claimed what, until a time", async () => {
    const cid = newCall();
    const atMs = nowMs;
    const { pair } = await table.change(cid, "max", ask());
    nowMs += 1_000;
    await table.change(cid, "eva", ask());
    expect((await table.liveClaims(atMs)).filter((claim) => claim.cid === cid)).toEqual([
      { cid, userId: "max", launchId: pair?.launchId, claimedAtMs: atMs },
    ]);
  });
});

describe("assignments", () => {
  it("are stored under an id of what they say", async () => {
    const cid = newCall();
    const assignment = { user: { id: "max", name: "Max" }, session: { instructions: "Talk." }, data: { row: 7 } };
    const configId = await table.storeConfig(cid, assignment);
    expect(await table.storeConfig(cid, structuredClone(assignment))).toBe(configId);
    expect(await table.storeConfig(cid, { ...assignment, data: { row: 8 } })).not.toBe(configId);
    expect(await table.config(cid, configId)).toEqual(assignment);
    await expect(table.config(newCall(), configId)).rejects.toThrow(/ask for the agent again/);
  });

  it("live as long as they are used", async () => {
    const cid = newCall();
    const configId = await table.storeConfig(cid, { user: { id: "max" } });
    const expiry = async () => {
      const Key = { pk: { S: cid }, sk: { S: `config#${configId}` } };
      const { Item } = await dynamoDb.client.send(new GetItemCommand({ TableName: tableName, Key }));
      return Number(Item?.expiresAt?.N);
    };
    const before = await expiry();
    expect(before).toBe(Math.ceil(nowMs / 1000) + 7 * 86_400);
    nowMs += 86_400_000;
    await table.keepConfig(cid, configId);
    expect(await expiry()).toBe(before + 86_400);
    await table.keepConfig(newCall(), "unknown");
  });
});

describe("marks of a call", () => {
  it("keep the latest time of each", async () => {
    const cid = newCall();
    expect(await table.marks(cid)).toEqual({});
    await Promise.all([20, 10, 30, 5].map((atMs) => table.markEnded(cid, atMs)));
    await table.markRung(cid, 7);
    await table.markAlive(cid, 40);
    expect(await table.marks(cid)).toEqual({ endedAtMs: 30, rungAtMs: 7, aliveAtMs: 40 });
    expect(await table.endedAtMs(cid)).toBe(30);
  });
});

it("a table that does not answer, or is not there, is a failure that may pass", async () => {
  const missing = new CallsTable({ client, tableName: "Missing" });
  await expect(missing.pair("a:b", "max")).rejects.toMatchObject({ code: "table_failed", retryable: true });
  await expect(missing.storeConfig("a:b", { user: { id: "max" } })).rejects.toBeInstanceOf(TableError);
  await expect(table.until(AbortSignal.abort()).pairs("a:b")).rejects.toBeInstanceOf(TableError);
});
