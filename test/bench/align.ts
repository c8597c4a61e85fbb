import { frameSamples, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import type { DecodedPacket } from "./cloud-under-test.ts";

/** When input audio reached the model: `atMs` epoch, `samples` in it, `endMs` on the model's own audio clock. */
export interface Arrival {
  atMs: number;
  samples: number;
  endMs: number;
}

/** 100 ms: long enough to be found once only. */
const templateSamples = 2_400;
const leastLikeness = 0.9;
/** Where an utterance may begin, compared with what the arrival of its first packet suggests. */
const searchMs = { before: 300, after: 700 };

/** Cosine of the angle between `template` and what stands at `at`: 1 is the same up to gain. */
const likenessAt = (recording: Int16Array, at: number, template: Int16Array): number => {
  let product = 0;
  let power = 0;
  let templatePower = 0;
  for (let index = 0; index < template.length; index += 1) {
    const sample = recording[at + index] ?? 0;
    const known = template[index] ?? 0;
    product += sample * known;
    power += sample * sample;
    templatePower += known * known;
  }
  return power === 0 || templatePower === 0 ? 0 : product / Math.sqrt(power * templatePower);
};

/** Where `template` stands in `[from, to)` of the recording; undefined where it is not. */
export const findExactly = (
  recording: Int16Array,
  template: Int16Array,
  from: number,
  to: number,
): number | undefined => {
  let best = { at: -1, likeness: 0 };
  for (let at = Math.max(0, from); at < to && at + template.length <= recording.length; at += 1) {
    const likeness = likenessAt(recording, at, template);
    if (likeness > best.likeness) best = { at, likeness };
  }
  return best.likeness >= leastLikeness ? best.at : undefined;
};

const concat = (packets: readonly DecodedPacket[]): Int16Array => {
  const pcm = new Int16Array(packets.length * frameSamples);
  for (const [index, packet] of packets.entries()) pcm.set(packet.pcm.subarray(0, frameSamples), index * frameSamples);
  return pcm;
};

/** The first arrival with which the model had the input up to `sample`. */
const arrivalOf = (arrivals: readonly Arrival[], sample: number): Arrival | undefined => {
  let low = 0;
  let high = arrivals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((arrivals[middle]?.endMs ?? 0) * samplesPerMs < sample) low = middle + 1;
    else high = middle;
  }
  return arrivals[low];
};

export interface ModelInput {
  pcm: Int16Array;
  arrivals: readonly Arrival[];
}

/**
 * For each packet of one utterance, how long after it reached the SFU the model had its last sample: the utterance is
 * found in the model's input by its sound, at its beginning and again at its end. Undefined where it is not there in one piece.
 */
export const packetLatencies = (utterance: readonly DecodedPacket[], input: ModelInput): number[] | undefined => {
  const [first] = utterance;
  const pcm = concat(utterance);
  if (!first || pcm.length < 2 * templateSamples) return undefined;
  const nearby = input.arrivals.findLast(({ atMs }) => atMs <= first.arrivalMs);
  const expected = (nearby?.endMs ?? 0) * samplesPerMs;
  const find = (at: number, from: number, to: number) =>
    findExactly(input.pcm, pcm.subarray(at, at + templateSamples), from, to);
  const begin = find(0, expected - searchMs.before * samplesPerMs, expected + searchMs.after * samplesPerMs);
  if (begin === undefined) return undefined;
  const lastPiece = pcm.length - templateSamples;
  if (find(lastPiece, begin + lastPiece - 1, begin + lastPiece + 2) === undefined) return undefined;
  return utterance.flatMap(({ arrivalMs }, index) => {
    const arrival = arrivalOf(input.arrivals, begin + (index + 1) * frameSamples);
    return arrival ? [arrival.atMs - arrivalMs] : [];
  });
};
