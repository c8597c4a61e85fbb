import type { SessionConfig } from "./config.ts";
import { audioMs, type StoredItem } from "./items.ts";
import type { JsonObject } from "./json.ts";

/** What a piece of the context costs. `key` changes whenever the piece does, so that a cache can tell. */
export interface ContextPiece {
  key: string;
  textTokens: number;
  audioTokens: number;
}

/** About four characters to a token, as OpenAI's own rule of thumb has it. */
export const textTokens = (text: string): number => Math.ceil(text.length / 4);
/** A token for each 100 ms that a person spoke, and for each 50 ms that the model did. */
export const userAudioTokens = (ms: number): number => Math.ceil(ms / 100);
export const modelAudioTokens = (ms: number): number => Math.ceil(ms / 50);

const wordsOf = ({ item }: StoredItem): string => {
  if (item.type === "function_call") return item.name + item.arguments;
  if (item.type === "function_call_output") return item.output;
  // A transcript of input is a by-product that the model does not read.
  return item.content
    .map((part) => part.text ?? (part.type === "output_audio" ? (part.transcript ?? "") : ""))
    .join("");
};

const pieceOf = (stored: StoredItem): ContextPiece => {
  const ms = audioMs(stored);
  return {
    key: `${stored.item.id}:${stored.audioSamples}`,
    textTokens: textTokens(wordsOf(stored)),
    audioTokens: stored.fromModel ? modelAudioTokens(ms) : userAudioTokens(ms),
  };
};

/** Everything the model reads for a response, in order. */
export const contextOf = (
  { instructions, tools }: Pick<SessionConfig, "instructions" | "tools">,
  items: readonly StoredItem[],
): ContextPiece[] => {
  const preamble = instructions + (tools.length > 0 ? JSON.stringify(tools) : "");
  return [{ key: preamble, textTokens: textTokens(preamble), audioTokens: 0 }, ...items.map(pieceOf)];
};

const cacheGrain = 64;
const downToGrain = (tokens: number): number => tokens - (tokens % cacheGrain);
const sum = (pieces: readonly ContextPiece[], kind: "textTokens" | "audioTokens"): number =>
  pieces.reduce((total, piece) => total + piece[kind], 0);

/** The usage object of a response: cached is what the context has in common with the previous one, from its beginning. */
export const usageOf = (
  context: readonly ContextPiece[],
  previousContext: readonly ContextPiece[],
  output: { text: string; audioMs: number },
): JsonObject & { total_tokens: number } => {
  const firstNew = context.findIndex((piece, index) => piece.key !== previousContext[index]?.key);
  const known = firstNew < 0 ? context : context.slice(0, firstNew);
  const cachedText = downToGrain(sum(known, "textTokens"));
  const cachedAudio = downToGrain(sum(known, "audioTokens"));
  const inText = sum(context, "textTokens");
  const inAudio = sum(context, "audioTokens");
  const outText = textTokens(output.text);
  const outAudio = modelAudioTokens(output.audioMs);
  return {
    total_tokens: inText + inAudio + outText + outAudio,
    input_tokens: inText + inAudio,
    output_tokens: outText + outAudio,
    input_token_details: {
      text_tokens: inText,
      audio_tokens: inAudio,
      image_tokens: 0,
      cached_tokens: cachedText + cachedAudio,
      cached_tokens_details: { text_tokens: cachedText, audio_tokens: cachedAudio, image_tokens: 0 },
    },
    output_token_details: { text_tokens: outText, audio_tokens: outAudio },
  };
};
