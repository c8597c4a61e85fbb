import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import {
  CallEndedReason,
  ErrorCode,
  TrackUnpublishReason,
} from "../../../../bridge-task/stream/generated/models_pb.js";
import type { EventLog } from "../../event-log.ts";
import type { SfuCredentials, SfuDoor, SfuEndReason } from "../coordinator/coordinator.ts";
import { SfuFaults } from "./faults.ts";
import type { ParticipantUser, SfuParticipant } from "./participant.ts";
import type { Recording } from "./recording.ts";
import { SfuRoom } from "./room.ts";

/** Who a token of ours was issued to, and through which edge they came. */
export interface Grant {
  cid: string;
  userId: string;
  edge: string;
}

/** What the SFU asks of the coordinator. */
export interface SfuHost {
  user(id: string): ParticipantUser | undefined;
  capabilities(cid: string, userId: string): readonly string[];
  /** The call is there, and has not ended for this user. */
  admits(cid: string, userId: string): boolean;
  /** How many of those who count the call holds; undefined: no limit. */
  participantLimit(cid: string): number | undefined;
  isCounted(cid: string, userId: string): boolean;
  joined(cid: string, userId: string, sessionId: string): void;
  left(cid: string, sessionId: string, reason: string): void;
}

export interface SfuOptions {
  log: EventLog;
  host: SfuHost;
  /** http://127.0.0.1:PORT */
  origin: () => string;
  fastReconnectDeadlineSeconds: number;
  /** A client whose socket is silent for this long is gone. */
  silenceLimitMs: number;
  subscribesImplicitly: boolean;
  random?: (() => number) | undefined;
}

/** Two names for one server: a client that is sent away from one finds the other. */
const edges = ["sfu-local-1", "sfu-local-2"] as const;

/** Recordings of people who have left are kept for this many sessions. */
const recordingLimit = 200;

const endedReasons: Record<SfuEndReason, CallEndedReason> = {
  ended: CallEndedReason.ENDED,
  live_ended: CallEndedReason.LIVE_ENDED,
  kicked: CallEndedReason.KICKED,
  session_ended: CallEndedReason.SESSION_ENDED,
};

/** The rooms, who may enter them, and what the coordinator may ask. */
export class Sfu implements SfuDoor {
  readonly options: SfuOptions;
  readonly faults: SfuFaults;
  /** Open SFU sockets, joined or not. */
  readonly sockets = new Set<WebSocket>();
  readonly timers = new Set<NodeJS.Timeout>();
  readonly #grants = new Map<string, Grant>();
  readonly #rooms = new Map<string, SfuRoom>();
  readonly #recordings = new Map<string, Recording>();

  constructor(options: SfuOptions) {
    this.options = options;
    this.faults = new SfuFaults(options.random);
  }

  issue(cid: string, userId: string, avoidEdges: readonly string[]): SfuCredentials {
    const edge = edges.find((name) => !avoidEdges.includes(name)) ?? edges[0];
    const token = randomBytes(24).toString("base64url");
    this.#grants.set(token, { cid, userId, edge });
    const origin = this.options.origin();
    return {
      token,
      server: { edge_name: edge, url: `${origin}/sfu/twirp`, ws_endpoint: `${origin.replace("http", "ws")}/sfu/ws` },
      ice_servers: [],
    };
  }

  grant(token: string): Grant | undefined {
    return this.#grants.get(token);
  }

  room(cid: string): SfuRoom {
    const known = this.#rooms.get(cid);
    if (known) return known;
    const room = new SfuRoom({
      cid,
      log: this.options.log,
      faults: this.faults,
      subscribesImplicitly: this.options.subscribesImplicitly,
      onLeft: (participant, reason) => this.options.host.left(cid, participant.sessionId, reason),
    });
    this.#rooms.set(cid, room);
    return room;
  }

  participants(cid?: string): SfuParticipant[] {
    return [...this.#rooms.values()]
      .filter((room) => cid === undefined || room.cid === cid)
      .flatMap((room) => room.participants);
  }

  /** The newest recording of a session, whether it is still in the call or not. */
  recording(cid: string, sessionId: string): Recording | undefined {
    return this.#recordings.get(`${cid} ${sessionId}`);
  }

  keep(recording: Recording): void {
    this.#recordings.set(`${recording.cid} ${recording.sessionId}`, recording);
    const oldest = this.#recordings.keys().next();
    if (this.#recordings.size > recordingLimit && !oldest.done) this.#recordings.delete(oldest.value);
  }

  recordings(cid: string): Recording[] {
    return [...this.#recordings.values()].filter((recording) => recording.cid === cid);
  }

  endCall(cid: string, reason: SfuEndReason): void {
    for (const participant of this.participants(cid)) this.room(cid).dismiss(participant, endedReasons[reason]);
  }

  endLive(cid: string, isExempt: (userId: string) => boolean): void {
    const error = { code: ErrorCode.LIVE_ENDED, message: "the call went back to backstage", shouldRetry: false };
    for (const participant of this.participants(cid)) {
      if (isExempt(participant.user.id)) continue;
      participant.send("error", { error });
      this.room(cid).farewell(participant, "live_ended");
    }
  }

  removeUser(cid: string, userId: string): void {
    for (const participant of this.#of(cid, userId)) this.room(cid).dismiss(participant, CallEndedReason.KICKED);
  }

  mute(cid: string, userIds: readonly string[] | undefined, exceptUserId?: string): string[] {
    const muted = this.participants(cid).filter(({ user }) =>
      userIds ? userIds.includes(user.id) : user.id !== exceptUserId,
    );
    for (const participant of muted) this.room(cid).setMuted(participant, true, TrackUnpublishReason.MODERATION);
    return [...new Set(muted.map(({ user }) => user.id))];
  }

  grantsChanged(cid: string, userId: string): void {
    const canPublishAudio = this.canPublishAudio(cid, userId);
    for (const participant of this.#of(cid, userId)) {
      participant.send("callGrantsUpdated", {
        currentGrants: { canPublishAudio, canPublishVideo: false, canScreenshare: false },
        message: "permissions changed",
      });
      if (!canPublishAudio) this.room(cid).setMuted(participant, true, TrackUnpublishReason.PERMISSION_REVOKED);
    }
  }

  canPublishAudio(cid: string, userId: string): boolean {
    return this.options.host.capabilities(cid, userId).includes("send-audio");
  }

  /** Every socket and peer connection is gone without a word, and nobody gets in until `restore()`. */
  async kill(): Promise<void> {
    this.faults.isDown = true;
    this.options.log.record("stream", "sfu.killed");
    await this.close();
  }

  restore(): void {
    this.faults.isDown = false;
    this.options.log.record("stream", "sfu.restored");
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    for (const socket of this.sockets) socket.terminate();
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    await Promise.all(rooms.map((room) => room.close()));
  }

  #of(cid: string, userId: string): SfuParticipant[] {
    return this.participants(cid).filter(({ user }) => user.id === userId);
  }
}
