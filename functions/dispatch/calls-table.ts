import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BridgeError, InvalidInputError } from "../../bridge-task/errors.ts";
import type { Assignment } from "../../bridge-task/job.ts";
import { inParallel } from "./bounded.ts";
import {
  type CallMarks,
  expiresAt,
  type Item,
  keptForMs,
  keyOf,
  type LiveClaim,
  liveValue,
  number,
  numberOf,
  pairItem,
  pairOf,
  sortKey,
  text,
  userIdOf,
  writersOf,
} from "./calls-items.ts";
import { liveIndex } from "./calls-table-schema.ts";
import { ItemTable, TableError } from "./item-table.ts";
import { type Input, isLive, type Pair, type Step, step } from "./protocol.ts";

export type { CallMarks, LiveClaim } from "./calls-items.ts";
export { callsTableSchema, callsTableTtlAttribute } from "./calls-table-schema.ts";
export { dynamoDbClientConfig, TableError } from "./item-table.ts";

/** An assignment with 48 kB of instructions and some tools is well below; an item may have 400 kB. */
export const maxConfigBytes = 100_000;
const maxRecordBytes = 350_000;

/** Pauses are random up to a bound that doubles: of fifty processes at the same pair the last gets through in some seconds. */
const maxTries = 16;
const firstPauseMs = 20;
const longestPauseMs = 1_000;
/** Pairs that are read at the same time. */
const parallelReads = 10;

/** Others changed the same pair each time this process was about to. */
export class ConflictError extends BridgeError {
  constructor(cid: string, userId: string) {
    super("conflict", `the agent ${userId} of ${cid} was changed by others ${maxTries} times in a row: ask again`, {
      retryable: true,
      data: { cid, userId },
    });
  }
}

export interface CallsTableOptions {
  client: DynamoDBClient;
  tableName: string;
  /** Unix epoch in milliseconds. */
  now?: () => number;
  /** Ends every request and pause. */
  signal?: AbortSignal;
}

/** What was decided, and the pair as it is stored now. */
export interface Changed {
  step: Step;
  pair: Pair | undefined;
}

/** A change that was made, where others may have changed the pair since: what they ended needs no task. */
const asItStands = ({ step: taken, pair }: { step: Step; pair: Pair }, now: Pair | undefined): Changed => {
  const stands = now?.state === "launching" && now.launchId === pair.launchId;
  return { step: { ...taken, runTask: taken.runTask && stands }, pair: now };
};

/**
 * The table "Calls": for each call its agents (pairs), their assignments, its tombstone and the records of their stays.
 * A pair is changed by the pure protocol alone: read, step, write on condition of what was read.
 * Every method rejects with TableError when DynamoDB does not answer or refuses.
 */
export class CallsTable {
  readonly #options: CallsTableOptions;
  readonly #items: ItemTable;
  readonly #now: () => number;

  constructor(options: CallsTableOptions) {
    this.#options = options;
    this.#items = new ItemTable(options.client, options.tableName, options.signal);
    this.#now = options.now ?? Date.now;
  }

