import { describe, expect, it } from "vitest";
import { Timeline } from "../../bridge-task/audio/timeline.ts";

const loud = new Int16Array(480).fill(3000);
const quiet = new Int16Array(480);

describe("Timeline", () => {
  it("hands on what was added in one piece, and nothing when nothing was", () => {
    const pieces: number[] = [];
    const timeline = new Timeline((pcm) => pieces.push(pcm.length));
    for (let frame = 0; frame < 3; frame++) timeline.sound(loud, 0);
    timeline.flush();
    timeline.flush();
    expect(pieces).toEqual([1440]);
  });

  it("never drops sound, however far ahead it is", () => {
    let heard = 0;
    const timeline = new Timeline((pcm) => {
      heard += pcm.length / 480;
    });
    for (let frame = 0; frame < 90; frame++) timeline.sound(loud, 0);
    timeline.flush();
    expect(heard).toBe(90);
    expect(timeline.counts.silenceDroppedMs).toBe(0);
  });

  it("starts counting anew after the process stood still, and does not make up for hours", () => {
    let heard = 0;
    const timeline = new Timeline((pcm) => {
      heard += pcm.length / 480;
    });
    timeline.sound(quiet, 0);
    timeline.pause(3_600_000, 3_599_990);
    timeline.flush();
    expect(heard).toBeLessThanOrEqual(3);
  });

  it("has not started before the first sound", () => {
    const timeline = new Timeline(() => {});
    expect(timeline.started).toBe(false);
    timeline.sound(quiet, 5);
    expect(timeline.started).toBe(true);
  });
});
