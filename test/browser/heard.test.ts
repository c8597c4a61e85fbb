import { expect, test } from "vitest";
import { concat, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { signal, silence } from "../support/signals.ts";
import { heardShare } from "./heard.ts";

const known = signal("known");

test("a sound with a hole in it was heard", () => {
  const half = 700 * samplesPerMs;
  const recording = concat([silence(400), known.subarray(0, half), silence(500), known.subarray(half), silence(100)]);
  expect(heardShare(recording, known)).toBeGreaterThanOrEqual(0.8);
});

test("another sound was not", () => {
  expect(heardShare(concat([signal("other"), silence(200), signal("third")]), known)).toBe(0);
});

test("the first half of a sound is half of it", () => {
  expect(heardShare(concat([silence(200), known.subarray(0, 750 * samplesPerMs), silence(900)]), known)).toBeLessThan(
    0.7,
  );
});

test("its parts in another order are not the sound", () => {
  const half = 750 * samplesPerMs;
  expect(heardShare(concat([known.subarray(half), silence(300), known.subarray(0, half)]), known)).toBeLessThan(0.7);
});

test("a pause in a sound is no part of it", () => {
  const paused = concat([known.subarray(0, 600 * samplesPerMs), silence(600), known.subarray(600 * samplesPerMs)]);
  expect(heardShare(concat([silence(100), known, silence(100)]), paused)).toBeGreaterThanOrEqual(0.8);
});

test("silence cannot be looked for", () => {
  expect(() => heardShare(known, silence(900))).toThrow(/silent/);
});
