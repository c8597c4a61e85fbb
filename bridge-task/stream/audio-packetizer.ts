/** One 20 ms Opus frame for the SFU. `levelDbov` is RFC 6464's: 0 loudest, 127 silence. */
export interface OutgoingAudio {
  opus: Uint8Array;
  levelDbov: number;
  voiced: boolean;
}

export interface RtpFields {
  /** u16 */
  sequenceNumber: number;
  /** u32, 48 kHz clock */
  timestamp: number;
  /** Set on the first voiced packet after silence (RFC 3551 §4.1). */
  marker: boolean;
  /** The byte of the ssrc-audio-level extension: voice flag and level (RFC 6464 §3). */
  levelByte: number;
}

/** 20 ms of Opus' 48 kHz RTP clock, whatever the rate of the sound in it (RFC 7587 §4.1). */
const ticksPerFrame = 960;

/**
 * Numbers the frames of one track. The timestamp counts time, so it moves with every frame; the sequence number counts
 * packets, so it moves only with those that are sent: a gap of hundreds around its wrap would break the receiver's SRTP.
 */
export class AudioPacketizer {
  #sequenceNumber: number;
  #timestamp: number;
  #wasVoiced = false;

  constructor(first: { sequenceNumber: number; timestamp: number }) {
    this.#sequenceNumber = first.sequenceNumber;
    this.#timestamp = first.timestamp;
  }

  send({ levelDbov, voiced }: Pick<OutgoingAudio, "levelDbov" | "voiced">): RtpFields {
    const level = Math.min(127, Math.max(0, Math.round(levelDbov)));
    const fields = {
      sequenceNumber: this.#sequenceNumber,
      timestamp: this.#timestamp,
      marker: voiced && !this.#wasVoiced,
      levelByte: (voiced ? 0x80 : 0) | level,
    };
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    this.#wasVoiced = voiced;
    this.skip();
    return fields;
  }

  /** Time of so many frames passes without a packet. */
  skip(frameCount = 1): void {
    this.#timestamp = (this.#timestamp + frameCount * ticksPerFrame) >>> 0;
  }
}
