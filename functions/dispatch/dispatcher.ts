import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Assignment } from "../../bridge-task/job.ts";
import { onAll } from "./bounded.ts";
import type { CallMarks, CallsTable } from "./calls-table.ts";
import { type DispatchParts, endOfCall, type Place, startTask } from "./launcher.ts";
import { type IgnoredReason, type Input, isClaimed, type Mail, type Pair, step } from "./protocol.ts";
import { type SweepOutcome, sweep } from "./sweeper.ts";
import { type StoppedOutcome, taskStopped } from "./task-stopped.ts";

export { ConflictError, TableError } from "./calls-table.ts";
export { LaunchError } from "./ecs.ts";
export type { SweepOutcome } from "./sweeper.ts";
export type { StoppedOutcome } from "./task-stopped.ts";

/** Somebody wants an agent in a call. */
export interface AskRequest {
  call: { type: string; id: string };
  assignment: Assignment;
  /** `post`: a request of the application's. `event`: a Stream event whose `joins` said yes. */
  source: "post" | "event";
  sessionId?: string | undefined;
  /** When Stream made the event, or the request came; Unix epoch in milliseconds. */
  eventAtMs: number;
}

export type AskRefusal =
  /** The call has ended. */
  | "call_ended"
  /** The call has as many agents as it may have. */
  | "agents_per_call"
  /** As many calls have agents as may have at once. */
  | "calls_at_once"
  /** This agent was launched in this call too often within ten minutes. What an event asked for is launched later, by the sweeper. */
  | "launches"
  /** Events only: they may not launch this agent now, e.g. because it was removed from this session. */
  | "ignored";

export type AskOutcome =
  /** `launched`: this request claimed the pair, and its task was started. `present`: the agent is there, or on its way. */
  | { outcome: "launched" | "present"; pair: Pair; taskArn?: string }
  | { outcome: "refused"; reason: AskRefusal; detail?: IgnoredReason; retryAfterSeconds?: number };

/** An event that brings agents back that left on their own, or were lost. */
export interface ReturnRequest {
  cid: string;
  trigger: "session_started" | "participant_joined" | "live_started";
  sessionId: string | undefined;
  eventAtMs: number;
  /** Who came, if the event tells: an agent of this call brings nobody back. */
  participantUserId?: string | undefined;
}

/** What became of one agent of the call. */
export interface Returned {
  userId: string;
  /** As it stands now. */
  pair: Pair;
  /** `ask_joins`: in this session the agent is as good as never asked. `not_now`: it stays away, or may not come. */
  outcome: "launched" | "present" | "ask_joins" | "not_now";
}

type WithoutStamp<M> = M extends Mail ? Omit<M, "id" | "atMs"> : never;

/** A letter for an agent, without what the dispatcher adds. */
export type NewMail = WithoutStamp<Mail>;

export type SendOutcome = { outcome: "sent"; mailId: string } | { outcome: "not_there" | "mailbox_full" };

/**
 * Who gets which agent: all that changes the agents of calls from outside their tasks, over DynamoDB and ECS.
 * Rejects with BridgeErrors: LaunchError, ConflictError and TableError are retryable, and asking again is always safe.
 */
export interface Dispatcher {
  /** The same, and whatever it does ends with the signal. */
  until(signal: AbortSignal): Dispatcher;
  ask(request: AskRequest): Promise<AskOutcome>;
  /** All agents that were in the call at any time. */
  bringBack(request: ReturnRequest): Promise<Returned[]>;
  /** An event showed the call alive, and launched nothing: where the call has a tombstone, its id is used again. */
  alive(cid: string, eventAtMs: number): Promise<void>;
  /** The call rings: agents wait outside until somebody accepted or came. */
  ring(cid: string, rungAtMs: number): Promise<void>;
  /** The call was ended or deleted. Times by Stream's clock. */
  callEnded(cid: string, endedAtMs: number): Promise<void>;
  sessionEnded(cid: string, sessionId: string, endedAtMs: number): Promise<void>;
  /** Sends an agent away; it finishes its sentence. */
  dismiss(cid: string, userId: string): Promise<"leaving" | "not_there">;
  send(cid: string, userId: string, mail: NewMail): Promise<SendOutcome>;
  /** What the agent answered to a letter, waited for at most `withinMs`; undefined while there is nothing. */
  answerTo(cid: string, userId: string, mailId: string, withinMs: number): Promise<unknown>;
  /** The agents of a call, past ones included. */
  list(cid: string): Promise<{ userId: string; pair: Pair }[]>;
  /** The record of the agent's latest stay. */
  record(cid: string, userId: string): Promise<object | undefined>;
  /** Takes the detail of an ECS "Task State Change" event. */
  stopped(detail: unknown): Promise<StoppedOutcome>;
  /** Looks after launches that nobody heard of again. Once a minute is enough. */
  sweep(): Promise<SweepOutcome>;
}

