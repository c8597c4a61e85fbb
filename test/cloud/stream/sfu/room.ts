import {
  CallEndedReason,
  type Participant,
  TrackType,
  TrackUnpublishReason,
} from "../../../../bridge-task/stream/generated/models_pb.js";
import { type EventLog, epochMs } from "../../event-log.ts";
import type { SfuFaults } from "./faults.ts";
import { dominantSpeaker, emptyWindow, isNews, levelIntervalMs, loudness, observe } from "./levels.ts";
import type { EventName, EventValue } from "./messages.ts";
import type { SfuParticipant } from "./participant.ts";
import type { AudioPacket } from "./peer.ts";
import { judge, observeArrival, qualityIntervalMs } from "./quality.ts";

/** A packet this loud counts as voice in the event log. */
const voicedDbov = 50;
/** Time for a client to close its socket by itself after it was told to leave. */
const farewellMs = 2_000;

export interface RoomOptions {
  cid: string;
  log: EventLog;
  faults: SfuFaults;
  /** Everybody hears everybody; without it only what UpdateSubscriptions asks for. */
  subscribesImplicitly: boolean;
  onLeft: (participant: SfuParticipant, reason: string) => void;
}

/** The people in one call and the sound between them. */
export class SfuRoom {
  readonly cid: string;
  readonly startedAtMs = Date.now();
  readonly #options: RoomOptions;
  readonly #participants = new Map<string, SfuParticipant>();
  #timers: NodeJS.Timeout[] = [];
  readonly #farewells = new Set<NodeJS.Timeout>();
  readonly #closing = new Set<Promise<void>>();
  #dominantSessionId: string | undefined;

  constructor(options: RoomOptions) {
    this.cid = options.cid;
    this.#options = options;
  }

