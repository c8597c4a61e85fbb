import {
  type RTCIceCandidateInit,
  RTCPeerConnection,
  RTP_EXTENSION_URI,
  RtpHeader,
  RtpPacket,
  useAudioLevelIndication,
  useOPUS,
  useSdesMid,
} from "werift";

export const opusPayloadType = 111;
export const opusFmtp = "minptime=10;useinbandfec=1";

/** What is read of a publisher's RTP packet, and all that is passed on to subscribers. */
export interface AudioPacket {
  sequenceNumber: number;
  /** 48 kHz clock. */
  timestamp: number;
  marker: boolean;
  payload: Buffer;
  /** -dBov, 0 (loud) to 127 (silence), from the ssrc-audio-level header extension; undefined where it is not sent. */
  levelDbov: number | undefined;
  voiced: boolean;
}

/**
 * One end of a peer connection as Stream's SFU has it: ice-lite, Opus at payload type 111, mid and audio level
 * extensions. It is reachable on 127.0.0.1 only: no interface is enumerated, the loopback address is the one
 * "additional" address.
 */
export const createPeer = (): RTCPeerConnection =>
  new RTCPeerConnection({
    codecs: { audio: [useOPUS({ payloadType: opusPayloadType, parameters: opusFmtp })], video: [] },
    headerExtensions: { audio: [useSdesMid(), useAudioLevelIndication()], video: [] },
    bundlePolicy: "max-bundle",
    iceServers: [],
    iceLite: true,
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ["127.0.0.1"],
    iceInterfaceAddresses: { udp4: "127.0.0.1" },
  });

/** A candidate as it is trickled: JSON text of an RTCIceCandidateInit. Undefined if the text is none. */
export const parseCandidate = (text: string): RTCIceCandidateInit | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as RTCIceCandidateInit) : undefined;
  } catch {
    return undefined;
  }
};

/** The ICE generation of a description: a new one in a later offer is an ICE restart. */
export const iceUfrag = (sdp: string): string | undefined => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];

interface LevelExtension {
  v: boolean;
  level: number;
}

export const readPacket = (packet: RtpPacket, extensions: Record<string, unknown> | undefined): AudioPacket => {
  const level = extensions?.[RTP_EXTENSION_URI.audioLevelIndication] as LevelExtension | undefined;
  return {
    sequenceNumber: packet.header.sequenceNumber,
    timestamp: packet.header.timestamp,
    marker: packet.header.marker,
    // The socket's buffer is reused by nobody, but a copy lets go of the rest of it.
    payload: Buffer.from(packet.payload),
    levelDbov: level?.level,
    voiced: level?.v ?? false,
  };
};

/**
 * The packet for a subscriber: the source's sequence number and timestamp, and its level under the subscriber's
 * extension id.
 */
export const writePacket = (packet: AudioPacket, levelExtensionId: number | undefined): RtpPacket => {
  const header = new RtpHeader({
    sequenceNumber: packet.sequenceNumber,
    timestamp: packet.timestamp,
    marker: packet.marker,
    payloadType: opusPayloadType,
  });
  if (levelExtensionId !== undefined && packet.levelDbov !== undefined) {
    header.extension = true;
    header.extensions = [
      { id: levelExtensionId, payload: Buffer.from([(packet.voiced ? 0x80 : 0) | packet.levelDbov]) },
    ];
  }
  return new RtpPacket(header, packet.payload);
};
