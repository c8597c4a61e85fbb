import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mixer } from "../../bridge-task/audio/mixer.ts";

const tone = (amplitude: number, period = 20): Int16Array =>
  Int16Array.from({ length: 480 }, (_, at) => amplitude * Math.sin(at / period));

describe("Mixer", () => {
  it("passes one speaker unchanged and sums quiet ones exactly", () => {
    const mixer = new Mixer();
    const [a, b] = [tone(30_000), tone(4000, 7)];
    expect(mixer.mix([a])).toBe(a);
    expect(mixer.mix([b, b])).toEqual(b.map((sample) => 2 * sample));
    expect(mixer.mix([])).toEqual(new Int16Array(480));
  });

  it("holds the sum of loud speakers under full scale without flattening it", () => {
    const mixer = new Mixer();
    const loud = tone(30_000);
    mixer.mix([loud, loud, loud]);
    const held = mixer.mix([loud, loud, loud]);
    expect(Math.max(...held)).toBeGreaterThan(28_000);
    expect(held.filter((sample) => sample === Math.max(...held)).length).toBeLessThan(20);
  });

  it("lets go slowly, and then passes speakers unchanged again", () => {
    const mixer = new Mixer();
    const loud = tone(30_000);
    mixer.mix([loud, loud]);
    const quiet = tone(3000);
    const first = Math.max(...mixer.mix([quiet]));
    expect(first).toBeLessThan(2500);
    for (let frame = 0; frame < 20; frame++) mixer.mix([quiet]);
    expect(mixer.mix([quiet])).toBe(quiet);
  });

  it("never overflows, for any number of frames of any loudness", () => {
    const amplitude = fc.integer({ min: 0, max: 32_767 });
    fc.assert(
      fc.property(fc.array(fc.array(amplitude, { maxLength: 8 }), { maxLength: 6 }), (slots) => {
        const mixer = new Mixer();
        for (const amplitudes of slots) {
          const sum = amplitudes.reduce((total, each) => total + each, 0);
          const mixed = mixer.mix(amplitudes.map((each) => new Int16Array(480).fill(each)));
          // An overflow of 16 bits would show as a negative sample.
          for (const sample of mixed) expect(sample >= 0 && sample <= Math.min(32_767, sum)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
});
