import { randomBytes } from "node:crypto";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type ClientDetails,
  ConnectionQuality,
  type Participant,
  ParticipantSchema,
  TrackType,
} from "../../../../bridge-task/stream/generated/models_pb.js";
import { emptyWindow, type LevelWindow, type Loudness, silent } from "./levels.ts";
import { type EventName, type EventValue, encodeEvent } from "./messages.ts";
import type { Publisher } from "./publisher.ts";
import type { ArrivalWindow } from "./quality.ts";
import type { Recording } from "./recording.ts";
import type { Subscriber } from "./subscriber.ts";

/** The socket of a participant, as the room uses it. */
export interface ParticipantSocket {
  send(frame: Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface ParticipantUser {
  id: string;
  name: string;
  image: string;
  role: string;
  custom: Record<string, unknown>;
}

/** Somebody in a call, as the SFU knows them. Holds state; the room decides. */
export class SfuParticipant {
  readonly cid: string;
  readonly user: ParticipantUser;
  readonly sessionId: string;
  readonly edge: string;
  readonly client: ClientDetails | undefined;
  readonly joinedAtMs = Date.now();
  /** Remote tracks are told apart by this: the MediaStream id of each begins with it. */
  readonly trackLookupPrefix = randomBytes(8).toString("hex");
  readonly streamId = `${this.trackLookupPrefix}:TRACK_TYPE_AUDIO:${randomBytes(1).toString("hex")}`;
  readonly subscriber: Subscriber;
  readonly recording: Recording;
  publisher: Publisher | undefined;
  socket: ParticipantSocket | undefined;
  /** What the client last said about its microphone; undefined: nothing yet, so its first packet speaks for it. */
  isMuted: boolean | undefined;
  /** Others have been told that there is an audio track. */
  publishesAudio = false;
  /** Sessions whose audio was asked for by UpdateSubscriptions. */
  explicitSources: ReadonlySet<string> = new Set();
  arrivals: ArrivalWindow | undefined;
  quality: ConnectionQuality = ConnectionQuality.UNSPECIFIED;
  levelWindow: LevelWindow = emptyWindow;
  loudness: Loudness = silent;
  isDominant = false;
  hasSent = false;
  hasSentVoice = false;
  isGone = false;

  constructor(options: {
    cid: string;
    user: ParticipantUser;
    sessionId: string;
    edge: string;
    client: ClientDetails | undefined;
    subscriber: Subscriber;
    recording: Recording;
  }) {
    this.cid = options.cid;
    this.user = options.user;
    this.sessionId = options.sessionId;
    this.edge = options.edge;
    this.client = options.client;
    this.subscriber = options.subscriber;
    this.recording = options.recording;
  }

  /** Dropped where no socket is open: a client that comes back fetches the state anew. */
  send<Name extends EventName>(name: Name, value: EventValue<Name>): void {
    this.socket?.send(encodeEvent(name, value));
  }

  toMessage(): Participant {
    return create(ParticipantSchema, {
      userId: this.user.id,
      sessionId: this.sessionId,
      publishedTracks: this.publishesAudio ? [TrackType.AUDIO] : [],
      joinedAt: timestampFromMs(this.joinedAtMs),
      trackLookupPrefix: this.trackLookupPrefix,
      connectionQuality: this.quality,
      isSpeaking: this.loudness.isSpeaking,
      isDominantSpeaker: this.isDominant,
      audioLevel: this.loudness.level,
      name: this.user.name,
      image: this.user.image,
      custom: this.user.custom as JsonObject,
      roles: [this.user.role],
    });
  }

  /** Frees both peer connections. The socket is closed by whoever knows with which words. */
  async closePeers(): Promise<void> {
    await Promise.all([this.publisher?.close(), this.subscriber.close()]);
  }
}
