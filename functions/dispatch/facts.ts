import type { CallFacts, StreamUser } from "../../bridge-task/agents/agent.ts";

type Json = Record<string, unknown>;

/** What an event says that dispatch decides on. Everything else in it is left alone. */
export interface EventFacts {
  call: CallFacts;
  /** When the call was created, Unix epoch in seconds. */
  callCreatedAtSeconds: number;
  callEnded: boolean;
  /** The users that are in the call's session, if the event tells. */
  sessionUsers: StreamUser[];
  sessionId: string | undefined;
}

const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** A date of Stream's, as Unix epoch in milliseconds: ISO 8601 text on the wire, nanoseconds in some of its older payloads. */
export const epochMsOf = (value: unknown): number | undefined => {
  const ms = typeof value === "string" ? Date.parse(value) : typeof value === "number" ? value / 1e6 : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
};

const userOf = (value: unknown): StreamUser | undefined => {
  const user = objectOf(value);
  const id = textOf(user.id);
  return id === undefined ? undefined : { id, custom: objectOf(user.custom) };
};

/** Undefined when the event carries no usable call. */
export const factsOf = (event: Json): EventFacts | undefined => {
  const call = objectOf(event.call);
  const type = textOf(call.type);
  const id = textOf(call.id);
  const createdAtMs = epochMsOf(call.created_at);
  if (type === undefined || id === undefined || createdAtMs === undefined) return undefined;
  const session = objectOf(call.session);
  const participants = Array.isArray(session.participants) ? session.participants : [];
  return {
    call: { type, id, cid: `${type}:${id}`, custom: objectOf(call.custom), createdBy: userOf(call.created_by) },
    callCreatedAtSeconds: Math.floor(createdAtMs / 1000),
    callEnded: epochMsOf(call.ended_at) !== undefined,
    sessionUsers: participants.flatMap((participant) => userOf(objectOf(participant).user) ?? []),
    sessionId: textOf(event.session_id),
  };
};
