import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { JoinRequest } from "../../../../bridge-task/stream/generated/events_pb.js";
import { ErrorCode, WebsocketReconnectStrategy } from "../../../../bridge-task/stream/generated/models_pb.js";
import { audioPublishOption } from "./messages.ts";
import { type ParticipantSocket, SfuParticipant } from "./participant.ts";
import { Recording } from "./recording.ts";
import type { SfuRoom } from "./room.ts";
import type { Grant, Sfu } from "./sfu.ts";
import { Subscriber } from "./subscriber.ts";

const { FAST, REJOIN, DISCONNECT, MIGRATE } = WebsocketReconnectStrategy;

export interface JoinRefusal {
  code: ErrorCode;
  message: string;
  strategy: WebsocketReconnectStrategy;
}

export interface Joined {
  participant: SfuParticipant;
  room: SfuRoom;
  /** The session was still here: its peer connections go on. */
  isReattached: boolean;
}

const refusal = (code: ErrorCode, message: string, strategy = DISCONNECT): { refused: JoinRefusal } => ({
  refused: { code, message, strategy },
});

const isFast = (request: JoinRequest): boolean => request.fastReconnect || request.reconnectDetails?.strategy === FAST;

/** Decides about a JoinRequest and carries it out. The caller answers with `joinResponse` or the refusal. */
export const join = (
  sfu: Sfu,
  request: JoinRequest,
  socket: ParticipantSocket,
): { joined: Joined } | { refused: JoinRefusal } => {
  const grant = sfu.grant(request.token);
  if (!grant)
    return refusal(ErrorCode.UNAUTHENTICATED, "the token is not one of this SFU: join through the coordinator");
  if (!request.sessionId) return refusal(ErrorCode.REQUEST_VALIDATION_FAILED, "session_id is missing");
  const { host } = sfu.options;
  if (!host.admits(grant.cid, grant.userId))
    return refusal(ErrorCode.CALL_NOT_FOUND, `call ${grant.cid} is not there or has ended`);
  if (!isFast(request) && sfu.faults.fullEdges.has(grant.edge))
    return refusal(ErrorCode.SFU_FULL, `${grant.edge} has no room`, MIGRATE);
  const room = sfu.room(grant.cid);
  const known = room.find(request.sessionId);
  if (known && known.user.id !== grant.userId)
    return refusal(ErrorCode.PERMISSION_DENIED, "session_id belongs to somebody else");
  if (isFast(request)) {
    if (known) return { joined: reattach(known, room, socket) };
    return refusal(ErrorCode.PARTICIPANT_NOT_FOUND, "the session is gone: rejoin", REJOIN);
  }
  const previous = room.find(request.reconnectDetails?.previousSessionId ?? "") ?? known;
  const limit = host.isCounted(grant.cid, grant.userId) ? host.participantLimit(grant.cid) : undefined;
  const others = room.participants.filter((one) => one !== previous && host.isCounted(grant.cid, one.user.id));
  if (limit !== undefined && others.length >= limit)
    return refusal(ErrorCode.CALL_PARTICIPANT_LIMIT_REACHED, `the call holds ${limit} participants`);
  const participant = create(sfu, grant, request, socket);
  if (!participant) return refusal(ErrorCode.UNAUTHENTICATED, `the user ${grant.userId} is gone`);
  return { joined: enter(sfu, room, participant, previous, request.reconnectDetails?.strategy === MIGRATE) };
};

const reattach = (participant: SfuParticipant, room: SfuRoom, socket: ParticipantSocket): Joined => {
  participant.socket?.close(1000, "replaced by a newer socket");
  participant.socket = socket;
  return { participant, room, isReattached: true };
};

const create = (
  sfu: Sfu,
  grant: Grant,
  request: JoinRequest,
  socket: ParticipantSocket,
): SfuParticipant | undefined => {
  const user = sfu.options.host.user(grant.userId);
  if (!user) return undefined;
  const recording = new Recording({ cid: grant.cid, userId: user.id, sessionId: request.sessionId });
  sfu.keep(recording);
  const ids = { cid: grant.cid, userId: user.id, sessionId: request.sessionId };
  const participant: SfuParticipant = new SfuParticipant({
    cid: grant.cid,
    user,
    sessionId: request.sessionId,
    edge: grant.edge,
    client: request.clientDetails,
    recording,
    subscriber: new Subscriber({
      onOffer: ({ sdp, negotiationId, iceRestart }) =>
        participant.send("subscriberOffer", { sdp, negotiationId, iceRestart }),
      onState: (state) => sfu.options.log.record("stream", `sfu.subscriber_${state}`, ids),
      onFailure: (message) => {
        sfu.options.log.record("stream", "sfu.subscriber_stuck", { ...ids, message });
        participant.send("error", {
          error: { code: ErrorCode.PARTICIPANT_MEDIA_TRANSPORT_FAILURE, message, shouldRetry: true },
          reconnectStrategy: REJOIN,
        });
      },
    }),
  });
  participant.socket = socket;
  return participant;
};

/** The new participant is in before the old session leaves, so that the call never looks empty in between. */
const enter = (
  sfu: Sfu,
  room: SfuRoom,
  participant: SfuParticipant,
  previous: SfuParticipant | undefined,
  isMigration: boolean,
): Joined => {
  room.add(participant);
  if (previous?.sessionId !== participant.sessionId)
    sfu.options.host.joined(room.cid, participant.user.id, participant.sessionId);
  if (previous && isMigration) previous.send("participantMigrationComplete", {});
  if (previous) room.remove(previous, isMigration ? "migrated" : "rejoined");
  return { participant, room, isReattached: false };
};

/** What a client learns on joining: who is there, itself among them, and what it may publish. */
export const joinResponse = (sfu: Sfu, { room, isReattached }: Joined) => ({
  callState: {
    participants: room.participants.map((one) => one.toMessage()),
    startedAt: timestampFromMs(room.startedAtMs),
    participantCount: { total: room.participants.length, anonymous: 0 },
    pins: [],
    e2eeEnabled: false,
  },
  reconnected: isReattached,
  // Whole seconds on the wire.
  fastReconnectDeadlineSeconds: Math.ceil(sfu.options.fastReconnectDeadlineSeconds),
  publishOptions: [audioPublishOption],
});
