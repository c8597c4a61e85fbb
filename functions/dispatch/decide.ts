import type { CallFacts, StreamUser, Trigger } from "../../bridge-task/agents/agent.ts";
import type { StageFilter } from "../config.ts";
import type { StreamEvent } from "../envelope.ts";
import type { Candidate } from "./agents.ts";
import { type CallState, callStateOf, cidOf, epochMsOf, participantUserOf, textOf } from "./facts.ts";

/** Events older than this are replays or come too late to matter. */
export const staleAfterMs = 15 * 60_000;

export type IgnoreReason =
  /** No `created_at` that can be read: a replay could not be told from a delivery. */
  | "undated"
  | "stale"
  /** A type we do not act on. */
  | "type"
  /** The event names no call. */
  | "no_call"
  | "call_ended"
  /** The event of a session does not say which. */
  | "no_session"
  /** A call of a type that agents are not asked about. */
  | "call_type"
  /** The call names another stage, or none where only calls that name ours are. */
  | "other_stage"
  /** An agent's user created the call. */
  | "created_by_agent"
  /** Only agents' users are in the session. */
  | "started_by_agent"
  /** The participant is an agent. */
  | "joined_by_agent"
  /** call.live_started will bring the agents. */
  | "backstage"
  /** The call begins later: its session will bring the agents. */
  | "scheduled"
  /** The call is end-to-end encrypted: a server cannot take part. */
  | "e2ee"
  /** No agent wants the call. */
  | "no_agent";

/** The agents are to be asked whether they want this call. */
export interface Asking {
  call: CallFacts;
  trigger: Trigger;
}

/** What an event is reason for. `eventAtMs`: when Stream made it, Unix epoch in milliseconds. */
export type Decision =
  | { kind: "ask"; asking: Asking; eventAtMs: number }
  | {
      kind: "bring_back";
      cid: string;
      trigger: "session_started" | "participant_joined" | "live_started";
      sessionId: string | undefined;
      participantUserId: string | undefined;
      eventAtMs: number;
      /** Whom to ask where nobody came back, or why nobody is asked. */
      otherwise: Asking | { ignore: IgnoreReason };
    }
  | { kind: "ring"; cid: string; eventAtMs: number }
  | { kind: "call_ended"; cid: string; eventAtMs: number }
  | { kind: "session_ended"; cid: string; sessionId: string; eventAtMs: number }
  | { kind: "ignore"; reason: IgnoreReason };

export interface DecideOptions {
  /** Unix epoch in milliseconds. */
  nowMs: number;
  agents: readonly Candidate[];
  /** Types of the calls that agents are asked about. */
  callTypes: readonly string[];
  /** Which calls are this deployment's, where others hear of them too; undefined: all. */
  stageFilter?: StageFilter | undefined;
}

type Decide = (event: StreamEvent, at: { cid: string; eventAtMs: number }, options: DecideOptions) => Decision;

const ignore = (reason: IgnoreReason): Decision => ({ kind: "ignore", reason });

/** Agents create calls (connectOpenAi), start sessions and join: they would answer themselves for ever. */
const isAgent = (user: StreamUser, { agents }: DecideOptions): boolean =>
  user.custom.agent === true || agents.some(({ userId }) => userId === user.id);

/** Why nobody may be in the call now, whoever asks. */
const closedBecause = ({ hasEnded, isEncrypted, isInBackstage }: CallState): IgnoreReason | undefined =>
  hasEnded ? "call_ended" : isEncrypted ? "e2ee" : isInBackstage ? "backstage" : undefined;

/** Whether the call is for this deployment's agents. A name that is empty, or no text, is none. */
const isOfStage = ({ custom }: CallFacts, filter: StageFilter | undefined): boolean => {
  if (filter === undefined) return true;
  const named = textOf(custom.agentStage);
  return named === undefined ? filter.callsOf === "all" : named === filter.stage;
};

