import type { OpusCodec, OpusDecoder } from "../../bridge-task/audio/opus.ts";
import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { dbfsOf } from "../support/dbfs.ts";
import { Recording } from "./recording.ts";

/** One received packet, decoded. */
export interface HeardFrame {
  /** When the packet arrived, Unix epoch in milliseconds. */
  atMs: number;
  userId: string;
  sessionId: string;
  sequenceNumber: number;
  /** 48 kHz clock of the sender. */
  rtpTimestamp: number;
  /** What the sender says its level is (RFC 6464, 0 loud … 127 silent); undefined where it said nothing. */
  levelDbov: number | undefined;
  /** Level of what was decoded, in dB below full scale: 0 loud, -100 digital silence. */
  dbfs: number;
  /** Where the frame begins in the recording. It may differ from `atMs` by the jitter of the speaker's first packet. */
  startsAtMs: number;
}

export interface EarPacket {
  userId: string;
  sessionId: string;
  sequenceNumber: number;
  timestamp: number;
  payload: Uint8Array;
  levelDbov: number | undefined;
}

/** Frames above this are voice (or a test signal); Opus turns silence into less than -80. */
export const voiceDbfs = -45;
export const isVoice = (frame: HeardFrame): boolean => frame.dbfs > voiceDbfs;

/** A speaker's packets follow their RTP clock; one that is off by more than this is put where it arrived. */
const reanchorMs = 200;

interface Speaker {
  decoder: OpusDecoder;
  timestamp: number;
  sample: number;
}

/**
 * Decodes what a person receives and lays it on the arrival timeline: a speaker's first packet stands where it arrived,
 * the next ones where their RTP timestamps put them, so audio is gapless and a stalled sender still shows as a gap.
 * No concealment: what is lost is silence and is counted.
 */
export class Ear {
  readonly recording: Recording;
  readonly #opus: OpusCodec;
  readonly #maxFrames: number;
  readonly #speakers = new Map<string, Speaker>();
  readonly #frames: HeardFrame[] = [];
  lateFrameCount = 0;
  lastVoice: HeardFrame | undefined;

  constructor(options: { opus: OpusCodec; startedAtMs: number; maxSeconds: number }) {
    this.#opus = options.opus;
    this.#maxFrames = options.maxSeconds * 50 * 2;
    this.recording = new Recording(options.startedAtMs, options.maxSeconds);
  }

  /** Takes one packet; returns undefined for one that came after its successor. */
  push(packet: EarPacket, atMs: number): HeardFrame | undefined {
    const arrivedAt = this.recording.sampleAt(atMs);
    const known = this.#speakers.get(packet.sessionId);
    const stepTicks = known ? (packet.timestamp - known.timestamp) | 0 : 0;
    if (known && stepTicks <= 0) {
      this.lateFrameCount += 1;
      return undefined;
    }
    const follows = known ? known.sample + stepTicks / 2 : arrivedAt;
    const sample = Math.abs(follows - arrivedAt) > reanchorMs * samplesPerMs ? arrivedAt : follows;
    const decoder = known?.decoder ?? this.#opus.createDecoder();
    this.#speakers.set(packet.sessionId, { decoder, timestamp: packet.timestamp, sample });
    const pcm = decoder.decode(packet.payload);
    this.recording.write(sample, pcm);
    const frame: HeardFrame = {
      atMs,
      userId: packet.userId,
      sessionId: packet.sessionId,
      sequenceNumber: packet.sequenceNumber,
      rtpTimestamp: packet.timestamp,
      levelDbov: packet.levelDbov,
      dbfs: dbfsOf(pcm),
      startsAtMs: this.recording.timeOf(sample),
    };
    this.#frames.push(frame);
    if (this.#frames.length > this.#maxFrames) this.#frames.splice(0, this.#maxFrames / 10);
    if (isVoice(frame)) this.lastVoice = frame;
    return frame;
  }

  /** What arrived since `sinceMs`, oldest first. */
  frames(sinceMs = 0): HeardFrame[] {
    return this.#frames.filter((frame) => frame.atMs >= sinceMs);
  }

  remove(sessionId: string): void {
    this.#speakers.get(sessionId)?.decoder.close();
    this.#speakers.delete(sessionId);
  }

  close(): void {
    for (const sessionId of [...this.#speakers.keys()]) this.remove(sessionId);
  }
}
