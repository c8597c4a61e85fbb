import { type Json, objectOf } from "./stream-api.ts";

/** An event for the webhook. `type`, `call_cid` and `created_at` are in each. */
export type StreamEvent = Json & { type: string; call_cid: string };

/** What of a call has been told already, so that nothing is told twice. */
interface Told {
  created: boolean;
  ended: boolean;
  deleted: boolean;
  started: Set<string>;
  over: Set<string>;
  live: Set<string>;
  /** Ids of the sessions of participants: one per device. */
  joined: Set<string>;
}

/** Of how many calls it is known what was told; the one that was heard of longest ago is forgotten first. */
const maxCalls = 500;
/** Of how many sessions and participants of one call. */
const maxPerCall = 1_000;

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const isDate = (value: unknown): value is string => typeof value === "string" && Number.isFinite(Date.parse(value));

/** Makes an event of a fact, where it is new and not older than the watching. */
type Tell = (type: string, at: unknown, isNew: boolean, fields: Json) => void;

const add = (told: Set<string>, id: string): boolean => {
  if (told.has(id)) return false;
  told.add(id);
  const [oldest] = told;
  if (told.size > maxPerCall && oldest !== undefined) told.delete(oldest);
  return true;
};

const newTold = (): Told => ({
  created: false,
  ended: false,
  deleted: false,
  started: new Set(),
  over: new Set(),
  live: new Set(),
  joined: new Set(),
});

/**
 * Calls as they become known from two sides: the socket's events, and the states that REST answers have. It says what is yet
 * to be told to the webhook; each fact comes out once. Pure but for its memory.
 *
 * A state's facts become events as Stream would have sent them. Of these events, `call`, `members`, `participant` and
 * `session_id` are the REST answer's own, at the time of the answer and not of the event; `type` is ours; `created_at` is the
 * fact's own time (the call's `created_at` and `ended_at`, the session's `started_at`, `ended_at` and `live_started_at`, the
 * participant's `joined_at`). `user` and `reason` of call.ended are unknown and left out.
 */
export class CallFacts {
  readonly #calls = new Map<string, Told>();
  readonly #sinceMs: number;

  /** `sinceMs`: what was before is nobody's news. Unix epoch in milliseconds, by Stream's clock. */
  constructor(options: { sinceMs: number }) {
    this.#sinceMs = options.sinceMs;
  }

  /** Calls that may still have events, the latest heard of last. */
  openCalls(): string[] {
    return [...this.#calls].flatMap(([cid, { ended, deleted }]) => (ended || deleted ? [] : [cid]));
  }

  /** An event came over the socket. True if it is to be passed on. */
  heard(event: StreamEvent): boolean {
    const told = this.#of(event.call_cid);
    const sessionId = textOf(event.session_id);
    switch (event.type) {
      case "call.created":
        return this.#first(told, "created");
      case "call.ended":
        return this.#first(told, "ended");
      case "call.deleted":
        return this.#first(told, "deleted");
      case "call.session_started":
        return sessionId === undefined || add(told.started, sessionId);
      case "call.session_ended":
        return sessionId === undefined || add(told.over, sessionId);
      case "call.session_participant_joined": {
        const id = textOf(objectOf(event.participant).user_session_id);
        return id === undefined || add(told.joined, id);
      }
      case "call.live_started": {
        const at = textOf(objectOf(objectOf(event.call).session).live_started_at);
        return at === undefined || add(told.live, at);
      }
      default:
        return true;
    }
  }

  /** A REST answer has the call like this. Returns the events that nobody has told, in the order of a call's life. */
  seen({ call: given, members }: { call?: unknown; members?: unknown }): StreamEvent[] {
    const call = objectOf(given);
    const cid = textOf(call.cid);
    if (cid === undefined) return [];
    const told = this.#of(cid);
    // The socket was faster than this answer, which shows what is no longer so.
    if (told.ended || told.deleted) return [];
    const events: StreamEvent[] = [];
    const tell = (type: string, at: unknown, isNew: boolean, fields: Json): void => {
      if (isNew && this.#isNews(at)) events.push({ type, created_at: at, call_cid: cid, ...fields });
    };
    tell("call.created", call.created_at, this.#first(told, "created"), { call, members: members ?? [] });
    this.#seeSession(call, told, tell);
    if (isDate(call.ended_at)) tell("call.ended", call.ended_at, this.#first(told, "ended"), { call });
    return events;
  }

  #seeSession(call: Json, told: Told, tell: Tell): void {
    const session = objectOf(call.session);
    const { started_at: startedAt, live_started_at: liveAt, ended_at: endedAt } = session;
    const sessionId = textOf(session.id);
    // An id alone is of a session that nobody has begun; one that was told as over is not begun again.
    if (sessionId === undefined || !isDate(startedAt) || told.over.has(sessionId)) return;
    const fields = { session_id: sessionId, call };
    tell("call.session_started", startedAt, add(told.started, sessionId), fields);
    if (isDate(liveAt)) tell("call.live_started", liveAt, add(told.live, liveAt), fields);
    for (const one of Array.isArray(session.participants) ? session.participants : []) {
      const participant = objectOf(one);
      const id = textOf(participant.user_session_id);
      const isNew = id !== undefined && add(told.joined, id);
      tell("call.session_participant_joined", participant.joined_at, isNew, { session_id: sessionId, participant });
    }
    if (isDate(endedAt)) tell("call.session_ended", endedAt, add(told.over, sessionId), fields);
  }

  #first(told: Told, fact: "created" | "ended" | "deleted"): boolean {
    const isFirst = !told[fact];
    told[fact] = true;
    return isFirst;
  }

  #isNews(at: unknown): boolean {
    return typeof at === "string" && Date.parse(at) >= this.#sinceMs;
  }

  #of(cid: string): Told {
    const told = this.#calls.get(cid) ?? newTold();
    // The latest heard of stands last.
    this.#calls.delete(cid);
    this.#calls.set(cid, told);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > maxCalls && oldest !== undefined) this.#calls.delete(oldest);
    return told;
  }
}
