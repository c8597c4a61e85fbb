import { describe, expect, it } from "vitest";
import { levelDbov } from "../../bridge-task/audio/level.ts";
import { resample } from "../support/resample.ts";
import { silence, speak } from "../support/speech.ts";
import { decodeWav, encodeWav } from "../support/wav.ts";

describe("speak", () => {
  it("speaks at 24 kHz, the same samples each time, in calls that overlap", async () => {
    const [a, b, again] = await Promise.all([
      speak("Hello there."),
      speak("Hello there.", { voice: "rms" }),
      speak("Hello there."),
    ]);
    expect(again).toBe(a);
    expect(a.length / 24_000).toBeGreaterThan(0.5);
    expect(a.length / 24_000).toBeLessThan(2);
    expect(b).not.toEqual(a);
    expect(levelDbov(a)).toBeLessThan(35);
  });

  it("refuses nothing to say and too much of it", async () => {
    await expect(speak(" ")).rejects.toThrow("give 1 to 2000");
    await expect(speak("a".repeat(2001))).rejects.toThrow("give 1 to 2000");
  });

  it("measures silence in milliseconds", () => {
    expect(silence(20)).toEqual(new Int16Array(480));
  });
});

describe("resample", () => {
  const tone = (hz: number, rate: number): Int16Array =>
    Int16Array.from({ length: rate / 2 }, (_, at) => 10_000 * Math.sin((2 * Math.PI * hz * at) / rate));

  it.each([
    [16_000, 24_000, 5000],
    [24_000, 8000, 3000],
    [24_000, 16_000, 1000],
    [8000, 24_000, 440],
  ])("changes %i Hz to %i Hz without changing a tone of %i Hz", (from, to, hz) => {
    const [got, wanted] = [resample(tone(hz, from), from, to), tone(hz, to)];
    expect(got).toHaveLength(wanted.length);
    const middle = wanted.slice(1000, -1000);
    const error = middle.reduce((most, sample, at) => Math.max(most, Math.abs(sample - (got[at + 1000] ?? 0))), 0);
    expect(error).toBeLessThan(20);
  });

  it("leaves out what the lower rate cannot carry", () => {
    expect(levelDbov(resample(tone(5000, 24_000), 24_000, 8000).slice(500, -500))).toBeGreaterThan(70);
  });
});

describe("WAV", () => {
  it("reads back what it wrote, mono and stereo", () => {
    const left = Int16Array.from([1, -2, 32_767, -32_768]);
    const right = Int16Array.from([5, 6, 7, 8]);
    for (const channels of [[left], [left, right]]) {
      expect(decodeWav(encodeWav({ sampleRate: 24_000, channels }))).toEqual({ sampleRate: 24_000, channels });
    }
  });

  it("fills the shorter channel up with silence", () => {
    const wav = encodeWav({ sampleRate: 8000, channels: [Int16Array.from([1, 2]), Int16Array.from([3])] });
    expect(decodeWav(wav).channels[1]).toEqual(Int16Array.from([3, 0]));
  });

  it("skips other chunks, and takes a length that was never filled in for the rest of the file", () => {
    const plain = encodeWav({ sampleRate: 16_000, channels: [Int16Array.from([1, 2, 3])] });
    const list = Buffer.from("LIST\x03\x00\x00\x00abc\x00", "latin1");
    const wav = Buffer.concat([plain.subarray(0, 36), list, plain.subarray(36)]);
    wav.writeUInt32LE(0xffffffff, 36 + list.length + 4);
    expect(decodeWav(wav).channels).toEqual([Int16Array.from([1, 2, 3])]);
  });

  it("refuses what it cannot read, and says what to do", () => {
    expect(() => decodeWav(Buffer.from("OggS and so on"))).toThrow("convert it");
    const wav = encodeWav({ sampleRate: 8000, channels: [new Int16Array(4)] });
    wav.writeUInt16LE(8, 34);
    expect(() => decodeWav(wav)).toThrow("convert it");
    expect(() => decodeWav(encodeWav({ sampleRate: 8000, channels: [new Int16Array()] }).subarray(0, 36))).toThrow(
      "no audio",
    );
  });
});
