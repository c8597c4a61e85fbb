import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import {
  chooseModel,
  defaultModel,
  defaultSession,
  effectiveTurnDetection,
  mergeSessions,
  normalizeSession,
} from "../../bridge-task/realtime/session/config.ts";
import type { SessionUpdate } from "../../bridge-task/realtime/session/keys.ts";

const pcm24k = { type: "audio/pcm", rate: 24_000 };
const normalize = (update: object, voiceHeard = false, tracing?: unknown) =>
  normalizeSession(update as SessionUpdate, { voiceHeard, tracing });
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

describe("tools", () => {
  const ticket = { type: "function", name: "ticket", description: "Files a ticket.", parameters: { type: "object" } };

  it("are written as this protocol writes them", () => {
    const { type, ...nested } = ticket;
    const mcp = { type: "mcp", server_label: "x", server_url: "https://x.test", require_approval: "never" };
    const later = { type: "of_next_year", anything: 1 };
    expect(normalize({ tools: [{ type, function: nested }, mcp, later] })).toEqual({
      session: { type: "realtime", tools: [ticket, mcp, later] },
      warnings: [],
    });
  });

  it("for which the server would refuse all of them are left out and named", () => {
    const tools = [
      { description: "?" },
      ticket,
      { ...ticket, description: "again" },
      "ticket",
      { ...ticket, name: "b", strict: true },
    ];
    expect(normalize({ tools })).toEqual({
      session: { type: "realtime", tools: [ticket, { ...ticket, name: "b" }] },
      warnings: [
        "tools[0] was left out: a tool needs a name.",
        "tools[2] was left out: there is a tool ticket already.",
        "tools[3] was left out: a tool must be an object.",
        "Unknown session settings were left out: tools[4].strict.",
      ],
    });
  });

  it("that cannot be used at all do not take away those in force; an empty list does", () => {
    expect(normalize({ tools: [{}] }).session).toBeUndefined();
    expect(normalize({ tools: [] }).session).toEqual({ type: "realtime", tools: [] });
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

  const vad = (settings: object) => input({ turn_detection: settings });
  it.each<[string, object, object | undefined, string[]]>([
    [
      "server_vad with eagerness",
      { turn_detection: { type: "server_vad", threshold: 0.6, eagerness: "low" } },
      vad({ type: "server_vad", threshold: 0.6 }),
      ["audio.input.turn_detection.eagerness was left out: server_vad has none, only semantic_vad does."],
    ],
    [
      "semantic_vad with what goes by silence",
      vad({ type: "semantic_vad", silence_duration_ms: 300, idle_timeout_ms: 9_000, create_response: false }),
      vad({ type: "semantic_vad", create_response: false }),
      [
        "audio.input.turn_detection.silence_duration_ms was left out: semantic_vad has none, only server_vad does.",
        "audio.input.turn_detection.idle_timeout_ms was left out: semantic_vad has none, only server_vad does.",
      ],
    ],
    [
      "a speed that there is none of",
      { speed: 3 },
      output({ speed: 1.5 }),
      ["audio.output.speed was set to 1.5: it must be from 0.25 to 1.5, and was 3."],
    ],
    [
      "an answer of no length",
      { max_response_output_tokens: 0 },
      undefined,
      ['max_output_tokens was left out: it must be a whole number from 1 to 4096, or "inf", and was 0.'],
    ],
    [
      "an answer that is too long",
      { max_output_tokens: 4_097 },
      undefined,
      [expect.stringContaining("and was 4097.") as unknown as string],
    ],
    [
      "an answer without a limit, as a number",
      { max_output_tokens: Number.POSITIVE_INFINITY },
      { max_output_tokens: "inf" },
      [],
    ],
    [
      "a date, as JSON writes it",
      { tracing: { metadata: { since: new Date(0) } } },
      { tracing: { metadata: { since: "1970-01-01T00:00:00.000Z" } } },
      [],
    ],
    [
      "no modality",
      { modalities: [] },
      undefined,
      ['output_modalities was left out: it must be ["audio"] or ["text"].'],
    ],
    [
      "a word for a group of settings",
      { audio: { input: null, output: { speed: 1 } } },
      output({ speed: 1 }),
      ["audio.input was left out: it must be an object of settings."],
    ],
    [
      "what JSON cannot carry",
      { instructions: 10n, speed: Number.NaN, tracing: { metadata: { run: () => 1, at: [Number.NaN, 1] } } },
      { tracing: { metadata: { at: [1] } } },
      [
        "instructions was left out: JSON cannot carry it.",
        "speed was left out: JSON cannot carry it.",
        "tracing.metadata.run was left out: JSON cannot carry it.",
        "tracing.metadata.at[0] was left out: JSON cannot carry it.",
      ],
    ],
  ])("is mended and named: %s", (_name, update, expected, warnings) => {
    const session = expected === undefined ? undefined : { type: "realtime", ...expected };
    expect(normalize(update)).toEqual({ session, warnings });
  });

  it("is another tracing once it is on", () => {
    expect(normalize({ tracing: "auto" }, false, null).session).toMatchObject({ tracing: "auto" });
    expect(normalize({ tracing: "auto" }, false, "auto")).toMatchObject({ session: { tracing: "auto" }, warnings: [] });
    expect(normalize({ tracing: null }, false, "auto")).toEqual({
      session: undefined,
      warnings: ["tracing was left out: tracing cannot change once it is on."],
    });
  });

  it("is an update that is no object", () => {
    for (const update of [undefined, null, "loud", 7, [], () => 1]) {
      expect(() => normalize(update as unknown as object)).toThrow(InvalidInputError);
    }
    expect(() => normalize(null as unknown as object)).toThrow(
      "A session update must be an object of settings, got null",
    );
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
    interruptedBy: "server",
  });
  expect(echo({ type: "server_vad", create_response: false, interrupt_response: false })).toEqual({
    createResponse: false,
    interruptedBy: "nobody",
  });
  expect(echo({ type: "server_vad" })).toEqual({ createResponse: true, interruptedBy: "us" });
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