const answerPollMs = 250;
/** Agents of one call that are seen to at the same time; past ones of a week are among them. */
const parallelPairs = 8;

/** Where the launch that was found is over: another one may be there. */
const afterAll = (pair: Pair): AskOutcome => {
  if (isClaimed(pair)) return { outcome: "present", pair };
  return { outcome: "refused", reason: pair.end?.reason === "gave_up" ? "launches" : "ignored" };
};

/** What was known of a call when an event of it came; an event that is younger than the call's end shows it alive. */
const marksAfter = async (table: CallsTable, cid: string, eventAtMs: number): Promise<CallMarks> => {
  const marks = await table.marks(cid);
  if (marks.endedAtMs !== undefined && eventAtMs > marks.endedAtMs) await table.markAlive(cid, eventAtMs);
  return marks;
};

const ask = async (parts: DispatchParts, request: AskRequest): Promise<AskOutcome> => {
  const { table } = parts;
  const { call, assignment, source, sessionId, eventAtMs } = request;
  const place: Place = { cid: `${call.type}:${call.id}`, userId: assignment.user.id };
  const marks = await (source === "event" ? marksAfter(table, place.cid, eventAtMs) : table.marks(place.cid));
  const input = {
    type: "ask" as const,
    source,
    launchId: randomUUID(),
    agent: assignment.agent,
    sessionId,
    eventAtMs,
    callEndedAtMs: source === "post" ? endOfCall(marks) : marks.endedAtMs,
  };
  let configId: string | undefined;
  const { step: taken, pair } = await table.change(place.cid, place.userId, async (before, nowMs) => {
    // The assignment is stored before the pair that names it: claimed now, or owed. For no other.
    const isNamed = step(before, { ...input, configId: "" }, nowMs).pair?.configId === "";
    if (isNamed) configId ??= await table.storeConfig(place.cid, assignment);
    return { ...input, configId: configId ?? "" };
  });
  const { answer } = taken;
  if (answer.type === "refused" && answer.reason === "launches") {
    return { outcome: "refused", reason: "launches", retryAfterSeconds: Math.ceil(answer.retryAfterMs / 1000) };
  }
  if (answer.type === "refused") return { outcome: "refused", reason: "call_ended" };
  if (answer.type === "ignored") {
    const reason = answer.reason === "call_ended" ? "call_ended" : "ignored";
    return { outcome: "refused", reason, detail: answer.reason };
  }
  if (pair === undefined) return { outcome: "refused", reason: "ignored" };
  if (!taken.runTask) return { outcome: "present", pair };
  const isNew = answer.type === "launched";
  const started = await startTask(parts, place, pair, { isNew, user: assignment.user });
  if (started.outcome === "withdrawn") return { outcome: "refused", reason: started.reason };
  if (started.outcome === "over") return afterAll(started.pair);
  return { outcome: isNew ? "launched" : "present", pair: started.pair, taskArn: started.taskArn };
};

