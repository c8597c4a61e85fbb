/** One RTP packet of Opus, as the receiver took it from the network: any order, any loss, duplicates. */
export interface RtpAudio {
  /** 16 bits, wraps. */
  sequenceNumber: number;
  /** 32 bits, wraps; 48 kHz clock. */
  timestamp: number;
  payload: Uint8Array;
}

/** How far `to` is ahead of `from` on a 16-bit circle: −32,768 to 32,767. */
export const sequenceDistance = (from: number, to: number): number => ((to - from) << 16) >> 16;

/** How far `to` is ahead of `from` on a 32-bit circle, in ticks. */
export const timestampDistance = (from: number, to: number): number => (to - from) | 0;
