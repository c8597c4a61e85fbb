import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { numbered, packet, Room, times } from "./room.ts";

describe("Hearing, several speakers", () => {
  /** All speakers in step, one packet of each per 20 ms. */
  const together = (room: Room, tracks: Record<string, number[]>, fromMs = 0): void => {
    const longest = Math.max(...Object.values(tracks).map((track) => track.length));
    for (let index = 0; index < longest; index++) {
      for (const [speaker, track] of Object.entries(tracks)) {
        const amplitude = track[index];
        const at = fromMs / 20 + index;
        if (amplitude !== undefined) room.push(fromMs + index * 20, speaker, packet(at, at * 960, amplitude));
      }
    }
  };

  it("hears the one who speaks at once and unchanged beside others who are quiet", () => {
    const room = new Room();
    together(room, { a: numbered(50), b: times(50, 10), c: times(50, 0) });
    expect(room.amplitudes).toEqual(numbered(50));
  });

  it("turns to whoever speaks next, with the soft beginning of the first word", () => {
    const room = new Room();
    together(room, { a: [...times(20, 3000), ...times(60, 5)], b: [...times(48, 0), 20, 30, ...times(30, 4000)] });
    expect(room.amplitudes.filter((amplitude) => amplitude === 3000)).toHaveLength(20);
    expect(room.amplitudes.filter((amplitude) => amplitude === 4000)).toHaveLength(30);
    const first = room.amplitudes.indexOf(4000);
    expect(room.amplitudes.slice(first - 2, first)).toEqual([20, 30]);
  });

  it("mixes two who speak at the same time, in step, and within a small delay", () => {
    const room = new Room();
    together(room, { a: times(100, 3000), b: [...times(25, 0), ...times(75, 4000)] });
    room.until(2100);
    expect(room.amplitudes.filter((amplitude) => amplitude === 7000).length).toBeGreaterThanOrEqual(72);
    expect(Math.abs(room.heardMs - 2100)).toBeLessThanOrEqual(120);
    expect(room.heardMs % 20).toBe(0);
  });

  it("does not wait longer than the common delay for one whose packets are late", () => {
    const room = new Room();
    together(room, { a: times(50, 3000), b: times(50, 4000) });
    const before = room.heardMs;
    together(room, { a: times(10, 3000) }, 1000);
    expect(room.heardMs - before).toBeGreaterThanOrEqual(160);
  });

  it("goes back to one speaker at once when the other falls silent", () => {
    const room = new Room();
    together(room, { a: times(100, 3000), b: [...times(10, 0), ...times(20, 4000), ...times(70, 0)] });
    const last = room.pieces.at(-1);
    expect(last?.atMs).toBe(1980);
    expect(last?.pcm[0]).toBe(3000);
    expect(Math.abs(room.heardMs - 2000)).toBeLessThanOrEqual(60);
  });

  it("hears the rest of a mix when one of its speakers leaves, and frees the decoder", () => {
    const room = new Room();
    together(room, { a: times(50, 3000), b: times(50, 4000) });
    room.hearing.remove("b");
    together(room, { a: times(50, 3000) }, 1000);
    expect(room.opus.open).toBe(1);
    expect(room.amplitudes.at(-1)).toBe(3000);
    expect(Math.abs(room.heardMs - 2000)).toBeLessThanOrEqual(60);
    room.hearing.close();
    expect(room.opus.open).toBe(0);
  });

  it("takes a newcomer in the place of who has been silent longest, and forgets who sends nothing", () => {
    const room = new Room({ maxSpeakers: 2, forgetAfterMs: 5000 });
    for (const [index, speaker] of ["a", "b", "c"].entries()) room.push(index * 100, speaker, packet(0, 0, 3000));
    expect(room.hearing.statistics().speakers).toBe(2);
    room.until(6000);
    expect(room.hearing.statistics()).toMatchObject({ speakers: 0, received: 3 });
    expect(room.opus.open).toBe(0);
  });

  it("stays on time and in whole frames with any speakers at any time", () => {
    const speaker = fc.record({
      from: fc.integer({ min: 0, max: 100 }),
      length: fc.integer({ min: 1, max: 100 }),
      loud: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(speaker, { minLength: 1, maxLength: 5 }), (speakers) => {
        const room = new Room();
        for (let index = 0; index < 200; index++) {
          for (const [id, { from, length, loud }] of speakers.entries()) {
            if (index < from || index >= from + length) continue;
            room.push(index * 20, `${id}`, packet(index, index * 960, loud ? 1000 : 3));
          }
        }
        room.until(4000);
        const beganMs = Math.min(...speakers.map(({ from }) => from)) * 20;
        expect(Math.abs(room.heardMs - (4000 - beganMs))).toBeLessThanOrEqual(200);
        expect(Math.max(...room.amplitudes)).toBeLessThanOrEqual(1000 * speakers.length);
        expect(room.pieces.every(({ pcm }) => pcm.length % 480 === 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
