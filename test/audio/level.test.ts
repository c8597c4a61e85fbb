import { describe, expect, it } from "vitest";
import { levelDbov } from "../../bridge-task/audio/level.ts";

describe("levelDbov", () => {
  it.each([
    ["digital silence", () => 0, 127],
    ["a full-scale sine", (at: number) => 32_767 * Math.sin(at / 5), 3],
    ["a full-scale square", (at: number) => (at & 8 ? 32_767 : -32_768), 0],
    ["a tenth of it", (at: number) => (at & 8 ? 3277 : -3277), 20],
    ["the least bit", (at: number) => at & 1, 93],
  ])("measures %s as RFC 6464 does", (_, sampleAt, level) => {
    expect(levelDbov(Int16Array.from({ length: 480 }, (_, at) => sampleAt(at)))).toBe(level);
  });

  it("takes an empty frame for silence", () => {
    expect(levelDbov(new Int16Array())).toBe(127);
  });
});
