import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { correlate } from "../support/correlate.ts";

/** Long enough to be told from any other sound, short enough to have no hole in it more often than not. */
const pieceMs = 300;
/** A piece that is there has 0.5 to 0.97 in a browser on a busy machine, one that is not less than 0.2. */
export const pieceScore = 0.4;

/**
 * How much of a known sound is in a recording, 0 to 1: the share of its pieces that are found, in their order. Unlike
 * correlate() on the whole it does not mind the holes and the stretching that a browser's jitter buffer makes of packets
 * that come late.
 */
export const heardShare = (recording: Int16Array, known: Int16Array): number => {
  const pieceSamples = pieceMs * samplesPerMs;
  const pieceCount = Math.floor(known.length / pieceSamples);
  let foundCount = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < pieceCount; index += 1) {
    const piece = known.subarray(index * pieceSamples, (index + 1) * pieceSamples);
    const { score, atSample } = correlate(recording, piece);
    if (score < pieceScore || atSample <= lastAt) continue;
    foundCount += 1;
    lastAt = atSample;
  }
  return pieceCount === 0 ? 0 : foundCount / pieceCount;
};