  get participants(): SfuParticipant[] {
    return [...this.#participants.values()];
  }

  find(sessionId: string): SfuParticipant | undefined {
    return this.#participants.get(sessionId);
  }

  /**
   * Lets a participant in and tells the others. One with the session id of somebody here takes over from them
   * (migration).
   */
  add(participant: SfuParticipant): void {
    const isTakeover = this.#participants.has(participant.sessionId);
    this.#participants.set(participant.sessionId, participant);
    if (this.#timers.length === 0) this.#startTimers();
    this.#record("sfu.joined", participant, { edge: participant.edge, isTakeover });
    const message = { callCid: this.cid, participant: participant.toMessage() };
    this.#tellOthers(participant, isTakeover ? "participantUpdated" : "participantJoined", message);
  }

  /** Offers what is there to hear; again whenever that changed. */
  updateSubscriptions(participant: SfuParticipant): void {
    const wanted = this.participants.filter(
      (source) =>
        source !== participant &&
        source.publisher &&
        (source.publishesAudio || participant.subscriber.sourceIds.includes(source.sessionId)) &&
        (this.#options.subscribesImplicitly || participant.explicitSources.has(source.sessionId)),
    );
    for (const sourceId of participant.subscriber.sourceIds)
      if (!wanted.some(({ sessionId }) => sessionId === sourceId)) participant.subscriber.remove(sourceId);
    for (const source of wanted) participant.subscriber.add(source.sessionId, source.streamId);
  }

  /** Takes a participant out, tells the others, frees its connections. Idempotent. */
  remove(participant: SfuParticipant, reason: string): void {
    if (participant.isGone) return;
    participant.isGone = true;
    participant.publishesAudio = false;
    this.#record("sfu.left", participant, { reason });
    const closing = participant.closePeers().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    const hasSuccessor = this.#participants.get(participant.sessionId) !== participant;
    if (!hasSuccessor) {
      this.#participants.delete(participant.sessionId);
      if (this.#dominantSessionId === participant.sessionId) this.#dominantSessionId = undefined;
      this.broadcast("participantLeft", { callCid: this.cid, participant: participant.toMessage() });
    }
    for (const other of this.participants) this.updateSubscriptions(other);
    if (this.#participants.size === 0) this.#stopTimers();
    if (!hasSuccessor) this.#options.onLeft(participant, reason);
  }

  /** Tells a participant that the call is over for them, takes them out, and closes the socket if they do not. */
  dismiss(participant: SfuParticipant, reason: CallEndedReason): void {
    participant.send("callEnded", { reason });
    this.farewell(participant, CallEndedReason[reason].toLowerCase());
  }

  /** Takes a participant out who was told why, and closes the socket unless the client is quicker. */
  farewell(participant: SfuParticipant, reason: string): void {
    const { socket } = participant;
    this.remove(participant, reason);
    const timer = setTimeout(() => {
      this.#farewells.delete(timer);
      socket?.close(1000, reason);
    }, farewellMs);
    this.#farewells.add(timer);
  }

  setMuted(participant: SfuParticipant, isMuted: boolean, cause = TrackUnpublishReason.USER_MUTED): void {
    participant.isMuted = isMuted;
    this.#setPublished(participant, !isMuted && participant.publisher !== undefined, cause);
  }

  /** A packet of a publisher has arrived: record, measure, pass on. */
  receive(participant: SfuParticipant, packet: AudioPacket): void {
    const arrivalMs = epochMs();
    if (participant.isGone || this.#options.faults.dropsIncoming()) return;
    participant.recording.push({ ...packet, arrivalMs });
    participant.arrivals = observeArrival(participant.arrivals, packet.sequenceNumber);
    this.#recordFirsts(participant, packet, arrivalMs);
    // Clients that never send UpdateMuteStates (Stream's Python SDK) are published by their first packet.
    if (participant.isMuted === undefined) this.setMuted(participant, false);
    if (participant.isMuted) return;
    if (packet.levelDbov !== undefined) participant.levelWindow = observe(participant.levelWindow, packet.levelDbov);
    for (const other of this.#participants.values())
      if (other !== participant && !this.#options.faults.dropsOutgoing())
        other.subscriber.send(participant.sessionId, packet);
  }

  broadcast<Name extends EventName>(name: Name, value: EventValue<Name>): void {
    for (const participant of this.#participants.values()) participant.send(name, value);
  }

  /** Ends everything at once, without a word to anybody: as a crash of the SFU would. */
  async close(): Promise<void> {
    this.#stopTimers();
    for (const timer of this.#farewells) clearTimeout(timer);
    for (const participant of this.participants) {
      participant.socket?.terminate();
      this.remove(participant, "sfu_closed");
    }
    await Promise.all(this.#closing);
  }

  #setPublished(participant: SfuParticipant, isPublished: boolean, cause: TrackUnpublishReason): void {
    if (participant.publishesAudio === isPublished) return;
    participant.publishesAudio = isPublished;
    const about = { userId: participant.user.id, sessionId: participant.sessionId, type: TrackType.AUDIO };
    const message: Participant = participant.toMessage();
    if (isPublished) this.broadcast("trackPublished", { ...about, participant: message });
    else this.broadcast("trackUnpublished", { ...about, cause, participant: message });
    this.#record(isPublished ? "sfu.track_published" : "sfu.track_unpublished", participant);
    if (isPublished) for (const other of this.participants) this.updateSubscriptions(other);
  }

  #tellOthers<Name extends EventName>(participant: SfuParticipant, name: Name, value: EventValue<Name>): void {
    for (const other of this.#participants.values()) if (other !== participant) other.send(name, value);
  }

  #tellLevels(): void {
    const news = [];
    for (const participant of this.#participants.values()) {
      const before = participant.loudness;
      participant.loudness = loudness(participant.levelWindow);
      participant.levelWindow = emptyWindow;
      if (isNews(before, participant.loudness))
        news.push({ userId: participant.user.id, sessionId: participant.sessionId, ...participant.loudness });
    }
    if (news.length === 0) return;
    this.broadcast("audioLevelChanged", { audioLevels: news });
    const speakers = this.participants.map(({ sessionId, loudness }) => [sessionId, loudness] as const);
    const dominantId = dominantSpeaker(speakers, this.#dominantSessionId);
    const dominant = dominantId === undefined ? undefined : this.#participants.get(dominantId);
    if (!dominant || dominantId === this.#dominantSessionId) return;
    this.#dominantSessionId = dominantId;
    for (const participant of this.#participants.values()) participant.isDominant = participant === dominant;
    this.broadcast("dominantSpeakerChanged", { userId: dominant.user.id, sessionId: dominant.sessionId });
  }

  #tellQuality(): void {
    const news = [];
    for (const participant of this.#participants.values()) {
      const quality = judge(participant.arrivals) ?? participant.quality;
      participant.arrivals = undefined;
      if (quality === participant.quality) continue;
      participant.quality = quality;
      news.push({ userId: participant.user.id, sessionId: participant.sessionId, connectionQuality: quality });
    }
    if (news.length > 0) this.broadcast("connectionQualityChanged", { connectionQualityUpdates: news });
  }

  /** They run while somebody is in the room. */
  #startTimers(): void {
    this.#timers = [
      setInterval(() => this.#tellLevels(), levelIntervalMs),
      setInterval(() => this.#tellQuality(), qualityIntervalMs),
    ];
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #recordFirsts(participant: SfuParticipant, packet: AudioPacket, arrivalMs: number): void {
    if (!participant.hasSent) this.#record("sfu.first_packet", participant, { arrivalMs });
    participant.hasSent = true;
    if (participant.hasSentVoice || packet.levelDbov === undefined || packet.levelDbov >= voicedDbov) return;
    participant.hasSentVoice = true;
    this.#record("sfu.first_voiced_packet", participant, { arrivalMs, levelDbov: packet.levelDbov });
  }

  #record(type: string, { user, sessionId }: SfuParticipant, data: Record<string, unknown> = {}): void {
    this.#options.log.record("stream", type, { cid: this.cid, userId: user.id, sessionId, ...data });
  }
}
