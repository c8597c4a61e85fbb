import { type MediaStreamTrack, type RTCRtpReceiver, RTP_EXTENSION_URI } from "werift";
import type { Logger } from "../log.ts";
import { SfuError } from "./errors.ts";
import type { SubscriberOffer } from "./generated/events_pb.js";
import type { IceServer } from "./join-response.ts";
import { Peer } from "./peer.ts";

/** One packet of somebody's Opus, as it came off the wire: in any order, perhaps twice. */
export interface ReceivedPacket {
  /** u16 */
  sequenceNumber: number;
  /** u32, 48 kHz clock */
  timestamp: number;
  payload: Uint8Array;
  /** RFC 6464: 0 loudest, 127 silence; undefined when the sender tells none. */
  levelDbov: number | undefined;
}

export interface SubscriberOptions {
  iceServers: IceServer[];
  logger: Logger;
  /** Sends an answer to the SFU. */
  answer: (sdp: string, negotiationId: number) => Promise<void>;
  /** `streamId` is the id of the media stream that the SFU named for the track. */
  onPacket: (streamId: string, packet: ReceivedPacket) => void;
  /** An offer could not be answered: from here on we may be deaf. */
  onFailed: (error: unknown) => void;
}

/** The SFU waits for an answer before it offers again; a queue of offers is a broken SFU. */
const waitingOffersLimit = 16;

const levelOf = (extensions: Record<string, unknown>): number | undefined => {
  const value = extensions[RTP_EXTENSION_URI.audioLevelIndication];
  return typeof value === "object" && value !== null && "level" in value ? Number(value.level) : undefined;
};

/** Our ears: a peer connection on which the SFU offers and we answer, one offer after the other. */
export class Subscriber {
  readonly peer: Peer;
  readonly #options: SubscriberOptions;
  readonly #tracks = new WeakSet<MediaStreamTrack>();
  #negotiating: Promise<void> = Promise.resolve();
  #waitingOffers = 0;
  #isClosed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.peer = new Peer(options.logger, options.iceServers);
  }

  /** A throw-away offer that names the codecs we understand. */
  static async codecOffer(logger: Logger): Promise<string> {
    const peer = new Peer(logger);
    try {
      peer.connection.addTransceiver("audio", { direction: "recvonly" });
      return (await peer.connection.createOffer()).sdp;
    } finally {
      await peer.close();
    }
  }

  /** Queues an offer of the SFU. Failures go to `onFailed`. */
  offer(offer: Pick<SubscriberOffer, "sdp" | "negotiationId">): void {
    if (this.#isClosed) return;
    if (this.#waitingOffers >= waitingOffersLimit) {
      this.#options.onFailed(new SfuError(`the SFU sent ${waitingOffersLimit} offers without waiting for an answer`));
      return;
    }
    this.#waitingOffers += 1;
    this.#negotiating = this.#negotiating
      .then(() => this.#negotiate(offer))
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#options.onFailed(error);
      })
      .finally(() => {
        this.#waitingOffers -= 1;
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.peer.close();
  }

  async #negotiate({ sdp, negotiationId }: Pick<SubscriberOffer, "sdp" | "negotiationId">): Promise<void> {
    if (this.#isClosed) return;
    await this.peer.setRemote("offer", sdp);
    this.#listen();
    const answer = await this.peer.connection.createAnswer();
    // The answer goes out while candidates are still gathered; they follow by trickle.
    await Promise.all([this.peer.setLocal("answer", answer.sdp), this.#options.answer(answer.sdp, negotiationId)]);
  }

  /**
   * Subscribes to each track once. werift's onTrack fires again after an ICE restart and not at all when a section is
   * used for another sender, so the receivers themselves are looked at after each offer.
   */
  #listen(): void {
    for (const { receiver } of this.peer.connection.getTransceivers()) {
      for (const track of receiver.tracks) {
        if (this.#tracks.has(track)) continue;
        this.#tracks.add(track);
        this.#receive(track, receiver);
      }
    }
  }

  #receive(track: MediaStreamTrack, receiver: RTCRtpReceiver): void {
    track.onReceiveRtp.once(() => this.peer.importKeys());
    track.onReceiveRtp.subscribe(({ header, payload }, extensions) => {
      // Probes of the SFU carry padding only.
      if (this.#isClosed || payload.length === 0 || receiver.remoteStreamId === undefined) return;
      this.#options.onPacket(receiver.remoteStreamId, {
        sequenceNumber: header.sequenceNumber,
        timestamp: header.timestamp,
        payload,
        levelDbov: levelOf(extensions ?? {}),
      });
    });
  }
}
