/** What the lateness of a packet is told from. */
export interface TimedPacket {
  /** Epoch in milliseconds. */
  arrivalMs: number;
  /** RTP's, at 48 kHz, 32 bits. */
  timestamp: number;
}

const ticksPerMs = 48;

/**
 * How much later than the sound itself each packet came, in milliseconds: the RTP timestamp says when it was due, the packet
 * that was least late says when the sound began. A listener's jitter buffer has to hold the highest of these.
 */
export const playoutLatenessMs = (packets: readonly TimedPacket[]): number[] => {
  const [first] = packets;
  if (!first) return [];
  const offsets = packets.map(
    // The difference of two 32 bit timestamps, right across their wrap.
    ({ arrivalMs, timestamp }) => arrivalMs - first.arrivalMs - ((timestamp - first.timestamp) | 0) / ticksPerMs,
  );
  const earliest = offsets.reduce((least, offset) => Math.min(least, offset), Number.POSITIVE_INFINITY);
  return offsets.map((offset) => offset - earliest);
};
