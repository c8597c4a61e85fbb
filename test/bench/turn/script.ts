import { randomUUID } from "node:crypto";
import { samplesPerMs } from "../../../bridge-task/audio/pcm.ts";
import type { JsonObject } from "../../cloud/openai/json.ts";
import { signal } from "../../support/signals.ts";
import { deltaMs, frameMs, type Plan } from "./plan.ts";

export const soundDelta = "response.output_audio.delta";

export const toolName = "look_up_order";

const question = "Could you please tell me where my order is, and when I will get it?";
const answer =
  "Of course. Your order left our warehouse yesterday and should be with you on Thursday, before noon. Is there anything else?";
const toolArguments = JSON.stringify({ order: "A-1047", fields: ["status", "carrier", "due"] });

/** Words as the service cuts them: a few characters to a delta. */
const pieces = (text: string): string[] => text.match(/.{1,7}/gs) ?? [];

const base64 = (pcm: Int16Array): string => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64");

/**
 * One conversation in the service's events and their order, as text. Ids and contents are the same for every client; only
 * the items that a client makes itself have ids of its own.
 */
export class ScriptedConversation {
  readonly #plan: Plan;
  readonly #items = new Map<string, JsonObject>();
  readonly #delta: string;
  /** What stays stored of a question and of an answer. */
  readonly #sounds: { user: string; assistant: string };
  #lastItemId: string | null = null;
  #openedAfter: string | null = null;
  #count = 0;
  #spokenMs = 0;
  #itemId = "";

  constructor(plan: Plan) {
    this.#plan = plan;
    const sound = signal("answer", plan.answerMs);
    this.#delta = base64(sound.subarray(0, deltaMs * samplesPerMs));
    const questionMs = Math.max(1, plan.framesPerTurn) * frameMs;
    this.#sounds = { user: base64(signal("question", questionMs)), assistant: base64(sound) };
  }

