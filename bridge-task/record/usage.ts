import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { noTokens, type TokensByKind } from "./call-record.ts";

export interface Usage {
  tokens: TokensByKind;
  transcriptionSeconds: number;
}

/** What a server may leave out, or write otherwise, counts as nothing. */
const count = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);

/** What this event says was used; undefined where it says nothing of it. */
export const usageOf = (event: RealtimeServerEvent): Usage | undefined => {
  if (event.type === "response.done") {
    const { usage } = event.response;
    if (!usage) return undefined;
    const { input_token_details: input, output_token_details: output } = usage;
    const tokens = {
      ...noTokens,
      inputText: count(input?.text_tokens),
      inputAudio: count(input?.audio_tokens),
      inputImage: count(input?.image_tokens),
      cachedText: count(input?.cached_tokens_details?.text_tokens),
      cachedAudio: count(input?.cached_tokens_details?.audio_tokens),
      cachedImage: count(input?.cached_tokens_details?.image_tokens),
      outputText: count(output?.text_tokens),
      outputAudio: count(output?.audio_tokens),
    };
    return { tokens, transcriptionSeconds: 0 };
  }
  if (event.type !== "conversation.item.input_audio_transcription.completed" || !event.usage) return undefined;
  const { usage } = event;
  if (usage.type === "duration") return { tokens: noTokens, transcriptionSeconds: count(usage.seconds) };
  const tokens = {
    ...noTokens,
    transcriptionInput: count(usage.input_tokens),
    transcriptionOutput: count(usage.output_tokens),
  };
  return { tokens, transcriptionSeconds: 0 };
};

export const addUsage = (one: Usage, other: Usage): Usage => {
  const kinds = Object.keys(noTokens) as (keyof TokensByKind)[];
  const sums = kinds.map((kind) => [kind, one.tokens[kind] + other.tokens[kind]]);
  return {
    tokens: Object.fromEntries(sums) as unknown as TokensByKind,
    transcriptionSeconds: one.transcriptionSeconds + other.transcriptionSeconds,
  };
};
