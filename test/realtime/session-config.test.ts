import { describe, expect, it } from "vitest";
import {
  chooseModel,
  defaultModel,
  defaultSession,
  effectiveTurnDetection,
  mergeSessions,
  normalizeSession,
  withoutNewer,
  withoutRefused,
} from "../../bridge-task/realtime/session-config.ts";
import type { SessionUpdate } from "../../bridge-task/realtime/session-settings.ts";

const pcm24k = { type: "audio/pcm", rate: 24_000 };
const normalize = (update: object, voiceHeard = false) => normalizeSession(update as SessionUpdate, { voiceHeard });
const input = (settings: object) => ({ audio: { input: settings } });
const output = (settings: object) => ({ audio: { output: settings } });

describe("old flat settings", () => {
  const vad = { type: "server_vad", silence_duration_ms: 700 };
  it.each<[string, object, object]>([
    ["modalities", { modalities: ["text", "audio"] }, { output_modalities: ["audio"] }],
    ["modalities, audio first", { modalities: ["audio", "text"] }, { output_modalities: ["audio"] }],
    ["text only", { modalities: ["text"] }, { output_modalities: ["text"] }],
    ["voice", { voice: "alloy" }, output({ voice: "alloy" })],
    ["speed", { speed: 1.2 }, output({ speed: 1.2 })],
    ["input format", { input_audio_format: "pcm16" }, input({ format: pcm24k })],
    ["output format", { output_audio_format: "pcm16" }, output({ format: pcm24k })],
    [
      "transcription",
      { input_audio_transcription: { model: "gpt-transcribe" } },
      input({ transcription: { model: "gpt-transcribe" } }),
    ],
    ["no transcription", { input_audio_transcription: null }, input({ transcription: null })],
    [
      "noise reduction",
      { input_audio_noise_reduction: { type: "far_field" } },
      input({ noise_reduction: { type: "far_field" } }),
    ],
    ["turn detection", { turn_detection: vad }, input({ turn_detection: vad })],
    ["no turn detection", { turn_detection: null }, input({ turn_detection: null })],
    ["longest answer", { max_response_output_tokens: "inf" }, { max_output_tokens: "inf" }],
  ])("%s", (_name, update, expected) => {
    expect(normalize(update)).toEqual({ session: { type: "realtime", ...expected }, warnings: [] });
  });
});

describe("today's settings", () => {
  it("pass as they are", () => {
    const { type: _, ...update } = defaultSession();
    expect(normalize(update)).toEqual({ session: { ...update, type: "realtime" }, warnings: [] });
    const others = {
      instructions: "",
      tools: [],
      tool_choice: "auto",
      truncation: { type: "retention_ratio", retention_ratio: 0.8 },
      reasoning: { effort: "low" },
      tracing: null,
      include: ["item.input_audio_transcription.logprobs"],
    };
    expect(normalize(others)).toEqual({ session: { ...others, type: "realtime" }, warnings: [] });
  });

  it("win where both shapes name the same setting", () => {
    expect(normalize({ voice: "alloy", audio: { output: { voice: "cedar" } } }).session).toMatchObject(
      output({ voice: "cedar" }),
    );
  });

  it("get what the old shape could leave out", () => {
    const tools = [{ name: "ticket", description: "", parameters: {} }];
    expect(normalize({ tools, turn_detection: { silence_duration_ms: 800 } }).session).toEqual({
      type: "realtime",
      tools: [{ type: "function", ...tools[0] }],
      ...input({ turn_detection: { type: "server_vad", silence_duration_ms: 800 } }),
    });
    expect(normalize({ turn_detection: { eagerness: "low" } }).session).toMatchObject(
      input({ turn_detection: { type: "semantic_vad" } }),
    );
  });
});

