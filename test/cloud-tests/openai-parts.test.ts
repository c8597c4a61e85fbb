import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createCertificates } from "../cloud/certificate.ts";
import { decodeAudio, encodeAudio } from "../cloud/openai/audio-format.ts";
import { defaultConfig, type ServerVad, updateConfig } from "../cloud/openai/config.ts";
import { demoRules } from "../cloud/openai/demo-rules.ts";
import { InputBuffer, type Turn } from "../cloud/openai/input-buffer.ts";
import { Conversation, checkItem, type StoredItem, storedFrom } from "../cloud/openai/items.ts";
import { Mind, momentOf } from "../cloud/openai/mind.ts";
import { chunkSizes, sentencesOf, spokenLength } from "../cloud/openai/pacing.ts";
import { Recorder } from "../cloud/openai/recorder.ts";
import { contextOf, usageOf } from "../cloud/openai/usage.ts";
import { frameSamples, loadVoiceDetection, silentState, stepSpeech, type VoiceDetector } from "../cloud/openai/vad.ts";
import { chirp, silence } from "./openai-fixture.ts";

const serverVad: ServerVad = {
  type: "server_vad",
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};

const noise = (ms: number, peak: number): Int16Array =>
  Int16Array.from({ length: ms * 24 }, () => Math.round((Math.random() * 2 - 1) * peak));

const joined = (...parts: Int16Array[]): Int16Array => Int16Array.from(parts.flatMap((part) => [...part]));

