import { isDeepStrictEqual } from "node:util";
import { type ApiProblem, problems } from "./errors.ts";
import { isObject, type JsonObject } from "./json.ts";
import {
  anything,
  boolean,
  type Check,
  decimal,
  integer,
  listOf,
  matching,
  nullable,
  object,
  oneOf,
  string,
  stringMap,
  stringOr,
  tagged,
} from "./schema.ts";

export type AudioFormat = { type: "audio/pcm"; rate: 24000 } | { type: "audio/pcmu" } | { type: "audio/pcma" };

export interface ServerVad {
  type: "server_vad";
  threshold: number;
  prefix_padding_ms: number;
  silence_duration_ms: number;
  idle_timeout_ms: number | null;
  create_response: boolean;
  interrupt_response: boolean;
}

export interface SemanticVad {
  type: "semantic_vad";
  eagerness: "low" | "medium" | "high" | "auto";
  create_response: boolean;
  interrupt_response: boolean;
}

/** The effective configuration, echoed whole in `session.created` and `session.updated`. */
export interface SessionConfig extends JsonObject {
  type: "realtime";
  object: "realtime.session";
  id: string;
  model: string;
  output_modalities: ("audio" | "text")[];
  instructions: string;
  tools: JsonObject[];
  tool_choice: unknown;
  max_output_tokens: number | "inf";
  tracing: unknown;
  truncation: unknown;
  prompt: unknown;
  expires_at: number;
  audio: {
    input: {
      format: AudioFormat;
      transcription: { model?: string } | null;
      noise_reduction: JsonObject | null;
      turn_detection: ServerVad | SemanticVad | null;
    };
    output: { format: AudioFormat; voice: string | { id: string }; speed: number };
  };
  include: unknown;
}

const defaultTurnDetection = {
  // 500 ms is what the API reference states; a captured log of December 2025 showed 200.
  server_vad: {
    type: "server_vad",
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 500,
    idle_timeout_ms: null,
    create_response: true,
    interrupt_response: true,
  } satisfies ServerVad,
  semantic_vad: {
    type: "semantic_vad",
    eagerness: "auto",
    create_response: true,
    interrupt_response: true,
  } satisfies SemanticVad,
};

export const defaultConfig = (id: string, model: string, expiresAtSeconds: number): SessionConfig => ({
  type: "realtime",
  object: "realtime.session",
  id,
  model,
  output_modalities: ["audio"],
  instructions: "You are a helpful, witty, and friendly AI. Act like a human, but remember that you are not one.",
  tools: [],
  tool_choice: "auto",
  max_output_tokens: "inf",
  tracing: null,
  truncation: "auto",
  prompt: null,
  expires_at: expiresAtSeconds,
  audio: {
    input: {
      format: { type: "audio/pcm", rate: 24000 },
      transcription: null,
      noise_reduction: null,
      turn_detection: { ...defaultTurnDetection.server_vad },
    },
    output: { format: { type: "audio/pcm", rate: 24000 }, voice: "alloy", speed: 1 },
  },
  include: null,
});

const type = (value: string): Check => oneOf(value);
const format = tagged("type", {
  "audio/pcm": object({ type: anything, rate: oneOf(24000) }),
  "audio/pcmu": object({ type: anything }),
  "audio/pcma": object({ type: anything }),
});
const voice = stringOr(string(), object({ id: string() }, ["id"]));
const modalities: Check = (value, path) =>
  listOf(oneOf("text", "audio"))(value, path) ??
  (Array.isArray(value) && value.length === 1
    ? undefined
    : problems.invalid(
        path,
        `Invalid modalities: expected either ['text'] or ['audio'], but got ${JSON.stringify(value)}.`,
      ));
const maxTokens: Check = (value, path) => (value === "inf" ? undefined : integer(1, 4096)(value, path));
const mcp: Check = (_value, path) => problems.notOffered("A tool of type 'mcp'", `${path}.type`);
const tool = tagged("type", {
  function: object(
    { type: anything, name: matching(/^[a-zA-Z0-9_-]+$/, string(64)), description: string(), parameters: anything },
    ["name"],
  ),
  mcp,
});
const toolChoice = stringOr(
  oneOf("auto", "none", "required"),
  tagged("type", { function: object({ type: anything, name: string() }, ["name"]), mcp }),
);
const reasoning = object({ effort: nullable(oneOf("minimal", "low", "medium", "high", "xhigh")) });
const prompt = nullable(object({ id: string(), version: nullable(string()), variables: anything }, ["id"]));

