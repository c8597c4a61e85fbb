import { randomUUID } from "node:crypto";
import type { AgentUser } from "../../bridge-task/job.ts";
import type { Logger } from "../../bridge-task/log.ts";
import type { Caps } from "../config.ts";
import type { AnnounceJoining } from "./announce-joining.ts";
import type { CallMarks, CallsTable, LiveClaim } from "./calls-table.ts";
import { capExceeded } from "./caps.ts";
import { LaunchError, type TaskRunner } from "./ecs.ts";
import { isCallOver, isClaimed, type Pair } from "./protocol.ts";

/** What dispatch works with. */
export interface DispatchParts {
  table: CallsTable;
  tasks: TaskRunner;
  caps: Caps;
  announceJoining: AnnounceJoining;
  logger: Logger;
  /** Unix epoch in milliseconds. */
  now: () => number;
  signal?: AbortSignal | undefined;
}

/** An agent of a call. */
export interface Place {
  /** "type:id" */
  cid: string;
  userId: string;
}

export type Started =
  | { outcome: "started"; pair: Pair; taskArn: string }
  | { outcome: "withdrawn"; reason: "call_ended" | "agents_per_call" | "calls_at_once" }
  /** The launch was made before and is over, and this process launches no other. */
  | { outcome: "over"; pair: Pair };

/** A call rings for less than this, by Stream's clock and ours. */
const ringWindowMs = 2 * 60_000;
/** A launch whose token turns out to be used up is followed by another; the protocol allows three in ten minutes. */
const maxTokens = 3;

export const callOf = (cid: string): { type: string; id: string } => {
  const colon = cid.indexOf(":");
  return { type: cid.slice(0, colon), id: cid.slice(colon + 1) };
};

/** The tombstone, unless a later event showed the call alive. */
export const endOfCall = ({ endedAtMs, aliveAtMs = 0 }: CallMarks): number | undefined =>
  endedAtMs === undefined || aliveAtMs > endedAtMs ? undefined : endedAtMs;

const isRinging = ({ rungAtMs }: CallMarks, nowMs: number): boolean =>
  rungAtMs !== undefined && Math.abs(nowMs - rungAtMs) < ringWindowMs;

/**
 * The claims that a new one is ranked among. Those of its own call are read consistently, so that two processes that claimed
 * at once see each other; the rest come from an index that is a moment behind, so that the cap on calls may be passed by the
 * few that were claimed in that moment.
 */
const claimsAround = async ({ table }: DispatchParts, mine: LiveClaim): Promise<LiveClaim[]> => {
  const [pairs, everywhere] = await Promise.all([table.pairs(mine.cid), table.liveClaims(mine.claimedAtMs)]);
  const inCall = pairs
    .filter(({ pair }) => isClaimed(pair))
    .map(({ userId, pair: { launchId, claimedAtMs } }) => ({ cid: mine.cid, userId, launchId, claimedAtMs }));
  return [...inCall, ...everywhere.filter(({ cid }) => cid !== mine.cid)];
};

/** Why a claim gets no task, if so; it is taken back then. */
const withdraw = async (
  parts: DispatchParts,
  { cid, userId }: Place,
  pair: Pair,
  marks: CallMarks,
): Promise<Extract<Started, { outcome: "withdrawn" }> | undefined> => {
  const endedAtMs = endOfCall(marks);
  if (endedAtMs !== undefined && isCallOver(pair, endedAtMs)) {
    await parts.table.change(cid, userId, { type: "leave", reason: "call_ended", atMs: endedAtMs });
    return { outcome: "withdrawn", reason: "call_ended" };
  }
  // What is no claim any more counts for no cap: ECS is only asked what became of its task.
  if (!isClaimed(pair)) return undefined;
  const { launchId, claimedAtMs } = pair;
  const mine = { cid, userId, launchId, claimedAtMs };
  const reason = capExceeded(mine, await claimsAround(parts, mine), parts.caps);
  if (reason === undefined) return undefined;
  await parts.table.change(cid, userId, { type: "over_cap", launchId });
  return { outcome: "withdrawn", reason };
};

export interface StartOptions {
  /** The launch was claimed just now: people in the call are told. */
  isNew: boolean;
  /** The user that the agent is to be, as far as it is known here. */
  user?: AgentUser;
  /** Nobody delivers again what asked for the launch: where ECS refuses, the sweeper goes on asking. */
  isAskedAgain?: boolean;
}

/**
 * From a claim to its task: `pair` is launching, and a task of its launch is started, or found. Before that the tombstone is
 * read again, for whoever ended the call meanwhile may not have seen the claim.
 * Rejects with LaunchError when ECS refused, or when nobody knows: whoever asks again gets the same launch, or a new one.
 */
export const startTask = async (
  parts: DispatchParts,
  place: Place,
  pair: Pair,
  { isNew, user, isAskedAgain = false }: StartOptions,
): Promise<Started> => {
  const { table, tasks, signal } = parts;
  const { cid, userId } = place;
  const call = callOf(cid);
  let current = pair;
  let announced: Promise<void> | undefined;
  for (let tokenCount = 1; tokenCount <= maxTokens; tokenCount++) {
    const marks = await table.marks(cid);
    const withdrawn = await withdraw(parts, place, current, marks);
    if (withdrawn !== undefined) return withdrawn;
    if (isRinging(marks, parts.now()) && current.rings !== true) await table.change(cid, userId, { type: "ring" });
    if (isNew)
      announced ??= parts.announceJoining({ call, user: user ?? { id: userId }, mayCreateUser: user !== undefined });
    const { launchId } = current;
    const answer = await tasks
      .run({ version: 2, call, agentUserId: userId, launchId }, signal)
      .finally(() => announced);
    if (answer.kind === "refused") {
      await table.change(cid, userId, { type: "refused", launchId, detail: answer.reason, isAskedAgain });
      throw new LaunchError(
        `ECS refused the task (${answer.reason}): look at the cluster's capacity, the account's Fargate quota and the subnets`,
        { data: { reason: answer.reason } },
      );
    }
    if (answer.end === undefined) return { outcome: "started", pair: current, taskArn: answer.taskArn };
    const { isByOperator, detail } = answer.end;
    const { step, pair: next } = await table.change(cid, userId, {
      type: "stopped",
      launchId,
      newLaunchId: randomUUID(),
      operatorStopped: isByOperator,
      detail,
    });
    if (next !== undefined) current = next;
    if (!step.runTask) break;
  }
  return { outcome: "over", pair: current };
};