  /** A person begins to speak. */
  started(): string[] {
    this.#itemId = this.#id("item");
    return [this.event("input_audio_buffer.speech_started", { audio_start_ms: this.#spokenMs, item_id: this.#itemId })];
  }

  /** They are silent: what they said becomes an item. */
  stopped(): string[] {
    this.#spokenMs += this.#plan.framesPerTurn * frameMs;
    const id = this.#itemId;
    const place = { item_id: id, previous_item_id: this.#lastItemId };
    const content = [{ type: "input_audio", transcript: null }];
    return [
      this.event("input_audio_buffer.speech_stopped", { audio_end_ms: this.#spokenMs, item_id: id }),
      this.event("input_audio_buffer.committed", place),
      ...this.stored({ id, type: "message", status: "completed", role: "user", content }),
    ];
  }

  /** An item that is complete at once. */
  stored(item: JsonObject): string[] {
    const id = typeof item.id === "string" ? item.id : this.#id("item");
    const complete = { status: "completed", ...item, id };
    const place = { previous_item_id: this.#lastItemId, item: complete };
    this.#keep(complete);
    return [this.event("conversation.item.added", place), this.event("conversation.item.done", place)];
  }

  /** A response that calls the tool and does nothing else. */
  call(): string[] {
    const responseId = this.#id("resp");
    const callId = this.#id("call", 16);
    const item = {
      id: this.#id("item"),
      type: "function_call",
      status: "in_progress",
      name: toolName,
      call_id: callId,
      arguments: "",
    };
    const place = { response_id: responseId, item_id: item.id, output_index: 0, call_id: callId };
    const whole = { ...item, status: "completed", arguments: toolArguments };
    return [
      this.event("response.created", { response: this.#response(responseId, []) }),
      ...this.#opened(responseId, item),
      ...this.#transcription(),
      ...pieces(toolArguments).map((delta) => this.#text("response.function_call_arguments.delta", place, delta)),
      this.event("response.function_call_arguments.done", { ...place, name: toolName, arguments: toolArguments }),
      ...this.#closed(responseId, whole),
    ];
  }

  /** A spoken response: words and sound in turns, as they come from the service. `transcribed`: the question's words too. */
  answer({ transcribed }: { transcribed: boolean }): string[] {
    const responseId = this.#id("resp");
    const item = { id: this.#id("item"), type: "message", status: "in_progress", role: "assistant", content: [] };
    const place = { response_id: responseId, item_id: item.id, output_index: 0, content_index: 0 };
    const whole = { ...item, status: "completed", content: [{ type: "output_audio", transcript: answer }] };
    return [
      this.event("response.created", { response: this.#response(responseId, []) }),
      ...this.#opened(responseId, item),
      this.event("response.content_part.added", { ...place, part: { type: "audio", transcript: "" } }),
      ...(transcribed ? this.#transcription() : []),
      ...this.#speech(place),
      this.event("response.output_audio.done", place),
      this.event("response.output_audio_transcript.done", { ...place, transcript: answer }),
      this.event("response.content_part.done", { ...place, part: { type: "audio", transcript: answer } }),
      ...this.#closed(responseId, whole),
    ];
  }

  /** An item with the sound that the service has stored of it; undefined where there is no such item. */
  retrieved(itemId: string): string | undefined {
    const item = this.#items.get(itemId);
    if (!item) return undefined;
    const sound = item.role === "user" ? this.#sounds.user : this.#sounds.assistant;
    const content = Array.isArray(item.content) ? item.content.map((part) => ({ ...part, audio: sound })) : undefined;
    return this.event("conversation.item.retrieved", { item: { ...item, ...(content ? { content } : {}) } });
  }

  /** Any event, with an id of its own. */
  event(type: string, fields: JsonObject): string {
    return JSON.stringify({ type, event_id: `event_${randomUUID().slice(0, 21)}`, ...fields });
  }

  #speech(place: JsonObject): string[] {
    const words = pieces(answer);
    const deltaCount = Math.ceil(this.#plan.answerMs / deltaMs);
    const events: string[] = [];
    let told = 0;
    for (let delta = 0; delta < deltaCount; delta += 1) {
      const upTo = Math.ceil(((delta + 1) * words.length) / deltaCount);
      for (; told < upTo; told += 1)
        events.push(this.#text("response.output_audio_transcript.delta", place, words[told] ?? ""));
      events.push(this.#sound(place));
    }
    return events;
  }

  /** What the person said, told while the response is on its way. */
  #transcription(): string[] {
    const place = { item_id: this.#itemId, content_index: 0 };
    const stored = this.#items.get(this.#itemId);
    if (stored) stored.content = [{ type: "input_audio", transcript: question }];
    return [
      ...pieces(question).map((delta) => this.#text("conversation.item.input_audio_transcription.delta", place, delta)),
      this.event("conversation.item.input_audio_transcription.completed", {
        ...place,
        transcript: question,
        usage: { type: "duration", seconds: 5 },
      }),
    ];
  }

  #opened(responseId: string, item: JsonObject & { id: string }): string[] {
    this.#openedAfter = this.#lastItemId;
    const place = { previous_item_id: this.#openedAfter, item };
    this.#keep(item);
    return [
      this.event("response.output_item.added", { response_id: responseId, output_index: 0, item }),
      this.event("conversation.item.added", place),
    ];
  }

  #closed(responseId: string, item: JsonObject & { id: string }): string[] {
    this.#items.set(item.id, item);
    const usage = {
      total_tokens: 1_310,
      input_tokens: 1_180,
      output_tokens: 130,
      input_token_details: {
        text_tokens: 420,
        audio_tokens: 760,
        image_tokens: 0,
        cached_tokens: 1_088,
        cached_tokens_details: { text_tokens: 384, audio_tokens: 704, image_tokens: 0 },
      },
      output_token_details: { text_tokens: 30, audio_tokens: 100 },
    };
    const limits = [{ name: "tokens", limit: 800_000, remaining: 798_690, reset_seconds: 0.098 }];
    return [
      this.event("conversation.item.done", { previous_item_id: this.#openedAfter, item }),
      this.event("response.output_item.done", { response_id: responseId, output_index: 0, item }),
      this.event("response.done", { response: { ...this.#response(responseId, [item]), status: "completed", usage } }),
      this.event("rate_limits.updated", { rate_limits: limits }),
    ];
  }

  #response(id: string, output: JsonObject[]): JsonObject {
    return {
      object: "realtime.response",
      id,
      status: "in_progress",
      status_details: null,
      output,
      conversation_id: "conv_000000000000000000001",
      output_modalities: ["audio"],
      max_output_tokens: "inf",
      audio: { output: { format: { type: "audio/pcm", rate: 24_000 }, voice: "marin" } },
      usage: null,
      metadata: null,
    };
  }

  #keep(item: JsonObject & { id: string }): void {
    this.#items.set(item.id, item);
    this.#lastItemId = item.id;
  }

  /** A delta of sound. Put together by hand: to write the same base64 as JSON each time would make the script the slower side. */
  #sound(place: JsonObject): string {
    return `${this.event(soundDelta, place).slice(0, -1)},"delta":"${this.#delta}"}`;
  }

  /** A delta of text, with the filler that the service adds. */
  #text(type: string, place: JsonObject, delta: string): string {
    return this.event(type, { ...place, delta, obfuscation: "x".repeat(16 - (delta.length % 8)) });
  }

  #id(prefix: string, length = 21): string {
    this.#count += 1;
    return `${prefix}_${String(this.#count).padStart(length, "0")}`;
  }
}
