import fc from "fast-check";
import { expect, it } from "vitest";
import { ItemSounds } from "../../bridge-task/realtime/conversation/audio.ts";
import { HeardInput } from "../../bridge-task/realtime/conversation/speech.ts";
import type { ConversationItem } from "../../bridge-task/realtime/conversation/types.ts";

const ramp = (length: number, from = 0) => Int16Array.from({ length }, (_, index) => from + index);
const newItem = (id: string): ConversationItem => ({
  ...{ id, type: "message", role: "assistant", status: "in_progress", content: [] },
  formatted: { audio: new Int16Array(0), text: "", transcript: "" },
});

it("what was heard can be cut out by its time, as far back as it is kept", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 24 * 30 }), { maxLength: 12 }),
      fc.integer({ min: -5, max: 200 }),
      fc.integer({ min: -5, max: 200 }),
      (lengths, startMs, endMs) => {
        const heard = new HeardInput(50);
        let all: number[] = [];
        for (const length of lengths) {
          const pcm = ramp(length, all.length);
          heard.append(pcm);
          all = all.concat([...pcm]);
        }
        const oldest = Math.max(0, all.length - 24 * 50);
        const expected = all.slice(Math.max(oldest, startMs * 24), Math.max(oldest, endMs * 24, 0));
        expect([...heard.slice(startMs, endMs)]).toEqual(startMs * 24 > all.length ? [] : expected);
        expect(heard.heardMs).toBe(all.length / 24);
      },
    ),
  );
});

it("what was heard is copied: the caller may use its frame again", () => {
  const heard = new HeardInput();
  const frame = ramp(480);
  heard.append(frame);
  frame.fill(0);
  expect(heard.slice(0, 20)).toEqual(ramp(480));
  expect(heard.slice(Number.NaN, 20)).toHaveLength(480);
});

it("an hour of an item's sound is appended without copying it each time", () => {
  const sounds = new ItemSounds(3_600_000);
  const item = newItem("a");
  const frame = ramp(480);
  const buffers = new Set<ArrayBufferLike>();
  for (let index = 0; index < 3_000; index += 1) {
    sounds.append(item, 0, frame);
    buffers.add(item.formatted.audio.buffer);
  }
  expect(item.formatted.audio).toHaveLength(480 * 3_000);
  expect(buffers.size).toBeLessThan(10);
  sounds.finish(item);
  expect(item.formatted.audio.buffer.byteLength).toBe(480 * 3_000 * 2);
});

it("all items together have so much sound, and the oldest goes first", () => {
  const sounds = new ItemSounds(30);
  const items = ["a", "b", "c"].map(newItem);
  for (const item of items) sounds.append(item, 0, ramp(24 * 12));
  expect(items.map(({ formatted }) => formatted.audio.length / 24)).toEqual([0, 12, 12]);
  const [, b, c] = items as [ConversationItem, ConversationItem, ConversationItem];
  sounds.truncate(b, 0, 2);
  sounds.append(c, 0, ramp(24 * 16));
  expect([b.formatted.audio.length / 24, c.formatted.audio.length / 24]).toEqual([2, 28]);
});

it("a cut goes by the part's own clock, and what was to be said after it goes too", () => {
  const sounds = new ItemSounds();
  const item = newItem("a");
  sounds.append(item, 0, ramp(240));
  sounds.append(item, 1, ramp(240, 1_000));
  sounds.append(item, 2, ramp(240, 2_000));
  sounds.truncate(item, 1, 5);
  expect(item.formatted.audio).toEqual(Int16Array.of(...ramp(240), ...ramp(120, 1_000)));
  sounds.truncate(item, 0, 99);
  sounds.truncate(item, 7, 1);
  expect(item.formatted.audio).toHaveLength(360);
});
