import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { isLive, type Pair } from "./protocol.ts";

export type Item = Record<string, AttributeValue>;

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

/**
 * A pair as it is stored: the whole of it as JSON, beside it what conditions and the index need. `writer` names one write,
 * so that a process whose answer was lost recognizes its own.
 */
export const pairItem = (cid: string, userId: string, pair: Pair, writer: string, nowMs: number): Item => ({
  ...keyOf(cid, `${sortKey.pair}${userId}`),
  version: number(pair.version),
  writer: text(writer),
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
