import { notFound } from "./api-error.ts";
import type { Json } from "./fields.ts";
import { type UserDirectory, userResponse } from "./users.ts";

export interface Member {
  userId: string;
  role?: string;
  custom: Json;
  createdAt: string;
  updatedAt: string;
}

/** Somebody who is in the call now: one per SFU session, so a user on two devices stands here twice. */
export interface SessionParticipant {
  userId: string;
  userSessionId: string;
  role: string;
  joinedAt: string;
}

export interface CallSession {
  id: string;
  participants: SessionParticipant[];
  startedAt?: string;
  endedAt?: string;
  liveStartedAt?: string;
  liveEndedAt?: string;
  acceptedBy: Record<string, string>;
  rejectedBy: Record<string, string>;
}

export interface CallRecord {
  type: string;
  id: string;
  cid: string;
  createdById: string;
  createdAt: string;
  updatedAt: string;
  startsAt?: string;
  endedAt?: string;
  team?: string;
  backstage: boolean;
  custom: Json;
  settings: Json;
  members: Map<string, Member>;
  blockedUserIds: Set<string>;
  permissions: Map<string, { granted: string[]; revoked: string[] }>;
  /** The session that is on, or that the next participant will start. */
  session?: CallSession;
}

export class CallDirectory {
  readonly #calls = new Map<string, CallRecord>();

  find(cid: string): CallRecord | undefined {
    return this.#calls.get(cid);
  }

  /** Throws ApiError 404, code 16. */
  require(cid: string): CallRecord {
    const call = this.#calls.get(cid);
    if (!call) throw notFound(`Can't find call with id ${cid}`);
    return call;
  }

  add(call: CallRecord): void {
    this.#calls.set(call.cid, call);
  }

  delete(cid: string): void {
    this.#calls.delete(cid);
  }

  all(): CallRecord[] {
    return [...this.#calls.values()];
  }
}

const user = (users: UserDirectory, id: string): Json => {
  const known = users.get(id);
  return known ? userResponse(known) : { id, role: "user", custom: {}, teams: [] };
};

export const participantResponse = (users: UserDirectory, participant: SessionParticipant): Json => ({
  user: user(users, participant.userId),
  user_session_id: participant.userSessionId,
  role: participant.role,
  joined_at: participant.joinedAt,
});

export const countByRole = (session: CallSession): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { role } of session.participants) counts[role] = (counts[role] ?? 0) + 1;
  return counts;
};

const sessionResponse = (users: UserDirectory, session: CallSession): Json => ({
  id: session.id,
  participants: session.participants.map((participant) => participantResponse(users, participant)),
  participants_count_by_role: countByRole(session),
  anonymous_participant_count: 0,
  accepted_by: session.acceptedBy,
  rejected_by: session.rejectedBy,
  missed_by: {},
  ...(session.startedAt === undefined ? {} : { started_at: session.startedAt }),
  ...(session.endedAt === undefined ? {} : { ended_at: session.endedAt }),
  ...(session.liveStartedAt === undefined ? {} : { live_started_at: session.liveStartedAt }),
  ...(session.liveEndedAt === undefined ? {} : { live_ended_at: session.liveEndedAt }),
});

/** CallResponse of Stream's API. */
export const callResponse = (users: UserDirectory, call: CallRecord): Json => ({
  type: call.type,
  id: call.id,
  cid: call.cid,
  current_session_id: call.session && !call.session.endedAt ? call.session.id : "",
  created_by: user(users, call.createdById),
  created_at: call.createdAt,
  updated_at: call.updatedAt,
  ...(call.startsAt === undefined ? {} : { starts_at: call.startsAt }),
  ...(call.endedAt === undefined ? {} : { ended_at: call.endedAt }),
  ...(call.team === undefined ? {} : { team: call.team }),
  backstage: call.backstage,
  custom: call.custom,
  settings: call.settings,
  blocked_user_ids: [...call.blockedUserIds],
  recording: false,
  transcribing: false,
  captioning: false,
  translating: false,
  egress: { broadcasting: false, rtmps: [] },
  ingress: { rtmp: { address: "" }, srt: { address: "" }, whip: { address: "" } },
  ...(call.session ? { session: sessionResponse(users, call.session) } : {}),
});

export const memberResponse = (users: UserDirectory, member: Member): Json => ({
  user_id: member.userId,
  user: user(users, member.userId),
  ...(member.role === undefined ? {} : { role: member.role }),
  custom: member.custom,
  created_at: member.createdAt,
  updated_at: member.updatedAt,
});

export const memberResponses = (users: UserDirectory, call: CallRecord): Json[] =>
  [...call.members.values()].map((member) => memberResponse(users, member));
