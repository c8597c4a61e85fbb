import { samplesPerMs } from "./pcm.ts";

/** Long enough that the step is no click, short enough that nobody hears speech go on. */
export const fadeSamples = 5 * samplesPerMs;

/** Steps up to this one (−41 dB) are not heard as a click, and sound passes unchanged. */
export const audibleStep = 300;

/** Half a cosine: 1 → 0 over `length` samples. */
const falling = (at: number, length: number): number => 0.5 + 0.5 * Math.cos((Math.PI * (at + 1)) / (length + 1));

const clamp = (sample: number): number => Math.max(-32_768, Math.min(32_767, Math.round(sample)));

/** Fades the first few ms to silence, in place; what follows is zeroed. */
export const fadeOut = (pcm: Int16Array): void => {
  const length = Math.min(fadeSamples, pcm.length);
  for (let at = 0; at < length; at++) pcm[at] = Math.round((pcm[at] ?? 0) * falling(at, length));
  pcm.fill(0, length);
};

/**
 * Takes the click out of a place where sound starts, stops or jumps: what comes before sample `at` ended at the value
 * `before`; the step to what follows is spread over a few ms, in place. Where the frame ends first, the next one has to be
 * joined to its last sample.
 */
export const joinAt = (pcm: Int16Array, at: number, before: number): void => {
  const step = before - (pcm[at] ?? 0);
  if (Math.abs(step) <= audibleStep) return;
  const end = Math.min(fadeSamples, pcm.length - at);
  for (let next = 0; next < end; next++) {
    pcm[at + next] = clamp((pcm[at + next] ?? 0) + step * falling(next, fadeSamples));
  }
};
