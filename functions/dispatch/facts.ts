import type { CallFacts, StreamUser } from "../../bridge-task/agents/agent.ts";

type Json = Record<string, unknown>;

/** What an event's `call` says that dispatch decides on. Everything else in it is left alone. */
export interface CallState {
  facts: CallFacts;
  hasEnded: boolean;
  isInBackstage: boolean;
  /** When it is to begin, Unix epoch in milliseconds. */
  startsAtMs: number | undefined;
  isEncrypted: boolean;
  /** The session that goes on in it. */
  sessionId: string | undefined;
  /** The users that are in the call's session, if the event tells. */
  sessionUsers: StreamUser[];
}

const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** A date of Stream's, as Unix epoch in milliseconds: ISO 8601 text on the wire, nanoseconds in some of its older payloads. */
export const epochMsOf = (value: unknown): number | undefined => {
  const ms =
    typeof value === "string" ? Date.parse(value) : typeof value === "number" ? Math.round(value / 1e6) : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
};

export const userOf = (value: unknown): StreamUser | undefined => {
  const user = objectOf(value);
  const id = textOf(user.id);
  return id === undefined ? undefined : { id, custom: objectOf(user.custom) };
};

const usersOf = (participants: unknown): StreamUser[] =>
  (Array.isArray(participants) ? participants : []).flatMap((one) => userOf(objectOf(one).user) ?? []);

/** The user who joined, of a participant event. */
export const participantUserOf = (event: Json): StreamUser | undefined => userOf(objectOf(event.participant).user);

/** `auto-on` encrypts from the start; `available` leaves it to the clients, which an agent finds out when it joins. */
const encryptedModes: ReadonlySet<unknown> = new Set(["auto-on", "enabled"]);

/** The call of an event; undefined when it carries none that can be named. */
export const callStateOf = (event: Json): CallState | undefined => {
  const call = objectOf(event.call);
  const type = textOf(call.type);
  const id = textOf(call.id);
  if (type === undefined || id === undefined) return undefined;
  const session = objectOf(call.session);
  return {
    facts: { type, id, cid: `${type}:${id}`, custom: objectOf(call.custom), createdBy: userOf(call.created_by) },
    hasEnded: epochMsOf(call.ended_at) !== undefined,
    isInBackstage: call.backstage === true,
    startsAtMs: epochMsOf(call.starts_at),
    isEncrypted: encryptedModes.has(objectOf(objectOf(call.settings).encryption).mode),
    sessionId: textOf(event.session_id) ?? textOf(session.id) ?? textOf(call.current_session_id),
    sessionUsers: usersOf(session.participants),
  };
};

/** The cid that an event is about, which every event carries even where it carries no call. */
export const cidOf = (event: Json): string | undefined => {
  const cid = textOf(event.call_cid) ?? callStateOf(event)?.facts.cid;
  return cid !== undefined && /^[^:]+:.+$/s.test(cid) ? cid : undefined;
};
