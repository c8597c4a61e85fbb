import type { OpusDecoder } from "../../../../bridge-task/audio/opus.ts";
import type { RecordedPacket } from "./recording.ts";

export const timelineRate = 24_000;
const samplesPerMs = timelineRate / 1000;
/** RTP's 48 kHz clock. */
const rtpTicksPerSample = 2;
/** As far as a packet's RTP timestamp and its arrival may disagree before the arrival is believed. */
const toleranceMs = 250;

const signed = (difference: number, bits: 16 | 32): number => (bits === 16 ? (difference << 16) >> 16 : difference | 0);

export interface PlacedPacket {
  packet: RecordedPacket;
  /** Samples of 24 kHz after the first packet's arrival. */
  offsetSamples: number;
}

/**
 * Where each packet belongs on the timeline of arrivals. Within a run the RTP timestamps tell (jitter of the network
 * leaves no holes); a packet that came much later or earlier than its timestamp says starts a new run where it
 * arrived. Duplicates and packets overtaken by later ones are left out.
 */
export const placeOnTimeline = (packets: readonly RecordedPacket[]): PlacedPacket[] => {
  const placed: PlacedPacket[] = [];
  const first = packets[0];
  if (!first) return placed;
  let run = { offsetSamples: 0, timestamp: first.timestamp };
  let lastSequence: number | undefined;
  let endSamples = 0;
  for (const packet of packets) {
    if (lastSequence !== undefined && signed(packet.sequenceNumber - lastSequence, 16) <= 0) continue;
    lastSequence = packet.sequenceNumber;
    const arrivedAt = Math.round((packet.arrivalMs - first.arrivalMs) * samplesPerMs);
    let offsetSamples = run.offsetSamples + signed(packet.timestamp - run.timestamp, 32) / rtpTicksPerSample;
    if (Math.abs(offsetSamples - arrivedAt) > toleranceMs * samplesPerMs || offsetSamples < endSamples) {
      offsetSamples = Math.max(arrivedAt, endSamples);
      run = { offsetSamples, timestamp: packet.timestamp };
    }
    placed.push({ packet, offsetSamples });
    endSamples = offsetSamples + 1;
  }
  return placed;
};

/**
 * What was sent, decoded to 24 kHz mono on the timeline of arrivals; silence where nothing arrived. Packets that are
 * not Opus are silence too.
 */
export const decodeTimeline = (packets: readonly RecordedPacket[], decoder: OpusDecoder): Int16Array => {
  const parts: { offset: number; pcm: Int16Array }[] = [];
  let cursor = 0;
  for (const { packet, offsetSamples } of placeOnTimeline(packets)) {
    let pcm: Int16Array;
    try {
      pcm = decoder.decode(packet.payload);
    } catch {
      // A packet that no decoder understands is heard as silence.
      continue;
    }
    // Overlap by a rounding or a short frame: the packets follow each other.
    const offset = Math.max(cursor, Math.round(offsetSamples));
    parts.push({ offset, pcm });
    cursor = offset + pcm.length;
  }
  const timeline = new Int16Array(cursor);
  for (const { offset, pcm } of parts) timeline.set(pcm, offset);
  return timeline;
};
