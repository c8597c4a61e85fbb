import { randomUUID } from "node:crypto";
import {
  type CallRecord,
  type CallSession,
  callResponse,
  countByRole,
  participantResponse,
  type SessionParticipant,
} from "./calls.ts";
import { type Json, record } from "./fields.ts";
import type { EventHub } from "./hub.ts";
import type { UserDirectory } from "./users.ts";

const now = () => new Date().toISOString();

const inactivityTimeoutMs = (call: CallRecord): number =>
  Number(record(call.settings.session).inactivity_timeout_seconds) * 1000;

/**
 * The session of a call: begins with its first participant, ends once nobody was there for the call's inactivity
 * timeout.
 */
export class CallSessions {
  readonly #users: UserDirectory;
  readonly #hub: EventHub;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(options: { users: UserDirectory; hub: EventHub }) {
    this.#users = options.users;
    this.#hub = options.hub;
  }

  /** The session that is on, or a new one that begins when somebody is in. */
  current(call: CallRecord): CallSession {
    if (!call.session || call.session.endedAt)
      call.session = { id: randomUUID(), participants: [], acceptedBy: {}, rejectedBy: {} };
    return call.session;
  }

  joined(call: CallRecord, userId: string, userSessionId: string): void {
    const session = this.current(call);
    this.#stopTimer(call.cid);
    const participant: SessionParticipant = {
      userId,
      userSessionId,
      role: this.#users.get(userId)?.role ?? "user",
      joinedAt: now(),
    };
    session.participants.push(participant);
    if (!session.startedAt) {
      session.startedAt = now();
      this.#emit(call, "call.session_started", session, { call: callResponse(this.#users, call) });
    }
    this.#emit(call, "call.session_participant_joined", session, {
      participant: participantResponse(this.#users, participant),
    });
    this.#emitCount(call, session);
  }

  left(call: CallRecord, userSessionId: string, reason: string): void {
    const session = call.session;
    const participant = session?.participants.find((one) => one.userSessionId === userSessionId);
    if (!session || !participant) return;
    session.participants = session.participants.filter((one) => one !== participant);
    this.#emit(call, "call.session_participant_left", session, {
      participant: participantResponse(this.#users, participant),
      duration_seconds: Math.round((Date.now() - Date.parse(participant.joinedAt)) / 1000),
      reason,
    });
    this.#emitCount(call, session);
    if (session.participants.length > 0 || session.endedAt) return;
    const timer = setTimeout(() => this.end(call), inactivityTimeoutMs(call));
    this.#stopTimer(call.cid);
    this.#timers.set(call.cid, timer);
  }

  /** Ends the session that is on, if one is. */
  end(call: CallRecord): void {
    this.#stopTimer(call.cid);
    const session = call.session;
    if (!session?.startedAt || session.endedAt) return;
    session.endedAt = now();
    this.#emit(call, "call.session_ended", session, { call: callResponse(this.#users, call) });
  }

  close(): void {
    for (const cid of [...this.#timers.keys()]) this.#stopTimer(cid);
  }

  #stopTimer(cid: string): void {
    clearTimeout(this.#timers.get(cid));
    this.#timers.delete(cid);
  }

  #emit(call: CallRecord, type: string, session: CallSession, payload: Json): void {
    this.#hub.emit(call.cid, type, { session_id: session.id, ...payload });
  }

  #emitCount(call: CallRecord, session: CallSession): void {
    this.#emit(call, "call.session_participant_count_updated", session, {
      participants_count_by_role: countByRole(session),
      anonymous_participant_count: 0,
    });
  }
}