describe("the certificate", () => {
  test("is trusted by a Node process that was given the authority as NODE_EXTRA_CA_CERTS, and by no other", async () => {
    const { caPem, keyPem, certPem } = await createCertificates();
    const folder = await mkdtemp(path.join(os.tmpdir(), "certificate-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const caFile = path.join(folder, "ca.pem");
    await writeFile(caFile, caPem);
    const server = createServer({ key: keyPem, cert: certPem }, (_request, response) => response.end("hello"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const fetched = async (env: NodeJS.ProcessEnv) => {
      const script = `fetch("https://127.0.0.1:${port}").then((r) => r.text(), (e) => e.cause.code).then((t) => process.stdout.write(t))`;
      const child = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "inherit"] });
      return Buffer.concat(await child.stdout.toArray()).toString();
    };
    const { NODE_EXTRA_CA_CERTS: _none, ...env } = process.env;
    expect(await fetched({ ...env, NODE_EXTRA_CA_CERTS: caFile })).toBe("hello");
    expect(await fetched(env)).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  });
});

describe("the voice detection", () => {
  let createDetector: () => VoiceDetector;
  beforeAll(async () => {
    createDetector = await loadVoiceDetection();
  });

  const turnsIn = (pcm: Int16Array, sizes: readonly number[], detection: ServerVad = serverVad): Turn[] => {
    const buffer = new InputBuffer(createDetector());
    buffer.configure(detection);
    const turns: Turn[] = [];
    for (let read = 0, index = 0; read < pcm.length; index += 1) {
      const size = sizes[index % sizes.length] ?? pcm.length;
      turns.push(...buffer.append(pcm.subarray(read, read + size)));
      read += size;
    }
    buffer.close();
    return turns;
  };

  test("finds the same turns in the same audio, however it is cut into appends", () => {
    const audio = joined(silence(300), chirp(400), silence(700), chirp(250), silence(900));
    const whole = turnsIn(audio, [audio.length]);
    expect(whole.map(({ type }) => type)).toEqual([
      "speech_started",
      "speech_stopped",
      "speech_started",
      "speech_stopped",
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(turnsIn(audio, sizes)).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  test("takes sweeps and tones in the telephone band for speech, for as long as they last", () => {
    const tone = (hz: number, ms: number) =>
      Int16Array.from({ length: ms * 24 }, (_, sample) =>
        Math.round(6_000 * Math.sin((2 * Math.PI * hz * sample) / 24_000)),
      );
    for (const sound of [chirp(3_000), tone(320, 2_000), tone(1_000, 2_000), tone(3_300, 2_000)]) {
      const turns = turnsIn(joined(silence(400), sound, silence(800)), [480]);
      expect(turns.map(({ type }) => type)).toEqual(["speech_started", "speech_stopped"]);
    }
  });

  test("takes silence and a humming room for neither, and hears the end of speech in one", () => {
    expect(turnsIn(joined(silence(500), noise(4_000, 150)), [480])).toEqual([]);
    expect(turnsIn(noise(4_000, 150), [480])).toEqual([]);
    const hum = noise(3_000, 100);
    const sweep = chirp(1_000);
    const inNoise = hum.map((sample, at) => sample + (sweep[at - 24_000] ?? 0));
    expect(turnsIn(inNoise, [480]).map(({ type }) => type)).toEqual(["speech_started", "speech_stopped"]);
  });

  test("a higher threshold wants louder speech", () => {
    const quiet = joined(
      silence(300),
      chirp(500).map((sample) => sample / 40),
      silence(800),
    );
    expect(turnsIn(quiet, [480], { ...serverVad, threshold: 0.2 })).toHaveLength(2);
    expect(turnsIn(quiet, [480], { ...serverVad, threshold: 0.95 })).toHaveLength(0);
  });

  test("starts and stops alternate, and no stop comes before its silence", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 300 }),
        fc.integer({ min: 20, max: 800 }),
        (frames, silenceMs) => {
          let state = silentState;
          let lastVoiced = 0;
          const changes: string[] = [];
          for (const [index, isVoiced] of frames.entries()) {
            const endSample = (index + 1) * frameSamples;
            if (isVoiced) lastVoiced = endSample;
            const step = stepSpeech(state, { isVoiced, endSample }, silenceMs);
            state = step.state;
            if (!step.change) continue;
            expect(step.change.type).toBe(changes.length % 2 === 0 ? "started" : "stopped");
            if (step.change.type === "stopped") expect(endSample - lastVoiced).toBeGreaterThanOrEqual(silenceMs * 24);
            changes.push(step.change.type);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

test("chunks add up to the whole and keep to their bounds but for the last", () => {
  fc.assert(
    fc.property(
      fc.nat(500_000),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      (total, least, more) => {
        const sizes = chunkSizes(total, [least, least + more], Math.random);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(total);
        for (const size of sizes.slice(0, -1)) {
          expect(size).toBeGreaterThanOrEqual(least * 24);
          expect(size).toBeLessThanOrEqual((least + more) * 24);
        }
      },
    ),
  );
});

test("words never run back, end with their sentence, and sentences make up the text", () => {
  fc.assert(
    fc.property(fc.lorem({ maxCount: 12 }), fc.array(fc.integer({ min: 1, max: 50 })), (text, steps) => {
      const total = steps.reduce((sum, step) => sum + step, 0);
      let spoken = 0;
      let told = 0;
      for (const step of steps) {
        spoken += step;
        const upTo = spokenLength(text, spoken, total);
        expect(upTo).toBeGreaterThanOrEqual(told);
        told = upTo;
      }
      if (steps.length > 0) expect(told).toBe(text.length);
    }),
  );
  expect(sentencesOf("One. Two! And three")).toEqual(["One. ", "Two! ", "And three"]);
  expect(sentencesOf("")).toEqual([]);
});

test("G.711 comes back as it went, but for its coarse steps", () => {
  const ramp = Int16Array.from({ length: 3_000 }, (_, index) => Math.floor(index / 3) * 60 - 30_000);
  for (const type of ["audio/pcmu", "audio/pcma"] as const) {
    const back = decodeAudio(encodeAudio(ramp, { type }), { type });
    for (let index = 0; index < ramp.length; index += 3) {
      const sample = ramp[index] ?? 0;
      expect(Math.abs((back?.[index] ?? 0) - sample)).toBeLessThanOrEqual(Math.max(16, Math.abs(sample) / 16));
    }
  }
  expect(decodeAudio(Buffer.alloc(3), { type: "audio/pcm", rate: 24_000 })).toBeUndefined();
});

test("a recorder keeps the latest and knows what went", () => {
  const recorder = new Recorder(100);
  for (let chunk = 0; chunk < 10; chunk += 1) recorder.push(new Int16Array(20 * 24).fill(chunk));
  expect(recorder.pcm()).toHaveLength(100 * 24);
  expect(recorder.pcm()[0]).toBe(5);
  expect(recorder.droppedMs).toBe(100);
});

const userSays = (id: string, text: string): StoredItem =>
  storedFrom({ id, type: "message", role: "user", content: [{ type: "input_text", text }] }, () => undefined);

test("a conversation keeps the order that its previous ids state", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(30), { nil: undefined }), { maxLength: 30 }), (places) => {
      const conversation = new Conversation();
      const model: string[] = [];
      for (const [index, place] of places.entries()) {
        const previous =
          place === undefined || model.length === 0 ? undefined : (model[place % model.length] ?? "root");
        const added = conversation.add(userSays(`i${index}`, ""), previous);
        const before = previous ?? model.at(-1) ?? null;
        expect(added).toEqual({ previousItemId: before });
        model.splice(before === null ? 0 : model.indexOf(before) + 1, 0, `i${index}`);
      }
      expect(conversation.items.map(({ item }) => item.id)).toEqual(model);
    }),
  );
});

test("a configuration is the same after any update that is refused", () => {
  const config = defaultConfig("sess_1", "gpt-realtime-2.1", 0);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (patch) => {
      const before = JSON.stringify(config);
      const result = updateConfig(config, { ...patch, type: "realtime" }, { voiceLocked: false });
      expect(JSON.stringify(config)).toBe(before);
      if ("problem" in result) expect(result.problem.message).not.toBe("");
    }),
  );
});

test("changing to another kind of turn detection starts from its defaults; the same kind keeps what is not named", () => {
  const vad = (turn_detection: unknown) => ({ type: "realtime", audio: { input: { turn_detection } } });
  const updated = (config: ReturnType<typeof defaultConfig>, patch: unknown) => {
    const result = updateConfig(config, patch, { voiceLocked: false });
    if ("problem" in result) throw new Error(result.problem.message);
    return result.config;
  };
  const first = updated(defaultConfig("s", "m", 0), vad({ type: "server_vad", threshold: 0.7 }));
  expect(updated(first, vad({ type: "server_vad", create_response: false })).audio.input.turn_detection).toMatchObject({
    threshold: 0.7,
    create_response: false,
  });
  const semantic = updated(first, vad({ type: "semantic_vad" }));
  expect(semantic.audio.input.turn_detection).toEqual({
    type: "semantic_vad",
    eagerness: "auto",
    create_response: true,
    interrupt_response: true,
  });
  expect(updated(semantic, vad({ type: "server_vad" })).audio.input.turn_detection).toMatchObject({ threshold: 0.5 });
  expect(updated(semantic, vad(null)).audio.input.turn_detection).toBeNull();
});

test("the mind: own rules before the demo's, newest first, each as often as it may be used", () => {
  const mind = new Mind(demoRules);
  const moment = (text: string) => momentOf([userSays("a", text)], "", () => undefined);
  mind.add([{ when: { heard: "hello" }, reply: { text: "Hi, {heard}!" }, times: 1 }]);
  expect(mind.decide(moment("Hello you")).text).toBe("Hi, Hello you!");
  expect(mind.decide(moment("Hello you")).text).toBe(demoRules.find(({ when }) => when?.turn === 1)?.reply.text);
  mind.add([{ reply: { text: "any" } }]);
  mind.add([{ reply: { text: "newer" } }]);
  expect(mind.decide(moment("?")).text).toBe("newer");
  expect(() => mind.add([{ when: { heard: "(" }, reply: {} }])).toThrow();
});

test("the mind hears what was told for its session, in order", () => {
  const mind = new Mind([]);
  mind.willHear("for b", "b");
  mind.willHear("for anybody");
  expect(mind.hear("a")).toBe("for anybody");
  expect(mind.hear("a")).toBe("");
  expect(mind.hear("b")).toBe("for b");
});

test("after a tool only a rule that says so holds, with the outputs of the batch", () => {
  const output = (text: string): StoredItem =>
    storedFrom({ type: "function_call_output", call_id: "c", output: text }, () => undefined);
  const moment = momentOf([userSays("a", "go"), output("1"), output("2")], "", () => undefined);
  expect(moment).toMatchObject({ after: "tool", outputs: ["1", "2"], heard: "go", turn: 1 });
  const mind = new Mind([]);
  mind.add([{ when: { heard: "go" }, reply: { text: "loop" } }]);
  expect(mind.decide(moment)).toEqual({});
});

test("an item that was cut is no longer cached, and neither is anything after it", () => {
  const items = [userSays("a", "x".repeat(400)), userSays("b", "y".repeat(400)), userSays("c", "z".repeat(400))];
  const before = contextOf({ instructions: "", tools: [] }, items);
  const [, second] = items;
  if (second) second.audioSamples = 24;
  const after = contextOf({ instructions: "", tools: [] }, items);
  const usage = usageOf(after, before, { text: "", audioMs: 0 });
  expect(usage.input_token_details).toMatchObject({ text_tokens: 300, audio_tokens: 1, cached_tokens: 64 });
});

test("items with keys or contents that the API does not know are named", () => {
  expect(checkItem({ type: "message", role: "user", content: [], extra: 1 })?.code).toBe("unknown_parameter");
  expect(checkItem({ type: "message", role: "robot", content: [] })?.param).toBe("item.role");
  expect(checkItem({ type: "message", role: "user", content: [{ type: "input_text" }] })?.param).toBe(
    "item.content[0].text",
  );
});
