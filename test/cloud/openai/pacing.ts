const samplesPerMs = 24;

/** Sizes, in samples, of the deltas that carry `sampleCount`: they vary, like the service's, so that clients meet every length. `random` gives 0..1. */
export const chunkSizes = (
  sampleCount: number,
  [leastMs, mostMs]: readonly [number, number],
  random: () => number,
): number[] => {
  const sizes: number[] = [];
  let left = sampleCount;
  while (left > 0) {
    const wanted = Math.max(1, Math.round((leastMs + (mostMs - leastMs) * random()) * samplesPerMs));
    sizes.push(Math.min(wanted, left));
    left -= wanted;
  }
  return sizes;
};

/** When a chunk that starts at `audioMs` of a reply is due, counted from the reply's first audio. */
export const dueMs = (audioMs: number, paceFactor: number): number => audioMs / paceFactor;

/** How many characters of a text belong to the first `spoken` of `total` samples: to the end of the word, and all of it at the end. */
export const spokenLength = (text: string, spoken: number, total: number): number => {
  if (spoken >= total) return text.length;
  const nextSpace = text.indexOf(" ", Math.floor((text.length * spoken) / total));
  return nextSpace < 0 ? text.length : nextSpace;
};

/** Text is spoken sentence by sentence: the first is heard while the next is made. */
export const sentencesOf = (text: string): string[] => text.match(/[^.!?]+[.!?]*\s*/g) ?? [];
