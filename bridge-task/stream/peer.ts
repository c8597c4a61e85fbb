import { RTCPeerConnection, useAudioLevelIndication, useOPUS, useSdesMid } from "werift";
import { withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { SfuError } from "./errors.ts";
import { CandidateBuffer, parseCandidate, type RemoteCandidate, ufragOf } from "./ice-candidates.ts";
import type { IceServer } from "./join-response.ts";

/** Payload type of Opus on Stream's SFU. */
const opusPayloadType = 111;

/**
 * The SFU stands on a public address and answers checks wherever they come from, so our reflexive addresses seldom
 * matter: a STUN server that is silent must not hold up the first word.
 */
const stunTimeoutSeconds = 1;

const createConnection = (iceServers: IceServer[]): RTCPeerConnection =>
  new RTCPeerConnection({
    // Always said: werift's default is a STUN server of Google's.
    iceServers,
    iceStunGatherTimeout: stunTimeoutSeconds,
    bundlePolicy: "max-bundle",
    codecs: {
      audio: [
        useOPUS({
          payloadType: opusPayloadType,
          parameters: "minptime=10;useinbandfec=1",
          rtcpFeedback: [{ type: "nack" }],
        }),
      ],
      video: [],
    },
    headerExtensions: { audio: [useSdesMid(), useAudioLevelIndication()] },
  });

/** One of the two peer connections of a participant: what both need of werift. */
export class Peer {
  readonly connection: RTCPeerConnection;
  readonly #candidates = new CandidateBuffer();
  readonly #logger: Logger;

  constructor(logger: Logger, iceServers: IceServer[] = []) {
    this.#logger = logger;
    this.connection = createConnection(iceServers);
  }

  /** Hands on each local candidate as the JSON text that the SFU expects. */
  onCandidate(send: (json: string) => void): void {
    this.connection.onIceCandidate.subscribe((candidate) => {
      // The end mark is never sent: Stream's clients do not.
      if (candidate?.candidate) send(JSON.stringify(candidate.toJSON()));
    });
  }

  /** Once, when the connection cannot be used any more without a wish of ours. */
  onFailed(report: () => void): void {
    this.connection.connectionStateChange.subscribe((state) => {
      if (state === "failed") report();
    });
  }

  /** Takes the JSON text of a remote candidate, whenever it comes. */
  addCandidate(json: string): void {
    const candidate = parseCandidate(json);
    if (candidate) this.#apply(this.#candidates.push(candidate));
  }

  async setRemote(type: "offer" | "answer", sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type, sdp });
    this.#apply(this.#candidates.described(ufragOf(sdp)));
  }

  /** Resolves when ICE and DTLS are up. Rejects with SfuError when they fail, TimeoutError when they take too long. */
  async connected(timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      const { connectionState } = this.connection;
      if (connectionState === "connected") resolve();
      if (connectionState === "failed" || connectionState === "closed") {
        reject(new SfuError(`the media connection ${connectionState}`, { retryable: true }));
      }
    };
    const { unSubscribe } = this.connection.connectionStateChange.subscribe(look);
    try {
      look();
      await withDeadline(promise, timeoutMs, "the media connection");
    } finally {
      unSubscribe();
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  #apply(candidates: readonly RemoteCandidate[]): void {
    for (const candidate of candidates) {
      this.connection.addIceCandidate(candidate).catch((error: unknown) => {
        // One path fewer; whether it was needed shows in the connection's state.
        this.#logger.debug("ice_candidate_unusable", { error: messageOf(error) });
      });
    }
  }
}
