import { frameSamples, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { dbfsOf } from "../support/dbfs.ts";
import { correlate } from "../support/signals.ts";

/** Without the silence before the first and after the last frame above -45 dBFS. */
export const withoutSilence = (pcm: Int16Array): Int16Array => {
  let first = pcm.length;
  let last = 0;
  for (let at = 0; at < pcm.length; at += frameSamples) {
    if (dbfsOf(pcm.subarray(at, at + frameSamples)) <= -45) continue;
    first = Math.min(first, at);
    last = at + frameSamples;
  }
  return pcm.slice(Math.min(first, last), last);
};

/**
 * A right signal scores 0.7 and more after codecs and noise, a wrong one less than 0.25. On a machine so busy that whole
 * frames come too late, the right one loses some of its score; it is still far from a wrong one.
 */
export const leastScore = 0.5;
/** Enough to be sure, little enough that an interrupted answer still holds it. */
const pieceMs = 1_500;

export interface Evidence {
  /** 0 to 1: how well the beginning of what the model generated is found in what was heard. */
  score: number;
  heard: boolean;
}

/** Whether what the model generated is in what a person received: sound compared with sound. */
export const findIn = (received: Int16Array, generated: Int16Array): Evidence => {
  const piece = withoutSilence(generated).subarray(0, pieceMs * samplesPerMs);
  if (piece.length < 200 * samplesPerMs || received.length < piece.length) return { score: 0, heard: false };
  const { score } = correlate(received, piece);
  return { score, heard: score >= leastScore };
};
