import { ticksPerMs } from "./pcm.ts";

/** What the first bytes of an Opus packet tell without decoding it (RFC 6716 §3.1 and §4.2.4). */
export interface OpusPacketFacts {
  /** Length of the audio inside, in ticks of RTP's 48 kHz clock. */
  durationTicks: number;
  /** Length of one of its frames: the most that in-band FEC can restore of the packet before. */
  frameTicks: number;
  /** It carries a copy of the end of the packet before (LBRR). */
  hasFec: boolean;
}

const silkMs = [10, 20, 40, 60];
const celtMs = [2.5, 5, 10, 20];
const longestPacketMs = 120;

const frameMsOf = (config: number): number => {
  if (config < 12) return silkMs[config & 3] ?? 0;
  if (config < 16) return config & 1 ? 20 : 10;
  return celtMs[config & 3] ?? 0;
};

/** How many bytes a frame length takes: one below 252, else two. */
const lengthBytes = (payload: Uint8Array, at: number): number => ((payload[at] ?? 0) < 252 ? 1 : 2);

/** Where the first frame begins, behind the TOC byte and the frame lengths; past the end for a broken packet. */
const firstFrameAt = (payload: Uint8Array): number => {
  const code = (payload[0] ?? 0) & 3;
  if (code === 0 || code === 1) return 1;
  if (code === 2) return 1 + lengthBytes(payload, 1);
  const header = payload[1] ?? 0;
  const frameCount = header & 0x3f;
  let at = 2;
  if (header & 0x40) while (payload[at++] === 255);
  if (header & 0x80) for (let frame = 1; frame < frameCount; frame++) at += lengthBytes(payload, at);
  return at;
};

const carriesFec = (payload: Uint8Array, frameMs: number): boolean => {
  const [toc = 0] = payload;
  if (toc >> 3 >= 16) return false;
  const at = firstFrameAt(payload);
  const flags = payload[at];
  if (flags === undefined) return false;
  const silkFrames = Math.max(1, frameMs / 20);
  const mid = (flags >> (7 - silkFrames)) & 1;
  const side = toc & 4 ? (flags >> (6 - 2 * silkFrames)) & 1 : 0;
  return mid === 1 || side === 1;
};

/** Reads a packet's facts; undefined for what cannot be an Opus packet (empty, no frames, longer than 120 ms). */
export const readOpusPacket = (payload: Uint8Array): OpusPacketFacts | undefined => {
  const [toc] = payload;
  if (toc === undefined) return undefined;
  const frameMs = frameMsOf(toc >> 3);
  const code = toc & 3;
  const frameCount = code === 0 ? 1 : code < 3 ? 2 : (payload[1] ?? 0) & 0x3f;
  if (frameCount === 0 || frameCount * frameMs > longestPacketMs) return undefined;
  return {
    durationTicks: frameCount * frameMs * ticksPerMs,
    frameTicks: frameMs * ticksPerMs,
    hasFec: carriesFec(payload, frameMs),
  };
};
