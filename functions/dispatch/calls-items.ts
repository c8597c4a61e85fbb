import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { isLive, type Pair } from "./protocol.ts";

export type Item = Record<string, AttributeValue>;

/** What is known of a call itself. Unix epoch in milliseconds, by Stream's clock. */
export interface CallMarks {
  /** Its tombstone: the latest end that an event told of. */
  endedAtMs?: number;
  /** The latest event since that end, where the application used the call's id again. */
  aliveAtMs?: number;
  /** The latest call.ring. */
  rungAtMs?: number;
}

/** A claim for which a task runs, or will. */
export interface LiveClaim {
  cid: string;
  userId: string;
  launchId: string;
  claimedAtMs: number;
}

const dayMs = 24 * 3_600_000;

/** How long after its last write an item is kept. */
export const keptForMs = { call: 7 * dayMs, record: 90 * dayMs } as const;

/** Sort keys of the items of one call. */
export const sortKey = {
  /** Before the agent's user id: the pair, mailbox included. */
  pair: "agent#",
  /** Before the config's id: an assignment, as it was when the claim that names it was made. */
  config: "config#",
  /** What is known of the call itself: its tombstone. */
  marks: "call",
  /** Before the agent's user id, "#" and the time it came: one stay. */
  record: "record#",
} as const;

/** The value of `live`, the index's partition key; other items do not carry it. */
export const liveValue = "yes";

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });

export const keyOf = (cid: string, sk: string): Item => ({ pk: text(cid), sk: text(sk) });

/** TTL takes seconds. */
export const expiresAt = (nowMs: number, afterMs: number): AttributeValue =>
  number(Math.ceil((nowMs + afterMs) / 1000));

/** So many others may write before a process looks whether its own write, whose answer was lost, was made. */
const keptWriters = 8;

/** The latest writes to a pair, oldest first. */
export const writersOf = (item: Item | undefined): string[] => (item?.writers?.L ?? []).map(({ S = "" }) => S);

/**
 * A pair as it is stored: the whole of it as JSON, beside it what conditions and the index need. Each of `writers` names one
 * write, the last of them this one, so that a process whose answer was lost recognizes its own.
 */
export const pairItem = (cid: string, userId: string, pair: Pair, writers: readonly string[], nowMs: number): Item => ({
  ...keyOf(cid, `${sortKey.pair}${userId}`),
  version: number(pair.version),
  writers: { L: writers.slice(-keptWriters).map(text) },
  state: text(pair.state),
  launchId: text(pair.launchId),
  claimedAt: number(pair.claimedAtMs),
  ...(isLive(pair) ? { live: text(liveValue) } : {}),
  expiresAt: expiresAt(nowMs, keptForMs.call),
  pair: text(JSON.stringify(pair)),
});

/** Reads what `pairItem` wrote. Throws SyntaxError for anything else under that key. */
export const pairOf = (item: Item): Pair => JSON.parse(item.pair?.S ?? "");

export const userIdOf = (item: Item): string => (item.sk?.S ?? "").slice(sortKey.pair.length);

export const numberOf = (value: AttributeValue | undefined): number | undefined =>
  value?.N === undefined ? undefined : Number(value.N);