const turnDetection = tagged("type", {
  server_vad: object({
    type: anything,
    threshold: decimal(0, 1),
    prefix_padding_ms: integer(0),
    silence_duration_ms: integer(0),
    // The bounds that users report; the reference states none.
    idle_timeout_ms: nullable(integer(5_000, 30_000)),
    create_response: boolean,
    interrupt_response: boolean,
  }),
  semantic_vad: object({
    type: anything,
    eagerness: oneOf("low", "medium", "high", "auto"),
    create_response: boolean,
    interrupt_response: boolean,
  }),
});

const transcription = object({
  model: string(),
  language: string(),
  languages: listOf(string()),
  keywords: listOf(string()),
  prompt: string(),
  delay: oneOf("minimal", "low", "medium", "high", "xhigh"),
});

const sessionShape = object(
  {
    type: type("realtime"),
    model: string(),
    instructions: string(),
    output_modalities: modalities,
    max_output_tokens: maxTokens,
    tools: listOf(tool),
    tool_choice: toolChoice,
    parallel_tool_calls: boolean,
    reasoning,
    tracing: nullable(
      stringOr(oneOf("auto"), object({ workflow_name: string(), group_id: string(), metadata: anything })),
    ),
    truncation: stringOr(
      oneOf("auto", "disabled"),
      tagged("type", {
        retention_ratio: object(
          { type: anything, retention_ratio: decimal(0, 1), token_limits: object({ post_instructions: integer(0) }) },
          ["retention_ratio"],
        ),
      }),
    ),
    include: nullable(listOf(oneOf("item.input_audio_transcription.logprobs"))),
    prompt,
    audio: object({
      input: object({
        format,
        noise_reduction: nullable(object({ type: oneOf("near_field", "far_field"), strength: decimal(0) })),
        transcription: nullable(transcription),
        turn_detection: nullable(turnDetection),
      }),
      output: object({ format, voice, speed: decimal(0.25, 1.5) }),
    }),
  },
  ["type"],
);

/** What may stand under `response` in a `response.create`. Items of `input` are checked by `items.ts`. */
export const responseShape = object({
  instructions: string(),
  tools: listOf(tool),
  tool_choice: toolChoice,
  output_modalities: modalities,
  audio: object({ output: object({ format, voice }) }),
  input: listOf(anything),
  conversation: oneOf("auto", "none"),
  metadata: nullable(stringMap({ keys: 16, keyLength: 64, valueLength: 512 })),
  max_output_tokens: maxTokens,
  parallel_tool_calls: boolean,
  reasoning,
  prompt,
});

const part = (value: unknown): JsonObject => (isObject(value) ? value : {});

const mergeTurnDetection = (current: ServerVad | SemanticVad | null, patch: unknown) => {
  if (!isObject(patch)) return null;
  const base = defaultTurnDetection[patch.type === "semantic_vad" ? "semantic_vad" : "server_vad"];
  return { ...base, ...(current?.type === patch.type ? current : {}), ...patch };
};

const mergeInput = (current: SessionConfig["audio"]["input"], patch: JsonObject) => ({
  ...current,
  ...patch,
  ...(isObject(patch.format) && patch.format.type === "audio/pcm"
    ? { format: { type: "audio/pcm", rate: 24000 } }
    : {}),
  ...(isObject(patch.noise_reduction)
    ? { noise_reduction: { ...current.noise_reduction, ...patch.noise_reduction } }
    : {}),
  ...("turn_detection" in patch
    ? { turn_detection: mergeTurnDetection(current.turn_detection, patch.turn_detection) }
    : {}),
});

const merge = (current: SessionConfig, patch: JsonObject): SessionConfig => {
  const audio = part(patch.audio);
  // The patch has passed `sessionShape`, so the merged object has the config's shape.
  return {
    ...current,
    ...patch,
    audio: {
      input: mergeInput(current.audio.input, part(audio.input)),
      output: { ...current.audio.output, ...part(audio.output) },
    },
  } as SessionConfig;
};

/**
 * The configuration after `session.update`: only keys that are present change, and one bad key refuses the whole update.
 * `voiceLocked` once the model has spoken: its voice stays from then on.
 */
export const updateConfig = (
  current: SessionConfig,
  patch: unknown,
  { voiceLocked }: { voiceLocked: boolean },
): { config: SessionConfig } | { problem: ApiProblem } => {
  const problem = sessionShape(patch, "session");
  if (problem) return { problem };
  const config = merge(current, part(patch));
  if (config.model !== current.model)
    return {
      problem: problems.invalid("session.model", "The model of a session cannot be changed; open a new session."),
    };
  if (voiceLocked && !isDeepStrictEqual(config.audio.output.voice, current.audio.output.voice))
    return { problem: problems.voiceLocked("session") };
  if (current.tracing !== null && !isDeepStrictEqual(config.tracing, current.tracing))
    return {
      problem: problems.invalid("session.tracing", "Tracing cannot be changed once it is enabled for a session."),
    };
  return { config };
};
