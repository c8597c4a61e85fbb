import type { RealtimeAudioInputTurnDetection, RealtimeSessionCreateRequest } from "openai/resources/realtime/realtime";

type Session = RealtimeSessionCreateRequest;
type Input = NonNullable<NonNullable<Session["audio"]>["input"]>;
type Output = NonNullable<NonNullable<Session["audio"]>["output"]>;
type LegacyFormat = "pcm16" | "g711_ulaw" | "g711_alaw";

/** The flat keys of the old Realtime client, which the server no longer knows. Each is translated. */
export interface LegacySessionSettings {
  modalities?: ("text" | "audio")[];
  voice?: Output["voice"];
  speed?: number;
  input_audio_format?: LegacyFormat;
  output_audio_format?: LegacyFormat;
  input_audio_transcription?: Input["transcription"] | null;
  input_audio_noise_reduction?: Input["noise_reduction"] | null;
  /** `null`: no voice activity detection; nothing is answered until `createResponse()`. */
  turn_detection?: RealtimeAudioInputTurnDetection | null;
  max_response_output_tokens?: number | "inf";
  /** Gone from the protocol: dropped with a warning. */
  temperature?: number;
}

/** What `updateSession` takes: today's nested keys, the old flat ones, or both. Only the keys that are present change. */
export type SessionUpdate = Partial<Session> & LegacySessionSettings;

/** What a session is already, and an update can no longer change. */
export interface SessionState {
  /** The agent has spoken: its voice stays. */
  voiceHeard: boolean;
  /** Tracing as it is in force; once it is on, it stays as it is. */
  tracing?: unknown;
}

/**
 * Keys the server knows, as a tree; a leaf is passed on as it is. The server refuses an update whole for one unknown key,
 * so unknown ones are taken out here. From the types of `openai` 7.57.0.
 */
export interface KnownKeys {
  readonly [key: string]: KnownKeys | "value";
}

const format = { type: "value", rate: "value" } as const;
/** What a session and a single response both have. */
const common = {
  instructions: "value",
  output_modalities: "value",
  max_output_tokens: "value",
  // Each by its own type: see session-tools.ts.
  tools: "value",
  tool_choice: { type: "value", name: "value", server_label: "value" },
  parallel_tool_calls: "value",
  reasoning: { effort: "value" },
  prompt: { id: "value", version: "value", variables: "value" },
} as const;

export const sessionKeys: KnownKeys = {
  ...common,
  type: "value",
  model: "value",
  tracing: { workflow_name: "value", group_id: "value", metadata: "value" },
  truncation: { type: "value", retention_ratio: "value", token_limits: { post_instructions: "value" } },
  include: "value",
  audio: {
    input: {
      format,
      noise_reduction: { type: "value", strength: "value" },
      transcription: {
        model: "value",
        language: "value",
        languages: "value",
        keywords: "value",
        prompt: "value",
        delay: "value",
      },
      turn_detection: {
        type: "value",
        threshold: "value",
        prefix_padding_ms: "value",
        silence_duration_ms: "value",
        idle_timeout_ms: "value",
        create_response: "value",
        interrupt_response: "value",
        eagerness: "value",
      },
    },
    output: { format, voice: "value", speed: "value" },
  },
};

export const responseKeys: KnownKeys = {
  ...common,
  conversation: "value",
  input: "value",
  metadata: "value",
  audio: { output: { format, voice: "value" } },
};

export const toolKeys: Readonly<Record<"function" | "mcp", KnownKeys>> = {
  function: { type: "value", name: "value", description: "value", parameters: "value" },
  mcp: {
    type: "value",
    server_label: "value",
    server_url: "value",
    server_description: "value",
    connector_id: "value",
    tunnel_id: "value",
    authorization: "value",
    headers: "value",
    allowed_tools: "value",
    allowed_callers: "value",
    require_approval: "value",
    defer_loading: "value",
  },
};

type LegacyKey = keyof Omit<LegacySessionSettings, "temperature">;

/** Where each old flat key lives now. */
export const legacyPaths: Readonly<Record<LegacyKey, readonly string[]>> = {
  modalities: ["output_modalities"],
  voice: ["audio", "output", "voice"],
  speed: ["audio", "output", "speed"],
  input_audio_format: ["audio", "input", "format"],
  output_audio_format: ["audio", "output", "format"],
  input_audio_transcription: ["audio", "input", "transcription"],
  input_audio_noise_reduction: ["audio", "input", "noise_reduction"],
  turn_detection: ["audio", "input", "turn_detection"],
  max_response_output_tokens: ["max_output_tokens"],
};

export const legacyKeys = Object.keys(legacyPaths) as LegacyKey[];
/** Those that a single response had too. */
export const legacyResponseKeys: readonly LegacyKey[] = [
  "modalities",
  "voice",
  "output_audio_format",
  "max_response_output_tokens",
];
