import {
  MediaStreamTrack,
  type RTCIceCandidateInit,
  type RTCPeerConnection,
  type RTCRtpTransceiver,
  RTP_EXTENSION_URI,
} from "werift";
import { messageOf } from "../../../../bridge-task/errors.ts";
import {
  acceptsAnswer,
  answered,
  changed,
  iceRestartWanted,
  type Negotiation,
  type NextOffer,
  newNegotiation,
  nextOffer,
} from "./negotiation.ts";
import { type AudioPacket, createPeer, writePacket } from "./peer.ts";
import { resumeAfterIceRestart, stopHandshake } from "./werift-workarounds.ts";

/**
 * A client that leaves an offer unanswered for this long is told to rejoin. Our own number: clients' RPC deadline is
 * 5 s.
 */
const answerTimeoutMs = 10_000;

export interface SubscriberOptions {
  onOffer: (offer: NextOffer & { sdp: string }) => void;
  onState: (state: string) => void;
  /** An offer could not be made or was not answered in time. */
  onFailure: (message: string) => void;
}

/** The peer connection on which a participant hears the others: we offer, one send-only m-line per remote track. */
export class Subscriber {
  readonly #peer: RTCPeerConnection;
  readonly #options: SubscriberOptions;
  readonly #outgoing = new Map<string, { transceiver: RTCRtpTransceiver; streamId: string }>();
  #negotiation: Negotiation = newNegotiation;
  #restartsIce = false;
  #answerDeadline: NodeJS.Timeout | undefined;
  #isScheduled = false;
  #isClosed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#peer = createPeer();
    this.#peer.connectionStateChange.subscribe((state) => options.onState(state));
  }

  get state(): string {
    return this.#peer.connectionState;
  }

  get sourceIds(): string[] {
    return [...this.#outgoing.keys()];
  }

  /** Offers a track of another participant's session; `streamId` is the msid by which clients tell whose it is. */
  add(sourceId: string, streamId: string): void {
    const known = this.#outgoing.get(sourceId);
    if (known?.streamId === streamId) return;
    if (known) this.remove(sourceId);
    const transceiver = this.#peer.addTransceiver(new MediaStreamTrack({ kind: "audio" }), { direction: "sendonly" });
    transceiver.sender.streamId = streamId;
    this.#outgoing.set(sourceId, { transceiver, streamId });
    this.#negotiation = changed(this.#negotiation);
    this.#offerIfDue();
  }

  /**
   * Stops a track: its m-line goes to port 0 and is taken by a later track, with a new SSRC. The first m-line carries
   * the BUNDLE transport and only becomes inactive: without it there would be nothing left to bundle.
   */
  remove(sourceId: string): void {
    const known = this.#outgoing.get(sourceId);
    if (!known) return;
    this.#outgoing.delete(sourceId);
    if (this.#peer.getTransceivers()[0] === known.transceiver) known.transceiver.setDirection("inactive");
    else known.transceiver.stop();
    this.#negotiation = changed(this.#negotiation);
    this.#offerIfDue();
  }

  restartIce(): void {
    if (this.#outgoing.size === 0 && this.#negotiation.lastId === 0) return;
    this.#negotiation = iceRestartWanted(this.#negotiation);
    this.#offerIfDue();
  }

  /** Forgets an offer that the client cannot have got, so that the next one is not held back by it. */
  async abandonPendingOffer(): Promise<void> {
    if (this.#negotiation.pendingId === undefined) return;
    clearTimeout(this.#answerDeadline);
    await this.#peer.setLocalDescription({ type: "rollback" });
    this.#negotiation = changed(answered(this.#negotiation));
  }

  /** False if the answer belongs to no offer that is out. Rejects where it cannot be applied. */
  async answered(sdp: string, negotiationId: number): Promise<boolean> {
    if (!acceptsAnswer(this.#negotiation, negotiationId)) return false;
    clearTimeout(this.#answerDeadline);
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
    if (this.#restartsIce) resumeAfterIceRestart(this.#peer);
    this.#restartsIce = false;
    this.#negotiation = answered(this.#negotiation);
    this.#offerIfDue();
    return true;
  }

  addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    return this.#peer.addIceCandidate(candidate);
  }

  /** Passes a packet on; dropped where the source is not offered or the connection is not up yet. */
  send(sourceId: string, packet: AudioPacket): void {
    const transceiver = this.#outgoing.get(sourceId)?.transceiver;
    if (!transceiver || this.#isClosed || this.#peer.connectionState !== "connected") return;
    const levelId = transceiver.headerExtensions.find(({ uri }) => uri === RTP_EXTENSION_URI.audioLevelIndication)?.id;
    transceiver.sender.sendRtp(writePacket(packet, levelId)).catch(() => {
      // The socket closed under the packet: the connection state tells.
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    stopHandshake(this.#peer);
    clearTimeout(this.#answerDeadline);
    return this.#peer.close();
  }

  #offerIfDue(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Changes made in the same turn of the event loop all go into one offer.
    queueMicrotask(() => {
      this.#isScheduled = false;
      const { state, offer } = nextOffer(this.#negotiation);
      if (!offer || this.#isClosed) return;
      this.#negotiation = state;
      this.#offer(offer).catch((error: unknown) => this.#options.onFailure(messageOf(error)));
    });
  }

  async #offer(next: NextOffer): Promise<void> {
    await this.#peer.setLocalDescription(await this.#peer.createOffer({ iceRestart: next.iceRestart }));
    this.#restartsIce ||= next.iceRestart;
    const sdp = this.#peer.localDescription?.sdp;
    if (this.#isClosed || !sdp) return;
    this.#answerDeadline = setTimeout(
      () => this.#options.onFailure(`offer ${next.negotiationId} was not answered within ${answerTimeoutMs} ms`),
      answerTimeoutMs,
    );
    this.#options.onOffer({ ...next, sdp });
  }
}