  /** The same table, whose requests end with the signal. */
  until(signal: AbortSignal): CallsTable {
    return new CallsTable({ ...this.#options, signal });
  }

  /**
   * Takes an input to a pair. A function is called with each version that was read, and with the time of the step, and makes the
   * input for it.
   * Rejects with ConflictError when others were quicker each time.
   */
  async change(
    cid: string,
    userId: string,
    input: Input | ((pair: Pair | undefined, nowMs: number) => Input | Promise<Input>),
  ): Promise<Changed> {
    const sk = `${sortKey.pair}${userId}`;
    // A try whose answer was lost may have written: then the same request, sent again, fails on what it wrote itself.
    let written: { step: Step; pair: Pair; writer: string } | undefined;
    for (let tryCount = 1; tryCount <= maxTries; tryCount++) {
      const item = await this.#items.get(cid, sk);
      const before = item && pairOf(item);
      const writers = writersOf(item);
      if (written !== undefined && writers.includes(written.writer)) return asItStands(written, before);
      const nowMs = this.#now();
      const taken = step(before, typeof input === "function" ? await input(before, nowMs) : input, nowMs);
      if (taken.pair === undefined) return { step: taken, pair: before };
      const pair = { ...taken.pair, version: (before?.version ?? 0) + 1 };
      written = { step: { ...taken, pair }, pair, writer: randomUUID() };
      const next = pairItem(cid, userId, pair, [...writers, written.writer], nowMs);
      if (await this.#replace(before, next)) return written;
      await this.#pause(Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** (tryCount - 1)));
    }
    throw new ConflictError(cid, userId);
  }

  async pair(cid: string, userId: string): Promise<Pair | undefined> {
    const item = await this.#items.get(cid, `${sortKey.pair}${userId}`);
    return item && pairOf(item);
  }

  /** All agents of a call, past ones included. */
  async pairs(cid: string): Promise<{ userId: string; pair: Pair }[]> {
    const items = await this.#items.query({
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": text(cid), ":prefix": text(sortKey.pair) },
    });
    return items.map((item) => ({ userId: userIdOf(item), pair: pairOf(item) }));
  }

  /**
   * The pairs that the sweeper looks after. A claim of the last second may be missing: an index runs behind. `onUnread`: told of
   * each that could not be read, for the others are not to suffer for it.
   */
  async live(
    onUnread: (cid: string, userId: string, error: unknown) => void,
  ): Promise<{ cid: string; userId: string; pair: Pair }[]> {
    const found = await inParallel(await this.#liveItems(), parallelReads, async (item) => {
      const [cid, userId] = [item.pk?.S ?? "", userIdOf(item)];
      try {
        const pair = await this.pair(cid, userId);
        return pair !== undefined && isLive(pair) ? [{ cid, userId, pair }] : [];
      } catch (error) {
        onUnread(cid, userId, error);
        return [];
      }
    });
    return found.flat();
  }

