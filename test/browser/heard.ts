import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { correlate } from "../support/correlate.ts";

/** Long enough to be told from any other sound, short enough to have no hole in it more often than not. */
const pieceMs = 300;
/** A piece that is there has 0.5 to 0.97 in a browser on a busy machine, one that is not less than 0.2. */
export const pieceScore = 0.4;

/** Softer than this is a pause of the known sound, in which there is nothing to find. */
const pauseAmplitude = 200;

const isPause = (piece: Int16Array): boolean =>
  piece.reduce((sum, sample) => sum + sample * sample, 0) < piece.length * pauseAmplitude ** 2;

/**
 * How much of a known sound is in a recording, 0 to 1: the share of its pieces that are found, in their order. Unlike
 * correlate() on the whole it does not mind the holes and the stretching that a browser's jitter buffer makes of packets
 * that come late.
 */
export const heardShare = (recording: Int16Array, known: Int16Array): number => {
  const pieceSamples = pieceMs * samplesPerMs;
  const pieces = Array.from({ length: Math.floor(known.length / pieceSamples) }, (_, index) =>
    known.subarray(index * pieceSamples, (index + 1) * pieceSamples),
  ).filter((piece) => !isPause(piece));
  if (pieces.length === 0) throw new Error(`the sound to look for is silent, or shorter than ${pieceMs} ms`);
  let foundCount = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    const { score, atSample } = correlate(recording, piece);
    if (score < pieceScore || atSample <= lastAt) continue;
    foundCount += 1;
    lastAt = atSample;
  }
  return foundCount / pieces.length;
};
