import { type CallEvent, type CallState, isPassage, type PassageEvent, type Seat, seatIn } from "./call-events.ts";
import { CallEndedReason, type Participant } from "./generated/models_pb.js";
import { type Announcement, type Moment, SessionRoll } from "./session-roll.ts";
import type { SfuEventPayload } from "./sfu-events.ts";
import { seatOf } from "./sfu-seat.ts";

export interface CallNewsOptions {
  call: { type: string; id: string };
  /** Whose stay in the call this is. */
  userId: string;
  /** How long the SFU's word of a coming or going waits for the coordinator's. */
  waitMs: number;
}

/** What the SFU's reasons make the coordinator say: with these words a call's stay ends, and they may come after the SFU's. */
const lastWords: Partial<Record<CallEndedReason, readonly CallEvent["type"][]>> = {
  [CallEndedReason.ENDED]: ["call.ended", "call.session_ended"],
  [CallEndedReason.SESSION_ENDED]: ["call.session_ended"],
};

/** Whether the SFU's event says anything that CallNews makes something of; most, the levels of voices, do not. */
export const isNews = ({ case: name }: SfuEventPayload): boolean =>
  name === "joinResponse" || name === "participantJoined" || name === "participantLeft" || name === "callEnded";

/**
 * The call's events as an application gets them, out of what the coordinator and the SFU say: who comes and goes once
 * each, the call's end once. Each method returns the events that are to be told now. Holds no socket and no clock.
 */
export class CallNews {
  readonly #cid: string;
  readonly #roll: SessionRoll<PassageEvent, Seat>;
  /** As last told; at first nothing but its address. */
  #call: CallState;
  #isCallKnown = false;
  #sessionId = "";
  #isHeard = false;
  readonly #told = new Set<CallEvent["type"]>();
  readonly #userId: string;
  #dismissal: "kicked" | "blocked" | undefined;
  #sfuReason: CallEndedReason | undefined;

  constructor({ call, userId, waitMs }: CallNewsOptions) {
    this.#userId = userId;
    this.#cid = `${call.type}:${call.id}`;
    this.#call = { ...call, cid: this.#cid } as CallState;
    this.#roll = new SessionRoll({ waitMs });
  }

  /** When `due` has something to tell, on performance.now()'s clock; undefined: never, as things stand. */
  get dueMs(): number | undefined {
    return this.#roll.dueMs;
  }