const askingOf = (
  { facts }: CallState,
  trigger: Trigger,
  options: DecideOptions,
): Asking | { ignore: IgnoreReason } => {
  if (!options.callTypes.includes(facts.type)) return { ignore: "call_type" };
  if (!isOfStage(facts, options.stageFilter)) return { ignore: "other_stage" };
  if (facts.createdBy !== undefined && isAgent(facts.createdBy, options)) return { ignore: "created_by_agent" };
  return { call: facts, trigger };
};

const noParticipant = { kind: "bring_back", participantUserId: undefined } as const;

const onCreated: Decide = (event, { eventAtMs }, options) => {
  const call = callStateOf(event);
  if (call === undefined) return ignore("no_call");
  const closed = closedBecause(call);
  if (closed !== undefined) return ignore(closed);
  if (call.startsAtMs !== undefined && call.startsAtMs > eventAtMs) return ignore("scheduled");
  const asking = askingOf(call, { type: "call.created", sessionId: undefined }, options);
  return "ignore" in asking ? ignore(asking.ignore) : { kind: "ask", asking, eventAtMs };
};

const onSessionStarted: Decide = (event, { cid, eventAtMs }, options) => {
  const call = callStateOf(event);
  if (call === undefined) return ignore("no_call");
  const closed = closedBecause(call);
  if (closed !== undefined) return ignore(closed);
  const { sessionUsers, sessionId } = call;
  const isByAgents = sessionUsers.length > 0 && sessionUsers.every((user) => isAgent(user, options));
  if (isByAgents) return ignore("started_by_agent");
  const otherwise = askingOf(call, { type: "call.session_started", sessionId }, options);
  return { ...noParticipant, cid, trigger: "session_started", sessionId, eventAtMs, otherwise };
};

const onLiveStarted: Decide = (event, { cid, eventAtMs }, options) => {
  const call = callStateOf(event);
  if (call === undefined) return ignore("no_call");
  // That it went live is what the event says, whatever its copy of the call does.
  const closed = closedBecause({ ...call, isInBackstage: false });
  if (closed !== undefined) return ignore(closed);
  const { sessionId } = call;
  const otherwise = askingOf(call, { type: "call.live_started", sessionId }, options);
  return { ...noParticipant, cid, trigger: "live_started", sessionId, eventAtMs, otherwise };
};

const onParticipant: Decide = (event, { cid, eventAtMs }, options) => {
  const user = participantUserOf(event);
  if (user !== undefined && isAgent(user, options)) return ignore("joined_by_agent");
  return {
    kind: "bring_back",
    cid,
    trigger: "participant_joined",
    sessionId: textOf(event.session_id),
    participantUserId: user?.id,
    eventAtMs,
    // The event carries no call: there is nothing to ask about.
    otherwise: { ignore: "no_agent" },
  };
};

const onEnded: Decide = (_event, at) => ({ kind: "call_ended", ...at });

const decisions: Readonly<Record<string, Decide>> = {
  "call.created": onCreated,
  "call.session_started": onSessionStarted,
  "call.live_started": onLiveStarted,
  "call.session_participant_joined": onParticipant,
  "call.ring": (_event, at) => ({ kind: "ring", ...at }),
  "call.ended": onEnded,
  "call.deleted": onEnded,
  "call.session_ended": (event, at) => {
    const sessionId = textOf(event.session_id);
    return sessionId === undefined ? ignore("no_session") : { kind: "session_ended", sessionId, ...at };
  },
};

/** The types of Stream's events that dispatch acts on: what its webhook is to be registered for. */
export const eventTypes: readonly string[] = Object.keys(decisions);

/** What to do about an event: a pure function of the event, the time and the settings. */
export const decide = (event: StreamEvent, options: DecideOptions): Decision => {
  const eventAtMs = epochMsOf(event.created_at);
  if (eventAtMs === undefined) return ignore("undated");
  if (options.nowMs - eventAtMs > staleAfterMs) return ignore("stale");
  const decideType = Object.hasOwn(decisions, event.type) ? decisions[event.type] : undefined;
  if (decideType === undefined) return ignore("type");
  const cid = cidOf(event);
  return cid === undefined ? ignore("no_call") : decideType(event, { cid, eventAtMs }, options);
};
