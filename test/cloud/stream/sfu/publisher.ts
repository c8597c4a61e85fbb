import type { MediaStreamTrack, RTCIceCandidateInit, RTCPeerConnection } from "werift";
import { type AudioPacket, createPeer, iceUfrag, readPacket } from "./peer.ts";
import { resumeAfterIceRestart, stopHandshake } from "./werift-workarounds.ts";

export interface PublisherOptions {
  onPacket: (packet: AudioPacket) => void;
  onState: (state: string) => void;
}

/** The peer connection on which a participant sends: the client offers, we answer. */
export class Publisher {
  readonly #peer: RTCPeerConnection;
  readonly #options: PublisherOptions;
  readonly #tracks = new WeakSet<MediaStreamTrack>();
  #ufrag: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#peer = createPeer();
    this.#peer.connectionStateChange.subscribe((state) => options.onState(state));
    // Fires again for a track that is known already when the client restarts ICE.
    this.#peer.onTrack.subscribe((track) => {
      if (track.kind !== "audio" || this.#tracks.has(track)) return;
      this.#tracks.add(track);
      track.onReceiveRtp.subscribe((packet, extensions) => {
        if (packet.payload.length > 0) this.#options.onPacket(readPacket(packet, extensions));
      });
    });
  }

  get state(): string {
    return this.#peer.connectionState;
  }

  /** Answers an offer; offers that arrive meanwhile wait. Rejects where the offer cannot be applied. */
  answer(sdp: string): Promise<string> {
    const answered = this.#queue.then(() => this.#answer(sdp));
    this.#queue = answered.catch(() => undefined);
    return answered;
  }

  addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    return this.#peer.addIceCandidate(candidate);
  }

  close(): Promise<void> {
    stopHandshake(this.#peer);
    return this.#peer.close();
  }

  async #answer(sdp: string): Promise<string> {
    const ufrag = iceUfrag(sdp);
    const restarts = this.#ufrag !== undefined && this.#ufrag !== ufrag;
    this.#ufrag = ufrag;
    await this.#peer.setRemoteDescription({ type: "offer", sdp });
    await this.#peer.setLocalDescription(await this.#peer.createAnswer());
    if (restarts) resumeAfterIceRestart(this.#peer);
    return this.#peer.localDescription?.sdp ?? "";
  }
}