  /** The claims that were made until then, by the index: what was claimed or ended in the last second may be told wrong. */
  async liveClaims(untilMs: number): Promise<LiveClaim[]> {
    return (await this.#liveItems(untilMs))
      .filter(({ state }) => state?.S !== "ended")
      .map((item) => ({
        cid: item.pk?.S ?? "",
        userId: userIdOf(item),
        launchId: item.launchId?.S ?? "",
        claimedAtMs: numberOf(item.claimedAt) ?? 0,
      }));
  }

  /** Stores an assignment under an id that is made of it. Throws InvalidInputError when it is too large. */
  async storeConfig(cid: string, assignment: Assignment): Promise<string> {
    const json = JSON.stringify(assignment);
    const bytes = Buffer.byteLength(json);
    if (bytes > maxConfigBytes) {
      throw new InvalidInputError(
        `the agent's settings for this call have ${bytes} bytes, at most ${maxConfigBytes} may be: shorten instructions, tools or data`,
      );
    }
    const configId = createHash("sha256").update(json).digest("hex").slice(0, 32);
    const item = { ...keyOf(cid, `${sortKey.config}${configId}`), config: text(json) };
    await this.#items.put({ ...item, expiresAt: expiresAt(this.#now(), keptForMs.call) });
    return configId;
  }

  /** A config that is used again is kept as long as the pair that uses it. */
  async keepConfig(cid: string, configId: string): Promise<void> {
    await this.#update(cid, `${sortKey.config}${configId}`, "attribute_exists(pk)", {});
  }

  /** Rejects with InvalidInputError when there is none: it expired. */
  async config(cid: string, configId: string): Promise<Assignment> {
    const item = await this.#items.get(cid, `${sortKey.config}${configId}`);
    if (item?.config?.S !== undefined) return JSON.parse(item.config.S);
    throw new InvalidInputError(
      `the assignment ${configId} of ${cid} is not in the calls table: ask for the agent again`,
    );
  }

  async marks(cid: string): Promise<CallMarks> {
    const item = await this.#items.get(cid, sortKey.marks);
    const marks = (["endedAtMs", "aliveAtMs", "rungAtMs"] as const).map((name) => [name, numberOf(item?.[name])]);
    return Object.fromEntries(marks.filter(([, value]) => value !== undefined));
  }

  async endedAtMs(cid: string): Promise<number | undefined> {
    return (await this.marks(cid)).endedAtMs;
  }

  /** Puts the tombstone; a later one stays. */
  markEnded(cid: string, endedAtMs: number): Promise<void> {
    return this.#mark(cid, "endedAtMs", endedAtMs);
  }

  /** An event that is younger than the tombstone showed the call alive. */
  markAlive(cid: string, aliveAtMs: number): Promise<void> {
    return this.#mark(cid, "aliveAtMs", aliveAtMs);
  }

  markRung(cid: string, rungAtMs: number): Promise<void> {
    return this.#mark(cid, "rungAtMs", rungAtMs);
  }

  /** `startedAt`: ISO 8601, UTC. Written again, it replaces. */
  async putRecord(cid: string, userId: string, startedAt: string, record: object): Promise<void> {
    const json = JSON.stringify(record);
    if (Buffer.byteLength(json) > maxRecordBytes) {
      throw new InvalidInputError(
        `the record of ${userId} in ${cid} is longer than ${maxRecordBytes} bytes: shorten it`,
      );
    }
    const item = { ...keyOf(cid, `${sortKey.record}${userId}#${startedAt}`), record: text(json) };
    await this.#items.put({ ...item, expiresAt: expiresAt(this.#now(), keptForMs.record) });
  }

  async latestRecord(cid: string, userId: string): Promise<object | undefined> {
    const items = await this.#items.query({
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": text(cid), ":prefix": text(`${sortKey.record}${userId}#`) },
      ScanIndexForward: false,
      Limit: 1,
    });
    return items[0]?.record?.S === undefined ? undefined : JSON.parse(items[0].record.S);
  }

  #liveItems(untilMs = Number.MAX_SAFE_INTEGER): Promise<Item[]> {
    return this.#items.query({
      IndexName: liveIndex,
      KeyConditionExpression: "live = :live AND claimedAt <= :until",
      ExpressionAttributeValues: { ":live": text(liveValue), ":until": number(untilMs) },
    });
  }

  /** Whether the pair was written: false when it is no longer what was read. */
  #replace(before: Pair | undefined, next: Item): Promise<boolean> {
    const condition =
      before === undefined
        ? { ConditionExpression: "attribute_not_exists(pk)" }
        : {
            ConditionExpression: "version = :version",
            ExpressionAttributeValues: { ":version": number(before.version) },
          };
    return this.#items.put(next, condition);
  }

  #mark(cid: string, name: keyof CallMarks, atMs: number): Promise<void> {
    return this.#update(cid, sortKey.marks, `attribute_not_exists(${name}) OR ${name} < :${name}`, { [name]: atMs });
  }

  /** Sets numbers, and the time to live, where the condition holds; elsewhere nothing. */
  async #update(cid: string, sk: string, condition: string, numbers: Readonly<Record<string, number>>): Promise<void> {
    const entries = Object.entries(numbers);
    await this.#items.update(cid, sk, {
      ConditionExpression: condition,
      UpdateExpression: `SET ${["expiresAt", ...Object.keys(numbers)].map((name) => `${name} = :${name}`).join(", ")}`,
      ExpressionAttributeValues: {
        ":expiresAt": expiresAt(this.#now(), keptForMs.call),
        ...Object.fromEntries(entries.map(([name, value]) => [`:${name}`, number(value)])),
      },
    });
  }

  async #pause(pauseMs: number): Promise<void> {
    const { signal } = this.#options;
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
      throw new TableError("a change in time", cause);
    });
  }
}