  /** The coordinator's word that our stay is over, and why. */
  get over(): { cause: "call_ended" | "kicked" | "blocked"; detail: CallEvent["type"] } | undefined {
    const detail = (["call.ended", "call.deleted"] as const).find((type) => this.#told.has(type));
    if (detail) return { cause: "call_ended", detail };
    const cause = this.#dismissal;
    return cause && { cause, detail: cause === "blocked" ? "call.blocked_user" : "call.kicked_user" };
  }

  /** The SFU said that the call is over, and the coordinator, who can be heard, has not said all that it says then. */
  get isOwed(): boolean {
    const words = (this.#sfuReason === undefined ? undefined : lastWords[this.#sfuReason]) ?? [];
    return this.#isHeard && !this.#told.has("call.deleted") && words.some((type) => !this.#told.has(type));
  }

  /** A session of ours: others are told of, it is not. */
  own(sessionId: string): void {
    this.#roll.own(sessionId);
  }

  /** The call, as an answer of the coordinator had it. */
  callIs(call: CallState, at: Moment): CallEvent[] {
    const isNewlyOver = this.#isCallKnown && !this.#call.ended_at && Boolean(call.ended_at);
    this.#know(call);
    return isNewlyOver ? this.#callEnded(at) : [];
  }

  coordinatorTold(event: CallEvent, at: Moment): CallEvent[] {
    if (isPassage(event)) {
      this.#sessionId = event.session_id;
      const passage = event.type === "call.session_participant_joined" ? "joined" : "left";
      const { participant: face } = event;
      const said = { word: event, face, at };
      return this.#passages(this.#roll.coordinatorSaw(passage, face.user_session_id, said));
    }
    if (event.type === "call.ended" && this.#told.has(event.type)) return [];
    if ("call" in event && event.call?.cid === this.#cid) this.#know(event.call);
    // Who is blocked is kicked too; that they are blocked says more.
    if (event.type === "call.kicked_user" && this.#isUs(event.user)) this.#dismissal ??= "kicked";
    if (event.type === "call.blocked_user" && this.#isUs(event.user)) this.#dismissal = "blocked";
    if (event.type === "call.session_started") this.#sessionId = event.session_id;
    if (isLast(event)) this.#told.add(event.type);
    return [event];
  }

  /** The coordinator's events of this call arrive from now on, or do not. */
  coordinatorHeard(isHeard: boolean): CallEvent[] {
    this.#isHeard = isHeard;
    return this.#passages(this.#roll.coordinatorHeard(isHeard));
  }

  sfuTold(event: SfuEventPayload, at: Moment): CallEvent[] {
    switch (event.case) {
      case "joinResponse": {
        const { participants = [], participantCount } = event.value.callState ?? {};
        const faces = new Map(participants.map((one) => [one.sessionId, seatOf(one, at.iso)]));
        const isComplete = participants.length >= (participantCount?.total ?? 0) - (participantCount?.anonymous ?? 0);
        return this.#passages(this.#roll.present(faces, isComplete, at));
      }
      case "participantJoined":
        return this.#sfuSaw("joined", event.value.participant, at);
      case "participantLeft":
        return this.#sfuSaw("left", event.value.participant, at);
      case "callEnded":
        this.#sfuReason = event.value.reason;
        return [];
      default:
        return [];
    }
  }

  due(nowMs: number): CallEvent[] {
    return this.#passages(this.#roll.due(nowMs));
  }

  /** Our stay is over: what nobody will say any more. */
  farewell(at: Moment): CallEvent[] {
    const isEnded = this.#sfuReason === CallEndedReason.ENDED || this.over?.cause === "call_ended";
    const passages = this.#passages(this.#roll.coordinatorHeard(false));
    return [...passages, ...(isEnded ? this.#callEnded(at) : [])];
  }

  #isUs(user: unknown): boolean {
    return (user as { id?: unknown } | undefined)?.id === this.#userId;
  }

  #know(call: CallState): void {
    this.#call = call;
    this.#isCallKnown = true;
    this.#sessionId = call.current_session_id || (call.session?.id ?? this.#sessionId);
  }

  #sfuSaw(passage: "joined" | "left", participant: Participant | undefined, at: Moment): CallEvent[] {
    if (!participant || participant.sessionId === "") return [];
    return this.#passages(this.#roll.sfuSaw(passage, participant.sessionId, seatOf(participant, at.iso), at));
  }

  #callEnded(at: Moment): CallEvent[] {
    if (this.#told.has("call.ended")) return [];
    this.#told.add("call.ended");
    const call = { ...this.#call, ended_at: this.#call.ended_at ?? at.iso };
    return [{ type: "call.ended", call_cid: this.#cid, created_at: at.iso, call }];
  }

  #passages(announcements: readonly Announcement<PassageEvent, Seat>[]): CallEvent[] {
    return announcements.flatMap((announcement) => this.#passage(announcement));
  }

  /** The coordinator's own event, or one of the same shape. */
  #passage({ passage, sessionId, word, face, at }: Announcement<PassageEvent, Seat>): CallEvent[] {
    if (word) return [word];
    // The coordinator's description of them, where it gave one, holds more than the SFU's.
    const participant = seatIn(this.#call, sessionId) ?? face;
    if (!participant) return [];
    const shared = { call_cid: this.#cid, created_at: at.iso, session_id: this.#sessionId, participant };
    if (passage === "joined") return [{ type: "call.session_participant_joined", ...shared }];
    const stayMs = Date.parse(at.iso) - Date.parse(participant.joined_at);
    const duration_seconds = Math.max(0, Math.round(stayMs / 1_000)) || 0;
    return [{ type: "call.session_participant_left", ...shared, duration_seconds }];
  }
}

const isLast = ({ type }: CallEvent): boolean =>
  type === "call.ended" || type === "call.deleted" || type === "call.session_ended";
