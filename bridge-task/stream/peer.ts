import { createSecretKey } from "node:crypto";
import {
  type RTCDtlsTransport,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  useAudioLevelIndication,
  useSdesMid,
} from "werift";
import { deferred, withDeadline } from "../deadline.ts";
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

/** Above every flight of a DTLS handshake (RFC 6347 §4.2.4 has six). */
const lastDtlsFlight = 7;

const createConnection = (iceServers: IceServer[]): RTCPeerConnection =>
  new RTCPeerConnection({
    iceServers,
    iceStunGatherTimeout: stunTimeoutSeconds,
    bundlePolicy: "max-bundle",
    codecs: {
      audio: [
        // Spelled as everybody spells it: werift's own helper says OPUS.
        new RTCRtpCodecParameters({
          mimeType: "audio/opus",
          clockRate: 48_000,
          channels: 2,
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

  /** Resolves when all local candidates are gathered; they go out through `onCandidate` meanwhile. */
  async setLocal(type: "offer" | "answer", sdp: string): Promise<void> {
    this.#keepToNamedServers();
    await this.connection.setLocalDescription({ type, sdp });
  }

  async setRemote(type: "offer" | "answer", sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type, sdp });
    this.#apply(this.#candidates.described(ufragOf(sdp)));
  }

  /** Resolves when ICE and DTLS are up. Rejects with SfuError when they fail, TimeoutError when they take too long. */
  async connected(timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = deferred<void>();
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

  /**
   * To be called once packets flow. werift makes a cipher per packet from the bytes of its keys, which Node imports anew
   * each time, at several times the cost of the encryption: they are imported here instead. Idempotent; what has no keys
   * yet is left as it is, as "connected" may be told of a connection one of whose transports is still to come up.
   */
  importKeys(): void {
    for (const { srtp } of this.connection.dtlsTransports as { srtp?: RTCDtlsTransport["srtp"] }[]) {
      for (const { cipher } of srtp ? [srtp.localContext, srtp.remoteContext] : []) {
        const { srtpSessionKey } = cipher;
        if (Buffer.isBuffer(srtpSessionKey)) Object.assign(cipher, { srtpSessionKey: createSecretKey(srtpSessionKey) });
      }
    }
  }

  async close(): Promise<void> {
    const handshakes = this.connection.dtlsTransports.flatMap(({ dtls }) => (dtls ? [dtls.dtls] : []));
    await this.connection.close();
    // werift goes on resending an unfinished handshake for half a minute after its connection is closed, which keeps
    // the process alive; it stops when it sees the last flight, which nothing may take back.
    for (const handshake of handshakes) {
      Object.defineProperty(handshake, "flight", { get: () => lastDtlsFlight, set: () => undefined });
    }
  }

  /** Where no STUN server is named, werift asks one of Google's, even for an empty list: nobody consented to that. */
  #keepToNamedServers(): void {
    const urls = this.connection.getConfiguration().iceServers.flatMap((server) => server.urls);
    if (urls.some((url) => url.startsWith("stun"))) return;
    for (const { connection } of this.connection.iceTransports) delete connection.stunServer;
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
