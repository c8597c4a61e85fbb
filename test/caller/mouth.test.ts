import { expect, test } from "vitest";
import { Mouth } from "./mouth.ts";

const sample = (value: number, length: number) => new Int16Array(length).fill(value);

/** What is said in `count` frames, each by its first sample. */
const take = (mouth: Mouth, count: number): number[] =>
  Array.from({ length: count }, () => {
    const { pcm, done } = mouth.nextFrame();
    done();
    return pcm[0] ?? 0;
  });

test("utterances follow each other, silence stands before and after, and each promise resolves with its last frame", async () => {
  const mouth = new Mouth();
  expect(take(mouth, 1)).toEqual([0]);
  const order: string[] = [];
  const first = mouth.say(sample(1, 960)).then(() => order.push("first"));
  const second = mouth.say(sample(2, 500)).then(() => order.push("second"));
  expect(take(mouth, 2)).toEqual([1, 1]);
  await first;
  expect(order).toEqual(["first"]);
  expect(take(mouth, 3)).toEqual([2, 2, 0]);
  await second;
});

test("what is unsaid when the person leaves is rejected, and too much at once is refused", async () => {
  const mouth = new Mouth();
  const waiting = Array.from({ length: 32 }, () => mouth.say(sample(1, 480)));
  await expect(mouth.say(sample(1, 480))).rejects.toThrow("32 utterances wait");
  mouth.close("ann left");
  for (const said of waiting) await expect(said).rejects.toThrow("ann left");
});
