import type { AgentSettings, EndReason } from "../../../bridge-task/job.ts";

/** Why a stay ended: what the task says, or what is known where it could not say it. */
export type PairEndReason =
  | EndReason
  /** ECS says that the task stopped, and it had not written why. */
  | "crashed"
  /** RunTask answered, and started nothing. */
  | "launch_refused"
  /** Too many agents in the call, or too many calls at once. */
  | "over_cap"
  /** It stopped again and again: `launchLimit` launches in `launchWindowMs`. */
  | "gave_up";

/** Why an agent is told to leave. */
export type LeaveReason = "removed" | "call_ended";

/** A letter in the pair's mailbox, which the task reads every second. `id` is unique. */
export type Mail = { id: string; atMs: number } & (
  | { kind: "message"; text: string; respond: boolean }
  | ({ kind: "update"; data?: Record<string, unknown> } & Pick<AgentSettings, "session" | "tools">)
);

/** What the task answered to a letter. */
export interface MailAnswer {
  id: string;
  answer: unknown;
  atMs: number;
}

/** A launch whose task may still be in the call. */
export interface Leaving {
  launchId: string;
  taskArn?: string;
  sinceMs: number;
  /** What it was told when another launch took its place; absent when it leaves by itself. */
  reason?: LeaveReason;
}

export interface PairEnd {
  reason: PairEndReason;
  /** For `call_ended` from outside: when the call, or its session, ended by Stream's clock. Else ours. */
  atMs: number;
  sessionId?: string;
  detail?: string;
  /** It comes back as soon as ECS says that its task has stopped. */
  relaunch?: true;
  /** Beside `relaunch`: an event called for it when it could not be launched again yet; it comes as soon as it may. */
  owed?: true;
}

/**
 * One agent in one call: (call cid, the agent's user id). One DynamoDB item, JSON as it stands here; no value is `undefined`.
 * Times are Unix epoch in milliseconds.
 */
export interface Pair {
  /** One more with every change; the condition of every write is the version that was read. */
  version: number;
  /**
   * launching: claimed; a task of `launchId` was asked for, perhaps. running: that task confirmed, and may be in the call;
   * then there is no `leaving`. ended: no task of `launchId` may join any more; it may still be on its way out (`leaving`).
   */
  state: "launching" | "running" | "ended";
  launchId: string;
  /** The assignment that the task reads. */
  configId: string;
  /** The session that it is in, by its task's word; before that, the one that it will join, or has joined, by the events'. */
  sessionId?: string;
  /** `sessionId` is the task's word. */
  hasToldSession?: true;
  /** Since the task confirmed. */
  taskArn?: string;
  /** Name of the agent's folder; absent where everything is in the assignment. */
  agent?: string;
  /** When this launch was claimed. */
  claimedAtMs: number;
  /** When the event happened that asked for this launch, or showed it its session, by Stream's clock; for a POST, when it came. */
  askedAtMs: number;
  confirmedAtMs?: number;
  heartbeatAtMs?: number;
  /** An earlier launch, or this one, that may still be in the call: nobody confirms until it is out. */
  leaving?: Leaving;
  /** Told to the running task. `sessionId`: it was only that session that ended, and only a task that says it is in it goes. */
  wish?: { reason: LeaveReason; atMs: number; sessionId?: string };
  /** People who came, and requests for the agent, since ever: a task that has not seen the latest does not leave as idle. */
  knockCount: number;
  /** The latest event, by Stream's clock, that showed the call alive. */
  latestEvent?: { atMs: number; sessionId?: string };
  /** call.ring was seen: the task waits outside for acceptance or the first person. */
  rings?: true;
  /** Unread letters, oldest first. */
  mail: Mail[];
  /** The latest `answerLimit`, oldest first. */
  answers: MailAnswer[];
  /** Of the latest stay; present while `ended`. */
  end?: PairEnd;
  /** Launches within the last `launchWindowMs` before the latest, oldest first; but for those that ended well. */
  launchedAtMs: number[];
  /** Those that ended well. */
  wellLaunchedAtMs?: number[];
}
