import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";

/** What a server holds of an item, and what the client's view must come to. */
export interface ServerItem {
  id: string;
  type: "message" | "function_call" | "function_call_output";
  role?: "user" | "system" | "assistant";
  status: "in_progress" | "completed" | "incomplete";
  text: string;
  transcript: string | null;
  isSpoken: boolean;
  arguments?: string;
  output?: string;
}

export type Told = { sent: RealtimeClientEvent } | { event: RealtimeServerEvent };
export type Place = "end" | "root" | number;

export interface Output {
  kind: "audio" | "text" | "call";
  chunks: string[];
  isCut: boolean;
}

const wireOf = (item: ServerItem): object => {
  const { id, type, role, status } = item;
  if (type === "function_call")
    return { id, type, status, name: "look", call_id: `call_${id}`, arguments: item.arguments };
  if (type === "function_call_output") return { id, type, status, call_id: "call_x", output: item.output };
  const isAssistant = role === "assistant";
  const part = item.isSpoken
    ? { type: isAssistant ? "output_audio" : "input_audio", transcript: item.transcript }
    : { type: isAssistant ? "output_text" : "input_text", text: item.text };
  const isEmpty = isAssistant && status === "in_progress";
  return { id, type, role, status, content: isEmpty ? [] : [part] };
};

/** A faithful server: its conversation is the truth, `told` is all that the client gets to know of it. */
export class SimulatedServer {
  readonly items: ServerItem[] = [];
  readonly told: Told[] = [];
  #count = 0;

  tell(type: string, fields: object): void {
    this.told.push({
      event: { type, event_id: `event_${this.told.length}`, ...fields } as unknown as RealtimeServerEvent,
    });
  }

  /** Items that begin to exist, at a place. */
  #insert(item: ServerItem, place: Place): void {
    const after = typeof place === "number" && this.items.length > 0 ? place % this.items.length : undefined;
    if (place === "root") {
      const create = { type: "conversation.item.create", previous_item_id: "root", item: wireOf(item) };
      this.told.push({ sent: create as unknown as RealtimeClientEvent });
    }
    const at = place === "root" ? 0 : (after ?? this.items.length - 1) + 1;
    this.items.splice(at, 0, item);
  }

  #announce(type: "added" | "done", item: ServerItem): void {
    const previous_item_id = this.items[this.items.indexOf(item) - 1]?.id ?? null;
    this.tell(`conversation.item.${type}`, { previous_item_id, item: wireOf(item) });
  }

  #make(more: Partial<ServerItem>): ServerItem {
    this.#count += 1;
    const fresh = {
      type: "message" as const,
      status: "completed" as const,
      text: "",
      transcript: null,
      isSpoken: false,
    };
    return { id: `item_${this.#count}`, ...fresh, ...more };
  }

  user(
    place: Place,
    { text, transcript, isEarly }: { text: string; transcript: string | null; isEarly: boolean },
  ): void {
    const isSpoken = transcript !== null;
    const item = this.#make({ role: "user", text: isSpoken ? "" : text, isSpoken });
    this.#insert(item, place);
    if (isEarly && transcript !== null) this.transcribe(item, transcript);
    this.#announce("added", item);
    this.#announce("done", item);
    if (!isEarly && transcript !== null) this.transcribe(item, transcript);
  }

  transcribe(item: ServerItem, transcript: string): void {
    const at = { item_id: item.id, content_index: 0 };
    this.tell("conversation.item.input_audio_transcription.delta", { ...at, delta: transcript.slice(0, 3) });
    // Deltas are a guess that the whole corrects.
    this.tell("conversation.item.input_audio_transcription.delta", { ...at, delta: " uh" });
    item.transcript = transcript;
    this.tell("conversation.item.input_audio_transcription.completed", { ...at, transcript });
  }

  /** What the application puts there: whole from the beginning. */
  inject(place: Place, more: Partial<ServerItem>): void {
    const item = this.#make(more);
    this.#insert(item, place);
    this.#announce("added", item);
    this.#announce("done", item);
  }

  /** `meanwhile` happens after each output has begun. */
  respond(responseId: string, isOutside: boolean, outputs: readonly Output[], meanwhile: () => void): void {
    const response = { id: responseId, conversation_id: isOutside ? null : "conv_1" };
    this.tell("response.created", { response: { ...response, status: "in_progress", output: [] } });
    const made = outputs.map((output) => this.#produce(responseId, isOutside, output, meanwhile));
    const status = outputs.some(({ isCut }) => isCut) ? "cancelled" : "completed";
    this.tell("response.done", { response: { ...response, status, output: made.map(wireOf) } });
  }

  #produce(response_id: string, isOutside: boolean, output: Output, meanwhile: () => void): ServerItem {
    const isCall = output.kind === "call";
    const item = this.#make({
      status: "in_progress",
      isSpoken: output.kind === "audio",
      ...(isCall ? { type: "function_call", arguments: "" } : { role: "assistant" }),
      ...(output.kind === "audio" ? { transcript: "" } : {}),
    });
    const at = { response_id, item_id: item.id, output_index: 0, content_index: 0 };
    if (!isOutside) this.#insert(item, "end");
    this.tell("response.output_item.added", { response_id, output_index: 0, item: wireOf(item) });
    if (!isOutside) this.#announce("added", item);
    meanwhile();
    if (!isCall) {
      const part = item.isSpoken ? { type: "audio", transcript: "" } : { type: "text", text: "" };
      this.tell("response.content_part.added", { ...at, part });
    }
    for (const delta of output.chunks) this.#chunk(item, at, delta);
    item.status = output.isCut ? "incomplete" : "completed";
    const done = () => this.tell("response.output_item.done", { response_id, output_index: 0, item: wireOf(item) });
    const isItemFirst = output.chunks.length % 2 === 0;
    if (!isItemFirst) done();
    if (!isOutside) this.#announce("done", item);
    if (isItemFirst) done();
    return item;
  }

  #chunk(item: ServerItem, at: object, delta: string): void {
    if (item.type === "function_call") {
      item.arguments += delta;
      this.tell("response.function_call_arguments.delta", { ...at, delta });
    } else if (item.isSpoken) {
      item.transcript += delta;
      this.tell("response.output_audio_transcript.delta", { ...at, delta });
      this.tell("response.output_audio.delta", { ...at, delta: "AAAA" });
    } else {
      item.text += delta;
      this.tell("response.output_text.delta", { ...at, delta });
    }
  }

  delete(index: number): void {
    const [item] = this.items.splice(index % Math.max(1, this.items.length), 1);
    if (item) this.tell("conversation.item.deleted", { item_id: item.id });
  }

  truncate(index: number): void {
    const spoken = this.items.filter(({ role, isSpoken }) => role === "assistant" && isSpoken);
    const item = spoken[index % Math.max(1, spoken.length)];
    if (item === undefined) return;
    item.transcript = "";
    this.tell("conversation.item.truncated", { item_id: item.id, content_index: 0, audio_end_ms: 10 });
  }

  retrieve(index: number): void {
    const item = this.items[index % Math.max(1, this.items.length)];
    if (item) this.tell("conversation.item.retrieved", { item: wireOf(item) });
  }
}