describe("what cannot be", () => {
  it.each<[string, object, string]>([
    ["temperature", { temperature: 0.8 }, "temperature is gone from the Realtime API and was left out."],
    ["model", { model: "gpt-realtime-2" }, "model was left out: the model is chosen when connecting."],
    [
      "unknown keys, with their paths",
      { wrong: 1, audio: { input: { gain: 2 } } },
      "Unknown session settings were left out: wrong, audio.input.gain.",
    ],
    ["another format", { input_audio_format: "g711_ulaw" }, "audio.input.format was left out"],
    ["another rate", output({ format: { type: "audio/pcm", rate: 8_000 } }), "audio.output.format was left out"],
  ])("is left out and named: %s", (_name, update, warning) => {
    const { session, warnings } = normalize({ ...update, instructions: "kept" });
    expect(session).toEqual({ type: "realtime", instructions: "kept" });
    expect(warnings).toEqual([expect.stringContaining(warning)]);
  });

  it("is a voice once one was heard", () => {
    expect(normalize({ voice: "alloy" }, true)).toEqual({
      session: undefined,
      warnings: [expect.stringContaining("cannot change once the agent has spoken")],
    });
  });

  it("is nothing where nothing is asked", () => {
    expect(normalize({})).toEqual({ session: undefined, warnings: [] });
    expect(normalize({ voice: undefined, type: "realtime" })).toEqual({ session: undefined, warnings: [] });
  });
});

describe("a refused update", () => {
  const session = {
    type: "realtime" as const,
    instructions: "x",
    tools: [{ name: "a" }, { name: "b" }],
    ...output({ voice: "x", speed: 1 }),
  };
  it.each<[string, object | undefined]>([
    ["session.audio.output.voice", { ...session, ...output({ speed: 1 }) }],
    ["session.tools[1].parameters", { ...session, tools: [{ name: "a" }] }],
    ["session.instructions", { type: "realtime", tools: session.tools, ...output({ voice: "x", speed: 1 }) }],
    ["session.type", undefined],
    ["session.tracing", undefined],
    ["session.tools[7]", undefined],
  ])("goes again without %s", (param, expected) => {
    expect(withoutRefused(session, param)).toEqual(expected);
  });

  it("goes not at all when nothing is left, or newer updates set the rest", () => {
    expect(withoutRefused({ type: "realtime", instructions: "x" }, "session.instructions")).toBeUndefined();
    const newer = { type: "realtime" as const, instructions: "y", audio: { output: { voice: "z" } } };
    expect(withoutNewer(session, newer)).toEqual({ type: "realtime", tools: session.tools, ...output({ speed: 1 }) });
    expect(withoutNewer(newer, newer)).toBeUndefined();
  });
});

it("merges the application's first settings into ours, replacing turn detection whole", () => {
  const merged = mergeSessions(defaultSession(), {
    type: "realtime",
    instructions: "x",
    audio: { input: { turn_detection: { type: "semantic_vad" } } },
  });
  expect(merged).toMatchObject({ instructions: "x", audio: { input: { format: pcm24k }, output: { voice: "marin" } } });
  expect(merged.audio?.input?.turn_detection).toEqual({ type: "semantic_vad" });
});

it("reads from the server's echo who ends a turn", () => {
  const echo = (turn_detection: unknown) => effectiveTurnDetection({ audio: { input: { turn_detection } } });
  expect(echo({ type: "server_vad", create_response: true, interrupt_response: true })).toEqual({
    createResponse: true,
    interruptResponse: true,
  });
  expect(echo({ type: "server_vad", create_response: false, interrupt_response: false })).toEqual({
    createResponse: false,
    interruptResponse: false,
  });
  expect(echo({ type: "server_vad" })).toEqual({ createResponse: true, interruptResponse: false });
  expect(echo(null)).toBeNull();
  expect(effectiveTurnDetection({})).toBeNull();
});

it("replaces retired models and takes every other name", () => {
  expect(chooseModel(undefined)).toEqual({ model: defaultModel, warnings: [] });
  expect(chooseModel("someone-elses-model")).toEqual({ model: "someone-elses-model", warnings: [] });
  for (const retired of ["gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview-2024-12-17"]) {
    expect(chooseModel(retired)).toMatchObject({ model: defaultModel, warnings: [expect.stringContaining(retired)] });
  }
});