const bringOneBack = async (
  parts: DispatchParts,
  place: Place,
  before: Pair,
  request: Omit<ReturnRequest, "cid" | "participantUserId"> & { callEndedAtMs: number | undefined },
): Promise<Returned> => {
  const { table } = parts;
  const { cid, userId } = place;
  const input = { type: "return" as const, launchId: randomUUID(), ...request };
  const seen = step(before, input, parts.now());
  const isNothing = seen.pair === undefined && !seen.runTask;
  // What was read a moment ago is as good as what would be read now.
  const { step: taken, pair = before } = isNothing ? { step: seen } : await table.change(cid, userId, input);
  if (taken.answer.type === "ask_joins") return { userId, pair, outcome: "ask_joins" };
  if (taken.answer.type === "present") return { userId, pair, outcome: "present" };
  if (!taken.runTask) return { userId, pair, outcome: "not_now" };
  const isNew = taken.answer.type === "launched";
  // It was stored with an earlier claim, and is to outlive this one.
  if (isNew) await table.keepConfig(cid, pair.configId);
  const started = await startTask(parts, place, pair, { isNew });
  if (started.outcome !== "started") return { userId, pair, outcome: "not_now" };
  return { userId, pair: started.pair, outcome: isNew ? "launched" : "present" };
};

const bringBack = async (parts: DispatchParts, request: ReturnRequest): Promise<Returned[]> => {
  const { table } = parts;
  const { cid, participantUserId, ...rest } = request;
  const [marks, pairs] = await Promise.all([marksAfter(table, cid, request.eventAtMs), table.pairs(cid)]);
  if (pairs.some(({ userId }) => userId === participantUserId)) return [];
  const input = { ...rest, callEndedAtMs: marks.endedAtMs };
  return onAll(pairs, parallelPairs, ({ userId, pair }) => bringOneBack(parts, { cid, userId }, pair, input));
};

/** Polls: the answer comes through the table, and DynamoDB wakes nobody up. */
const answerTo = async (
  { table, signal }: DispatchParts,
  { cid, userId }: Place,
  mailId: string,
  withinMs: number,
): Promise<unknown> => {
  const deadlineMs = performance.now() + withinMs;
  while (true) {
    const pair = await table.pair(cid, userId);
    const found = pair?.answers.find(({ id }) => id === mailId);
    if (found !== undefined) return found.answer;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0 || signal?.aborted === true || pair?.state !== "running") return undefined;
    await sleep(Math.min(answerPollMs, leftMs));
  }
};

export const createDispatcher = (parts: DispatchParts): Dispatcher => {
  const { table, now } = parts;
  /** To all agents of a call that it is news to. */
  const toAll = async (cid: string, input: Input): Promise<void> => {
    const concerned = (await table.pairs(cid)).filter(({ pair }) => step(pair, input, now()).pair !== undefined);
    await onAll(concerned, parallelPairs, ({ userId }) => table.change(cid, userId, input));
  };
  return {
    until: (signal) => createDispatcher({ ...parts, table: table.until(signal), signal }),
    ask: (request) => ask(parts, request),
    bringBack: (request) => bringBack(parts, request),
    alive: async (cid, eventAtMs) => void (await marksAfter(table, cid, eventAtMs)),
    // Marks first: a claim that is not among the pairs yet reads them before it starts its task.
    ring: async (cid, rungAtMs) => {
      await table.markRung(cid, rungAtMs);
      await toAll(cid, { type: "ring" });
    },
    callEnded: async (cid, endedAtMs) => {
      await table.markEnded(cid, endedAtMs);
      await toAll(cid, { type: "leave", reason: "call_ended", atMs: endedAtMs });
    },
    sessionEnded: (cid, sessionId, endedAtMs) =>
      toAll(cid, { type: "leave", reason: "call_ended", sessionId, atMs: endedAtMs }),
    dismiss: async (cid, userId) => {
      const { step: taken } = await table.change(cid, userId, { type: "leave", reason: "removed", atMs: now() });
      return taken.answer.type === "leaving" ? "leaving" : "not_there";
    },
    send: async (cid, userId, mail) => {
      const mailId = randomUUID();
      const letter: Mail = { ...mail, id: mailId, atMs: now() };
      const { answer } = (await table.change(cid, userId, { type: "mail", mail: letter })).step;
      if (answer.type === "sent") return { outcome: "sent", mailId };
      return { outcome: answer.type === "refused" ? "mailbox_full" : "not_there" };
    },
    answerTo: (cid, userId, mailId, withinMs) => answerTo(parts, { cid, userId }, mailId, withinMs),
    list: (cid) => table.pairs(cid),
    record: (cid, userId) => table.latestRecord(cid, userId),
    stopped: (detail) => taskStopped(parts, detail),
    sweep: () => sweep(parts),
  };
};
