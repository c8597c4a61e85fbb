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

/**
 * Every key the server knows, as a tree; a leaf is passed on as it is. The server refuses an update whole for one unknown key,
 * so unknown ones are taken out here. From the types of `openai` 7.57.0.
 */
export interface KnownKeys {
  readonly [key: string]: KnownKeys | "value";
}

export const knownKeys: KnownKeys = {
  type: "value",
  model: "value",
  instructions: "value",
  output_modalities: "value",
  max_output_tokens: "value",
  tools: "value",
  tool_choice: "value",
  parallel_tool_calls: "value",
  reasoning: { effort: "value" },
  tracing: "value",
  truncation: "value",
  include: "value",
  prompt: "value",
  audio: {
    input: {
      format: "value",
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
    output: { format: "value", voice: "value", speed: "value" },
  },
};

/** Where each old flat key lives now. */
export const legacyPaths: Readonly<Record<keyof Omit<LegacySessionSettings, "temperature">, readonly string[]>> = {
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
