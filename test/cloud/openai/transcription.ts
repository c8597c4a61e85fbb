import type { SessionConfig } from "./config.ts";
import type { JsonObject } from "./json.ts";
import type { Settings } from "./settings.ts";
import { textTokens, userAudioTokens } from "./usage.ts";

export interface Utterance {
  itemId: string;
  text: string;
  audioMs: number;
  model: string;
}

/** What the transcription of one utterance sends, in order: its words bit by bit, then the whole. */
export const transcriptionEvents = ({
  itemId,
  text,
  audioMs,
  model,
}: Utterance): { type: string; fields: JsonObject }[] => {
  const place = { item_id: itemId, content_index: 0 };
  const name = "conversation.item.input_audio_transcription";
  const words = text.match(/\S+\s*/g) ?? [];
  const deltas = words.map((delta) => ({ type: `${name}.delta`, fields: { ...place, delta } }));
  return [
    ...deltas,
    { type: `${name}.completed`, fields: { ...place, transcript: text, usage: usageOf(text, audioMs, model) } },
  ];
};

/** whisper-1 is billed by duration, its successors by tokens. */
const usageOf = (text: string, audioMs: number, model: string): JsonObject => {
  if (model.startsWith("whisper")) return { type: "duration", seconds: audioMs / 1_000 };
  const audioTokens = userAudioTokens(audioMs);
  const outputTokens = textTokens(text);
  return {
    type: "tokens",
    total_tokens: audioTokens + outputTokens,
    input_tokens: audioTokens,
    input_token_details: { text_tokens: 0, audio_tokens: audioTokens },
    output_tokens: outputTokens,
  };
};

/** Tells transcriptions when the settings say: some time after the commit, or after the answer. Asynchronous like the service's. */
export class Transcriber {
  readonly #settings: Settings;
  readonly #tell: (utterance: Utterance) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #afterResponse: Utterance[] = [];

  constructor(settings: Settings, tell: (utterance: Utterance) => void) {
    this.#settings = settings;
    this.#tell = tell;
  }

  add(config: SessionConfig, utterance: Omit<Utterance, "model">): void {
    const { transcription } = config.audio.input;
    if (!transcription) return;
    const full = { ...utterance, model: transcription.model ?? "" };
    const when = this.#settings.transcription;
    if (when === "after_response") {
      this.#afterResponse.push(full);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#tell(full);
    }, when.afterMs);
    this.#timers.add(timer);
  }

  responseDone(): void {
    const waiting = this.#afterResponse;
    this.#afterResponse = [];
    for (const utterance of waiting) this.#tell(utterance);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#afterResponse = [];
  }
}
