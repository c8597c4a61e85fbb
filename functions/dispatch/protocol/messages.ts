import type { EndReason } from "../../../bridge-task/job.ts";
import type { LeaveReason, Mail, Pair } from "./pair.ts";

/** What the shell knows of every event and POST that may launch. */
interface Wanted {
  /** New and random; used only if this input launches. At most 64 characters, for it is ECS's client token too. */
  launchId: string;
  /** The session that the event tells of. */
  sessionId?: string | undefined;
  /** When Stream made the event; for a POST, now. */
  eventAtMs: number;
  /** The call's tombstone, if it has one. */
  callEndedAtMs?: number | undefined;
}

/** A POST, or an event whose `joins` said yes. The assignment is stored before, as `configId`. */
export interface Ask extends Wanted {
  type: "ask";
  source: "post" | "event";
  configId: string;
  agent?: string | undefined;
  /** The call rings, as far as is known already. */
  rings?: boolean;
}

/** Bringing back an agent that was there before, without asking `joins`; a knock where it is there. */
export interface Return extends Wanted {
  type: "return";
  trigger: "session_started" | "participant_joined" | "live_started";
}

/** By the task, before it joins. */
export interface Confirm {
  type: "confirm";
  launchId: string;
  taskArn: string;
}

/** By the task, every few seconds. `acknowledged`: letters it has read, with the answer if there is one. */
export interface Beat {
  type: "beat";
  launchId: string;
  sessionId?: string | undefined;
  acknowledged: readonly { id: string; answer?: unknown }[];
}

/** By the task. */
export interface End {
  type: "end";
  launchId: string;
  reason: EndReason;
  detail?: string | undefined;
  sessionId?: string | undefined;
  /** The pair's `knockCount` as the task last read it, before it last looked who is there. */
  knockCount: number;
  /** false: "I am about to leave" (needed before `idle` and `waited`). true: "I am out of the call", or never was in it. */
  isOut: boolean;
}

/** DELETE, call.ended, call.deleted; with `sessionId` call.session_ended, which acts only on that session. */
export interface Leave {
  type: "leave";
  reason: LeaveReason;
  sessionId?: string | undefined;
  /** When the call or session ended, by Stream's clock. For a DELETE it is not used: it counts from when it is stored. */
  atMs: number;
}

/** ECS says that the task of a launch is STOPPED: its event, DescribeTasks, or RunTask that answers a dead task to a known token. */
export interface Stopped {
  type: "stopped";
  launchId: string;
  /** As in `ask`. */
  newLaunchId: string;
  /** A person or a script called StopTask. */
  operatorStopped?: boolean;
  detail?: string | undefined;
}

/** RunTask answered that it started nothing. Never for a time-out: that may hide a success. */
export interface Refused {
  type: "refused";
  launchId: string;
  detail: string;
  /** The shell, or the next sweep, asks again; a delivery does not: Stream delivers its event again. */
  isAskedAgain?: boolean;
}

/** Everything that can happen to a pair. */
export type Input =
  | Ask
  | Return
  /** call.ring. */
  | { type: "ring" }
  /** The claim is one too many; before RunTask. */
  | { type: "over_cap"; launchId: string }
  | Refused
  | Confirm
  | Beat
  | End
  | Leave
  | { type: "mail"; mail: Mail }
  | Stopped;

export type IgnoredReason =
  /** The event is not younger than the end of the call. */
  | "call_ended"
  /** The event is older than the end of the stay: a late duplicate. */
  | "late"
  /** The stay ended for good in this session. */
  | "final"
  /** Only call.live_started brings it. */
  | "backstage"
  /** It is about another session than the agent's. */
  | "other_session"
  /** It is about another launch than the pair's, or says what is known. */
  | "known";

/** What the input came to. Which answers an input can have stands behind each. */
export type Answer =
  /** A new launch: send RunTask. (ask, return, stopped) */
  | { type: "launched" }
  /** It is being launched: send RunTask again, with the same token. (ask, return) */
  | { type: "launching" }
  /** It is there. (ask, return) */
  | { type: "present" }
  /** Ask `joins`, then `ask`; without a call to show them, nothing. (return) */
  | { type: "ask_joins" }
  /** Not this one. (ask) */
  | { type: "refused"; reason: "call_ended" }
  /** Too many launches in `launchWindowMs`, see `launchWaitMs`; what an event asked for is stored as owed. (ask, return) */
  | { type: "refused"; reason: "launches"; retryAfterMs: number }
  /** (mail) */
  | { type: "refused"; reason: "mailbox_full" }
  | { type: "ignored"; reason: IgnoredReason }
  /** Join. (confirm) */
  | { type: "confirmed" }
  /** An earlier launch is still in the call: confirm again, in a second. (confirm) */
  | { type: "wait" }
  /** Another launch has the pair, or none: exit, or leave at once. (confirm, beat) */
  | { type: "replaced" }
  /** Told to leave before it joined. (confirm) */
  | { type: "leave"; reason: LeaveReason }
  /** (beat, end, ring, over_cap, refused, stopped) */
  | { type: "noted" }
  /** Somebody knocked since the task last read: look who is there. Nothing is stored. (end) */
  | { type: "look_again" }
  /** (leave) */
  | { type: "leaving" }
  /** (leave, mail, ring) */
  | { type: "not_there" }
  /** In the mailbox; a letter that was there already, too. (mail) */
  | { type: "sent" }
  /** It stopped too often. (stopped) */
  | { type: "gave_up" };

export interface Step {
  /** To be stored, its version one above the one that was read. undefined: nothing changes. */
  pair: Pair | undefined;
  /**
   * Send RunTask for `launchId` of the pair, as it is now stored: it is `launching`. After the write, and after the tombstone
   * was read again.
   */
  runTask: boolean;
  answer: Answer;
}

/** Nothing is stored and nothing is sent. */
export const unchanged = (answer: Answer): Step => ({ pair: undefined, runTask: false, answer });

/** Stored, and no task is asked for. */
export const changed = (pair: Pair, answer: Answer): Step => ({ pair, runTask: false, answer });
