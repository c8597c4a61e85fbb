import fvad from "@echogarden/fvad-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { loadOpus, type OpusCodec } from "../../bridge-task/audio/opus.ts";
import { concat } from "../../bridge-task/audio/pcm.ts";
import { resample } from "../support/resample.ts";
import { correlate, signal, silence } from "../support/signals.ts";
import { speak } from "../support/speech.ts";

let opus: OpusCodec;
beforeAll(async () => {
  opus = await loadOpus();
});

const throughOpus = (pcm: Int16Array): Int16Array => {
  const [encoder, decoder] = [opus.createEncoder(), opus.createDecoder()];
  const heard: Int16Array[] = [];
  for (let at = 0; at + 480 <= pcm.length; at += 480)
    heard.push(decoder.decode(encoder.encode(pcm.subarray(at, at + 480))));
  encoder.close();
  decoder.close();
  return concat(heard);
};

/** The same on every run. */
const noise = (length: number, amplitude: number): Int16Array => {
  let state = 1;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state / 2 ** 32 - 0.5) * 2 * amplitude;
  });
};

const sum = (a: Int16Array, b: Int16Array, gain = 1): Int16Array =>
  a.map((sample, at) => Math.max(-32_768, Math.min(32_767, sample * gain + (b[at] ?? 0))));

const recordingOf = async (pcm: Int16Array): Promise<Int16Array> =>
  throughOpus(
    concat([silence(1500), pcm, silence(500), await speak("I would like to know the weather."), silence(500)]),
  );

describe("correlate", () => {
  it("finds a signal exactly where it is", () => {
    const pcm = signal("agent");
    expect(correlate(concat([silence(777), pcm, silence(300)]), pcm)).toEqual({
      score: expect.closeTo(1),
      atSample: 777 * 24,
    });
  });

  it("finds it after Opus, gain, noise and delay", async () => {
    const recording = await recordingOf(signal("agent"));
    for (const gain of [0.2, 1, 3]) {
      const { score, atSample } = correlate(sum(recording, noise(recording.length, 600 * gain), gain), signal("agent"));
      expect(score).toBeGreaterThan(0.8);
      expect(Math.abs(atSample - 1500 * 24)).toBeLessThan(10 * 24);
    }
  });

  it("finds it though the clock drifts, a jitter buffer stretches it, and packets are lost", async () => {
    const pcm = throughOpus(concat([silence(200), signal("agent"), silence(200)]));
    const drifted = resample(pcm, 20_000, 20_010);
    const stretched = concat([pcm.slice(0, 12_000), pcm.slice(12_240, 24_000), pcm.slice(23_760)]);
    const lost = pcm.map((sample, at) => (at > 20_000 && at < 21_440 ? 0 : sample));
    for (const heard of [drifted, stretched, lost])
      expect(correlate(heard, signal("agent")).score).toBeGreaterThan(0.7);
  });

  it("finds both of two that overlap", () => {
    const both = throughOpus(sum(signal("agent"), signal("caller")));
    expect(correlate(both, signal("agent")).score).toBeGreaterThan(0.35);
    expect(correlate(both, signal("caller")).score).toBeGreaterThan(0.35);
  });

  it("does not find another signal, silence, noise or speech", async () => {
    const recording = await recordingOf(signal("agent"));
    for (const name of ["caller", "interrupter", "agent 2", "a", "b", "c"]) {
      expect(correlate(recording, signal(name)).score).toBeLessThan(0.15);
    }
    expect(correlate(silence(3000), signal("agent"))).toEqual({ score: 0, atSample: 0 });
    expect(correlate(noise(72_000, 3000), signal("agent")).score).toBeLessThan(0.1);
    expect(correlate(await speak("I would like to know the weather."), signal("agent")).score).toBeLessThan(0.15);
  });

  it("counts the part that was heard of a signal that was cut off", () => {
    const half = correlate(concat([silence(500), signal("agent").slice(0, 18_000), silence(2000)]), signal("agent"));
    expect(half.score).toBeGreaterThan(0.35);
    expect(half.score).toBeLessThan(0.65);
  });
});

describe("signal", () => {
  it("is the same for the same name, and a longer one begins with the shorter", () => {
    expect(signal("agent")).toEqual(signal("agent"));
    expect(signal("agent", 3000).slice(0, 36_000)).toEqual(signal("agent"));
    expect(signal("agent", 250)).toHaveLength(6000);
  });

  it("is speech to the WebRTC VAD, without a pause in which a turn would end", async () => {
    const vad = await fvad();
    const buffer = vad._malloc(640);
    for (const name of ["agent", "caller", "interrupter"]) {
      const pcm = resample(throughOpus(signal(name)), 24_000, 16_000);
      const handle = vad._fvad_new();
      vad._fvad_set_sample_rate(handle, 16_000);
      vad._fvad_set_mode(handle, 3);
      let speechFrames = 0;
      for (let at = 0; at + 320 <= pcm.length; at += 320) {
        vad.HEAP16.set(pcm.subarray(at, at + 320), buffer >> 1);
        if (vad._fvad_process(handle, buffer, 320) === 1) speechFrames++;
      }
      expect(speechFrames).toBeGreaterThanOrEqual(Math.floor(pcm.length / 320) - 2);
      vad._fvad_free(handle);
    }
    vad._free(buffer);
  });
});
