import { encodeAudio } from "./audio-format.ts";
import type { AudioFormat } from "./config.ts";
import { newId } from "./ids.ts";
import { audioMs, type CallItem, type ContentPart, type MessageItem, type StoredItem, viewOf } from "./items.ts";
import type { JsonObject } from "./json.ts";

/** Where the outputs of one response go. */
export interface OutputPort {
  readonly responseId: string;
  readonly format: AudioFormat;
  readonly itemDoneFirst: boolean;
  send(type: string, fields: JsonObject): void;
  /** Into the conversation, told by `conversation.item.added`; nothing of both for an out-of-band response. */
  addToConversation(stored: StoredItem): void;
  /** `conversation.item.done`, under the same condition. */
  doneInConversation(stored: StoredItem): void;
  audioSent(pcm: Int16Array): void;
}

type Ending = "completed" | "incomplete";

const announce = (port: OutputPort, outputIndex: number, stored: StoredItem): void => {
  port.send("response.output_item.added", {
    response_id: port.responseId,
    output_index: outputIndex,
    item: viewOf(stored.item),
  });
  port.addToConversation(stored);
};

const conclude = (port: OutputPort, outputIndex: number, stored: StoredItem, itemDoneFirst: boolean): void => {
  if (itemDoneFirst) port.doneInConversation(stored);
  port.send("response.output_item.done", {
    response_id: port.responseId,
    output_index: outputIndex,
    item: viewOf(stored.item),
  });
  if (!itemDoneFirst) port.doneInConversation(stored);
};

/** One assistant message as it comes out, spoken or written: opened, fed, closed once. */
export class MessageOutput {
  readonly stored: StoredItem;
  readonly #port: OutputPort;
  readonly #index: number;
  readonly #part: ContentPart;
  readonly #place: JsonObject;

  constructor(port: OutputPort, outputIndex: number, modality: "audio" | "text") {
    const item: MessageItem = {
      id: newId("item"),
      type: "message",
      status: "in_progress",
      role: "assistant",
      content: [],
    };
    this.#port = port;
    this.#index = outputIndex;
    this.#part = modality === "audio" ? { type: "output_audio", transcript: "" } : { type: "output_text", text: "" };
    this.stored = { item, audio: [], audioSamples: 0, fromModel: modality === "audio" };
    this.#place = { response_id: port.responseId, item_id: item.id, output_index: outputIndex, content_index: 0 };
    announce(port, outputIndex, this.stored);
    item.content.push(this.#part);
    port.send("response.content_part.added", { ...this.#place, part: this.#partView() });
  }

  get text(): string {
    return this.#part.text ?? this.#part.transcript ?? "";
  }

  get audioMs(): number {
    return audioMs(this.stored);
  }

  words(delta: string): void {
    if (delta === "") return;
    if (this.#isAudio) this.#part.transcript = this.text + delta;
    else this.#part.text = this.text + delta;
    this.#port.send(this.#isAudio ? "response.output_audio_transcript.delta" : "response.output_text.delta", {
      ...this.#place,
      delta,
    });
  }

  audio(pcm: Int16Array): void {
    this.stored.audio.push(pcm);
    this.stored.audioSamples += pcm.length;
    this.#port.audioSent(pcm);
    this.lateAudio(pcm);
  }

  /** A delta that belongs to nothing any more: only ever sent as a fault. */
  lateAudio(pcm: Int16Array): void {
    const delta = encodeAudio(pcm, this.#port.format).toString("base64");
    this.#port.send("response.output_audio.delta", { ...this.#place, delta });
  }

  close(ending: Ending): void {
    if (this.#isAudio) {
      this.#port.send("response.output_audio.done", { ...this.#place });
      this.#port.send("response.output_audio_transcript.done", { ...this.#place, transcript: this.text });
    } else this.#port.send("response.output_text.done", { ...this.#place, text: this.text });
    this.#port.send("response.content_part.done", { ...this.#place, part: this.#partView() });
    this.stored.item.status = ending;
    conclude(this.#port, this.#index, this.stored, this.#port.itemDoneFirst);
  }

  get #isAudio(): boolean {
    return this.#part.type === "output_audio";
  }

  /** Inside content_part events the type lacks the `output_` that it has inside items. */
  #partView(): JsonObject {
    return this.#isAudio ? { type: "audio", transcript: this.text } : { type: "text", text: this.text };
  }
}

/** One tool call as it comes out. */
export class CallOutput {
  readonly stored: StoredItem;
  readonly audioMs = 0;
  readonly #item: CallItem;
  readonly #port: OutputPort;
  readonly #index: number;
  readonly #place: JsonObject;

  constructor(port: OutputPort, outputIndex: number, call: { name: string; callId: string }) {
    this.#item = {
      id: newId("item"),
      type: "function_call",
      status: "in_progress",
      name: call.name,
      call_id: call.callId,
      arguments: "",
    };
    this.#port = port;
    this.#index = outputIndex;
    this.stored = { item: this.#item, audio: [], audioSamples: 0, fromModel: true };
    this.#place = {
      response_id: port.responseId,
      item_id: this.#item.id,
      output_index: outputIndex,
      call_id: call.callId,
    };
    announce(port, outputIndex, this.stored);
  }

  get text(): string {
    return this.#item.name + this.#item.arguments;
  }

  args(delta: string): void {
    this.#item.arguments += delta;
    this.#port.send("response.function_call_arguments.delta", { ...this.#place, delta });
  }

  close(ending: Ending): void {
    this.#port.send("response.function_call_arguments.done", {
      ...this.#place,
      name: this.#item.name,
      arguments: this.#item.arguments,
    });
    this.#item.status = ending;
    conclude(this.#port, this.#index, this.stored, false);
  }
}
