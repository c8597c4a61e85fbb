import os from "node:os";
import { deferred, withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { encrypted } from "./admission.ts";
import type { OutgoingAudio } from "./audio-packetizer.ts";
import { SfuError } from "./errors.ts";
import type { JoinResponse } from "./generated/events_pb.js";
import { PeerType, SdkType, TrackType } from "./generated/models_pb.js";
import { SignalServer } from "./generated/signal_pb.js";
import { endedJoin } from "./join-refusal.ts";
import type { CallJoin } from "./join-response.ts";
import type { Peer } from "./peer.ts";
import { type OfferedTrack, Publisher } from "./publisher.ts";
import type { SfuEventPayload } from "./sfu-events.ts";
import { SfuRpc } from "./sfu-rpc.ts";
import { SfuSocket } from "./sfu-socket.ts";
import { type ReceivedPacket, Subscriber } from "./subscriber.ts";
import { type AudioSource, Subscriptions } from "./subscriptions.ts";
import type { StreamTimeouts } from "./timeouts.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

/** What a connection needs that can be made before it is known which SFU it will be. */
export interface PreparedMedia {
  publisher: Publisher;
  /** A throw-away offer that names the codecs we understand. */
  subscriberSdp: string;
}

export const prepareMedia = async (logger: Logger): Promise<PreparedMedia> => {
  const [publisher, subscriberSdp] = await Promise.all([Publisher.prepare(logger), Subscriber.codecOffer(logger)]);
  return { publisher, subscriberSdp };
};

export interface SfuConnectionOptions {
  join: CallJoin;
  media: PreparedMedia;
  /** New for each connection. */
  sessionId: string;
  /** The first session id of this participant in the call; later connections keep it. */
  unifiedSessionId: string;
  /** For the SFU's records only: it knows us by our token. */
  socketQuery: Record<string, string>;
  timeouts: StreamTimeouts;
  logger: Logger;
  /** Each event from the JoinResponse on, after this connection has served its own part of it. */
  onEvent: (event: SfuEventPayload) => void;
  onPacket: (streamId: string, packet: ReceivedPacket) => void;
  /** Our stay here is over, by the SFU's word or its loss. At most once, and only after `connect` resolved. */
  onVerdict: (verdict: Exclude<Verdict, { type: "stay" }>) => void;
}

/** One stay on one SFU: a socket, requests, a voice, ears. Reconnecting means another one of these. */
export class SfuConnection {
  readonly #options: SfuConnectionOptions;
  readonly #socket: SfuSocket;
  readonly #rpc: SfuRpc;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #subscriptions: Subscriptions;
  /** Rejects when our stay ends before `connect` resolved. */
  readonly #refused = deferred<never>();
  /** `over`: a verdict was passed; what is left is to leave or close. */
  #state: "connecting" | "connected" | "over" | "closed" = "connecting";
  #isMuted = true;
  #announcedAtMs = 0;

  constructor(options: SfuConnectionOptions) {
    this.#options = options;
    const { join, media, sessionId, socketQuery, timeouts, logger } = options;
    const { credentials } = join;
    this.#refused.promise.catch(() => undefined);
    this.#rpc = new SfuRpc({ url: credentials.rpcUrl, token: credentials.token, deadlineMs: timeouts.rpcMs });
    const url = new URL(credentials.socketUrl);
    for (const [key, value] of Object.entries(socketQuery)) url.searchParams.set(key, value);
    this.#socket = new SfuSocket({
      url,
      timeouts,
      logger,
      onEvent: (event) => this.#onEvent(event),
      onLost: (detail) => this.#lose(detail),
    });
    this.#publisher = media.publisher;
    this.#subscriber = new Subscriber({
      iceServers: credentials.iceServers,
      logger,
      answer: async (sdp, negotiationId) => {
        await this.#rpc.call(SignalServer.method.sendAnswer, {
          peerType: PeerType.SUBSCRIBER,
          sdp,
          sessionId,
          negotiationId,
        });
      },
      onPacket: options.onPacket,
      onFailed: (error) => this.#lose(`an offer of the SFU could not be answered: ${messageOf(error)}`),
    });
    this.#subscriptions = new Subscriptions((sources) => this.#sendSubscriptions(sources), logger);
    this.#trickle(PeerType.PUBLISHER_UNSPECIFIED, this.#publisher.peer);
    this.#trickle(PeerType.SUBSCRIBER, this.#subscriber.peer);
  }

  /** The SFU's id. */
  get edgeName(): string {
    return this.#options.join.credentials.edgeName;
  }

  /** When the SFU was asked to announce our voice, on performance.now()'s clock; 0 before. */
  get announcedAtMs(): number {
    return this.#announcedAtMs;
  }

  /** Joins and publishes. Rejects with SfuError or TimeoutError, with everything closed. */
  async connect(): Promise<void> {
    try {
      const { publishOptions, callState } = await this.#socket.join(this.#joinRequest());
      if (callState?.e2eeEnabled) throw encrypted("the call");
      await Promise.race([this.#publish(publishOptions), this.#refused.promise]);
      this.#state = "connected";
    } catch (error) {
      await this.leave("join failed");
      throw error;
    }
  }

  /** Sends one 20 ms frame; see Publisher.send. */
  sendAudio(frame: OutgoingAudio, missedFrames: number): void {
    this.#publisher.skip(missedFrames);
    this.#publisher.send(frame, this.#isMuted);
  }

  /** Names everybody whose audio we want. */
  subscribe(sources: readonly AudioSource[]): void {
    if (this.#state !== "over" && this.#state !== "closed") this.#subscriptions.want(sources);
  }

  /** Stops or resumes our packets and tells the SFU, which tells the others. Throws SfuError. */
  async setMuted(isMuted: boolean): Promise<void> {
    this.#isMuted = isMuted;
    await this.#rpc.call(SignalServer.method.updateMuteStates, {
      sessionId: this.#options.sessionId,
      muteStates: [{ trackType: TrackType.AUDIO, muted: isMuted }],
    });
  }

  /** Mutes; at most `leaveStepMs`; never throws. */
  async hush(): Promise<void> {
    await this.#quietly("muting", () => this.setMuted(true));
  }

  /** Says goodbye and closes. Idempotent; never throws; takes at most twice `leaveStepMs`. */
  async leave(reason: string): Promise<void> {
    await this.#socket.leave(this.#options.sessionId, reason);
    await this.close(reason);
  }

  /** Closes without a goodbye. Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(reason: string): Promise<void> {
    this.#state = "closed";
    this.#isMuted = true;
    this.#rpc.close();
    const closePeers = () => Promise.all([this.#publisher.close(), this.#subscriber.close()]);
    await Promise.all([this.#socket.close(reason), this.#quietly("closing the peer connections", closePeers)]);
  }

  async #publish(publishOptions: JoinResponse["publishOptions"]): Promise<void> {
    const option = publishOptions.find(({ trackType }) => trackType === TrackType.AUDIO);
    if (!option) throw new SfuError("the SFU offers no way to publish audio: check the call type's settings");
    const { join, sessionId, timeouts } = this.#options;
    const exchange = async (sdp: string, track: OfferedTrack) => {
      const answer = await this.#rpc.call(SignalServer.method.setPublisher, {
        sdp,
        sessionId,
        tracks: [
          {
            ...track,
            trackType: TrackType.AUDIO,
            publishOptionId: option.id,
            ...(option.codec ? { codec: option.codec } : {}),
            // No DTX, RED or stereo, whatever the call allows: we send every frame once, in one channel.
          },
        ],
      });
      // What makes the SFU announce us: without it nobody hears of the track.
      this.#unmute();
      this.#announcedAtMs = performance.now();
      return answer.sdp;
    };
    const { iceServers } = join.credentials;
    await this.#publisher.connect({ iceServers, exchange, timeoutMs: timeouts.mediaMs });
    this.#publisher.peer.onFailed(() => this.#lose("the media connection of our voice failed"));
  }

  #unmute(): void {
    this.setMuted(false).catch((error: unknown) => this.#lose(`unmuting failed: ${messageOf(error)}`));
  }

  #joinRequest() {
    const { join, media, sessionId, unifiedSessionId } = this.#options;
    return {
      token: join.credentials.token,
      sessionId,
      unifiedSessionId,
      subscriberSdp: media.subscriberSdp,
      publisherSdp: media.publisher.offerSdp,
      clientDetails: {
        sdk: { type: SdkType.PLAIN_JAVASCRIPT },
        os: { name: os.platform(), version: os.release(), architecture: os.arch() },
      },
    };
  }

  #onEvent(event: SfuEventPayload): void {
    if (this.#state === "over" || this.#state === "closed") return;
    if (event.case === "subscriberOffer") this.#subscriber.offer(event.value);
    if (event.case === "iceTrickle") {
      const { peerType, iceCandidate } = event.value;
      const { peer } = peerType === PeerType.SUBSCRIBER ? this.#subscriber : this.#publisher;
      peer.addCandidate(iceCandidate);
    }
    this.#options.onEvent(event);
    this.#judge(verdictOf(event, this.#options.join.capabilities));
  }

  #trickle(peerType: PeerType, peer: Peer): void {
    peer.onCandidate((iceCandidate) => {
      this.#rpc
        .call(SignalServer.method.iceTrickle, { peerType, iceCandidate, sessionId: this.#options.sessionId })
        .catch((error: unknown) => this.#options.logger.debug("ice_trickle_failed", { error: messageOf(error) }));
    });
    if (peerType === PeerType.SUBSCRIBER) peer.onFailed(() => this.#lose("the media connection of our ears failed"));
  }

  #sendSubscriptions(sources: readonly AudioSource[]): Promise<unknown> {
    return this.#rpc.call(SignalServer.method.updateSubscriptions, {
      sessionId: this.#options.sessionId,
      tracks: sources.map(({ userId, sessionId }) => ({ userId, sessionId, trackType: TrackType.AUDIO })),
    });
  }

  #lose(detail: string): void {
    this.#judge({ type: "reconnect", strategy: "rejoin", detail });
  }

  #judge(verdict: Verdict): void {
    if (verdict.type === "stay") return;
    if (this.#state === "connecting") {
      this.#refused.reject(endedJoin(verdict));
    } else if (this.#state === "connected") {
      this.#state = "over";
      this.#options.onVerdict(verdict);
    }
  }

  async #quietly(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await withDeadline(work(), this.#options.timeouts.leaveStepMs, what);
    } catch (error) {
      // On the way out: a step that fails is worth a line, never a failed goodbye.
      this.#options.logger.info("leave_step_failed", { step: what, error: messageOf(error) });
    }
  }
}
