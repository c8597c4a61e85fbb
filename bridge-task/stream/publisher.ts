import { randomInt } from "node:crypto";
import { MediaStream, MediaStreamTrack, type RTCRtpTransceiver, RTP_EXTENSION_URI, RtpHeader, RtpPacket } from "werift";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { AudioPacketizer, type OutgoingAudio } from "./audio-packetizer.ts";
import { SfuError } from "./errors.ts";
import type { IceServer } from "./join-response.ts";
import { Peer } from "./peer.ts";

/** What the SFU is told about our track beside the offer. */
export interface OfferedTrack {
  trackId: string;
  /** Section of the offer. */
  mid: string;
}

/**
 * Low, so that the first wrap comes late: werift loses its receiver when hundreds of packets are lost around one, and a
 * track's numbers never start again.
 */
const firstSequenceNumberLimit = 1_024;

/** Our voice: a peer connection that offers one Opus track and sends on it. */
export class Publisher {
  readonly peer: Peer;
  /** Names the codecs that we speak; also what `connect` offers. */
  readonly offerSdp: string;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #logger: Logger;
  readonly #packetizer = new AudioPacketizer({
    sequenceNumber: randomInt(firstSequenceNumberLimit),
    timestamp: randomInt(2 ** 32),
  });

  private constructor(peer: Peer, transceiver: RTCRtpTransceiver, offerSdp: string, logger: Logger) {
    this.peer = peer;
    this.offerSdp = offerSdp;
    this.#transceiver = transceiver;
    this.#logger = logger;
  }

  /** Everything that needs no SFU: certificate, keys, offer. */
  static async prepare(logger: Logger): Promise<Publisher> {
    const peer = new Peer(logger);
    const track = new MediaStreamTrack({ kind: "audio" });
    const transceiver = peer.connection.addTransceiver(track, {
      direction: "sendonly",
      streams: [new MediaStream()],
    });
    const { sdp } = await peer.connection.createOffer();
    return new Publisher(peer, transceiver, sdp, logger);
  }

  /**
   * Offers the track with `exchange`, which resolves with the SFU's answer, and resolves when media can flow.
   * Local candidates go out through `peer.onCandidate` meanwhile.
   */
  async connect(options: {
    iceServers: IceServer[];
    exchange: (sdp: string, track: OfferedTrack) => Promise<string>;
    timeoutMs: number;
  }): Promise<void> {
    this.peer.connection.setConfiguration({ iceServers: options.iceServers });
    // Resolves when all candidates are gathered, which may take a second: they follow by trickle instead.
    this.peer
      .setLocal("offer", this.offerSdp)
      .catch((error: unknown) => this.#logger.warn("ice_gathering_failed", { error: messageOf(error) }));
    const mid = /^a=mid:(\S+)/m.exec(this.offerSdp)?.[1];
    if (mid === undefined) throw new SfuError("our own offer names no section: this werift cannot be used");
    const answer = await options.exchange(this.offerSdp, { trackId: this.#transceiver.sender.trackId, mid });
    await this.peer.setRemote("answer", answer);
    await this.peer.connected(options.timeoutMs);
    this.peer.importKeys();
  }

  /** Time of so many frames passes without a packet. */
  skip(frameCount: number): void {
    this.#packetizer.skip(frameCount);
  }

  /** Sends one 20 ms frame. While the connection is down, or `isMuted`, only its time passes. */
  send(frame: OutgoingAudio, isMuted: boolean): void {
    if (isMuted || this.peer.connection.connectionState !== "connected") {
      this.#packetizer.skip();
      return;
    }
    const { sequenceNumber, timestamp, marker, levelByte } = this.#packetizer.send(frame);
    const level = this.#transceiver.headerExtensions.find(({ uri }) => uri === RTP_EXTENSION_URI.audioLevelIndication);
    // werift fills in SSRC, payload type and mid; the level is ours, or the SFU never shows us as speaking.
    const header = new RtpHeader({
      sequenceNumber,
      timestamp,
      marker,
      extensions: level ? [{ id: level.id, payload: Buffer.from([levelByte]) }] : [],
    });
    // Copied: werift keeps sent packets for retransmission, and an encoder may reuse its buffer.
    this.#transceiver.sender.sendRtp(new RtpPacket(header, Buffer.from(frame.opus))).catch((error: unknown) => {
      this.#logger.debug("rtp_send_failed", { error: messageOf(error) });
    });
  }

  async close(): Promise<void> {
    await this.peer.close();
  }
}
