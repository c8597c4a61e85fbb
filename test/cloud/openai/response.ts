import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { SessionConfig } from "./config.ts";
import { problems } from "./errors.ts";
import { newId } from "./ids.ts";
import { type StoredItem, viewOf } from "./items.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { Moment, Reply } from "./mind.ts";
import { CallOutput, MessageOutput, type OutputPort } from "./output.ts";
import { chunkSizes, dueMs, sentencesOf, spokenLength } from "./pacing.ts";
import type { ResponseFault, Settings } from "./settings.ts";
import { contextOf, modelAudioTokens, textTokens } from "./usage.ts";

/** What a response needs of its session. */
export interface ResponseHost extends Omit<OutputPort, "responseId" | "format" | "itemDoneFirst"> {
  readonly config: SessionConfig;
  readonly settings: Settings;
  readonly conversationId: string;
  momentOf(items: readonly StoredItem[], instructions: string): Moment;
  decide(moment: Moment): Reply;
  speech(text: string): Promise<Int16Array>;
  signal(name: string, durationMs?: number): Int16Array;
  usage(context: ReturnType<typeof contextOf>, output: { text: string; audioMs: number }): JsonObject;
  ended(response: ModelResponse): void;
  failed(error: unknown): void;
}

export interface ResponseWish {
  /** Checked parameters of `response.create`; empty for a response that the server creates. */
  params: JsonObject;
  /** What the model is given to read. */
  items: readonly StoredItem[];
  /** Said instead of what the mind would decide. */
  reply?: Reply;
  fault: ResponseFault;
}

type Status = "in_progress" | "completed" | "cancelled" | "failed" | "incomplete";

/** One response: from the wish to `response.done`, in the service's order of events. It ends exactly once. */
export class ModelResponse {
  readonly id = newId("resp");
  readonly isOutOfBand: boolean;
  readonly #host: ResponseHost;
  readonly #wish: ResponseWish;
  readonly #config: SessionConfig;
  readonly #context: ReturnType<typeof contextOf>;
  readonly #port: OutputPort;
  readonly #abort = new AbortController();
  readonly #outputs: (MessageOutput | CallOutput)[] = [];
  #open: MessageOutput | CallOutput | undefined;
  #unsent: Int16Array = new Int16Array();
  #status: Status = "in_progress";
  #isCreated = false;

  constructor(host: ResponseHost, wish: ResponseWish) {
    this.#host = host;
    this.#wish = wish;
    this.isOutOfBand = wish.params.conversation === "none";
    this.#config = configFor(host.config, wish.params);
    this.#context = contextOf(this.#config, wish.items);
    this.#port = {
      responseId: this.id,
      format: this.#config.audio.output.format,
      itemDoneFirst: host.settings.itemDoneFirst,
      send: (type, fields) => host.send(type, fields),
      addToConversation: (stored) => this.isOutOfBand || host.addToConversation(stored),
      doneInConversation: (stored) => this.isOutOfBand || host.doneInConversation(stored),
      audioSent: (pcm) => host.audioSent(pcm),
    };
  }

  /** `response.created` was sent and `response.done` was not: only then can a client cancel it. */
  get isActive(): boolean {
    return this.#isCreated && this.#status === "in_progress";
  }

  get audioMs(): number {
    return this.#outputs.reduce((sum, output) => sum + output.audioMs, 0);
  }

  /** Runs to the end by itself. With no delay set, `response.created` is sent before this returns. */
  start(): void {
    this.#run().catch((error: unknown) => {
      this.#host.failed(error);
      this.#fail();
    });
  }

  /** Ends it now: what is open is closed as incomplete, then `response.done` says cancelled. */
  cancel(reason: "turn_detected" | "client_cancelled"): void {
    const interrupted = this.#open;
    if (!this.#finish("cancelled", { type: "cancelled", reason })) return;
    const { lateDeltas = 0 } = this.#wish.fault;
    const pcm = this.#unsent.length > 0 ? this.#unsent : new Int16Array(2_400);
    if (interrupted instanceof MessageOutput)
      for (let late = 0; late < lateDeltas; late += 1) interrupted.lateAudio(pcm.subarray(0, 2_400));
  }

  /** Ends it without a word: the session is gone. */
  abandon(): void {
    this.#status = "cancelled";
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const createdAfterMs = this.#wish.fault.createdAfterMs ?? this.#host.settings.responseCreatedAfterMs;
    if (createdAfterMs > 0 && !(await this.#sleep(createdAfterMs))) return;
    this.#create();
    const createdAt = performance.now();
    const moment = this.#host.momentOf(this.#wish.items, this.#config.instructions);
    const reply = this.#wish.reply ?? this.#host.decide(moment);
    if (reply.delayMs && !(await this.#sleep(reply.delayMs))) return;
    if (reply.text !== undefined || reply.speech !== undefined) await this.#speak(reply, createdAt);
    if (this.#config.tool_choice !== "none") await this.#call(reply.toolCalls ?? []);
    // The fault was asked for, even if there was too little audio to meet it.
    if (this.#wish.fault.serverErrorAfterMs !== undefined) this.#fail();
    else this.#finish("completed", null);
  }

  #create(): void {
    this.#isCreated = true;
    this.#host.send("response.created", { response: this.#view(null, null) });
    if (this.#host.settings.unknownEvents)
      this.#host.send("response.not_invented_yet.delta", { response_id: this.id, delta: "?" });
  }

  async #speak(reply: Reply, createdAt: number): Promise<void> {
    const modality = this.#config.output_modalities.includes("text") ? "text" : "audio";
    const text = reply.text ?? (isObject(reply.speech) ? reply.speech.signal : "");
    if (modality === "text") return this.#write(text);
    // The first sentence is made before the item is announced, so that a message is never open without sound for long.
    const segments = this.#segments(text, reply);
    let next = segments.shift()?.();
    let message: MessageOutput | undefined;
    let startAt = 0;
    while (next) {
      const { words, pcm } = await next;
      if (this.#isOver) return;
      if (!message) {
        startAt = Math.max(performance.now(), createdAt + this.#host.settings.firstAudioMs);
        message = this.#opened(new MessageOutput(this.#port, this.#outputs.length, "audio"));
      }
      next = segments.shift()?.();
      // Awaited on the next round; a failure until then must not count as unhandled.
      next?.catch(() => {});
      if (!(await this.#send(message, words, pcm, startAt))) return;
    }
    this.#closeOpen("completed");
  }

  #segments(text: string, reply: Reply): (() => Promise<{ words: string; pcm: Int16Array }>)[] {
    const { speech } = reply;
    if (isObject(speech))
      return [async () => ({ words: text, pcm: this.#host.signal(speech.signal, speech.durationMs) })];
    return sentencesOf(text).map((words) => async () => ({ words, pcm: await this.#host.speech(words.trim()) }));
  }

  /** One segment in paced chunks, each with the words that it covers before it. False once the response is over. */
  async #send(message: MessageOutput, words: string, pcm: Int16Array, startAt: number): Promise<boolean> {
    const { chunkMs, paceFactor } = this.#host.settings;
    let sent = 0;
    let told = 0;
    for (const size of chunkSizes(pcm.length, chunkMs, Math.random)) {
      this.#unsent = pcm.subarray(sent);
      if (!(await this.#sleep(startAt + dueMs(message.audioMs, paceFactor) - performance.now()))) return false;
      const upTo = Math.max(told, spokenLength(words, sent + size, pcm.length));
      message.words(words.slice(told, upTo));
      message.audio(pcm.subarray(sent, sent + size));
      told = upTo;
      sent += size;
      if (this.#endedByLimit(message)) return false;
    }
    return true;
  }

  #endedByLimit(message: MessageOutput): boolean {
    const { serverErrorAfterMs } = this.#wish.fault;
    if (serverErrorAfterMs !== undefined && message.audioMs >= serverErrorAfterMs) return this.#fail();
    const limit = this.#config.max_output_tokens;
    const tokens = modelAudioTokens(this.audioMs) + textTokens(this.#text);
    if (limit === "inf" || tokens < limit) return false;
    return this.#finish("incomplete", { type: "incomplete", reason: "max_output_tokens" });
  }

  async #write(text: string): Promise<void> {
    const message = this.#opened(new MessageOutput(this.#port, this.#outputs.length, "text"));
    for (const words of text.match(/\S+\s*/g) ?? []) {
      if (!(await this.#sleep(0))) return;
      message.words(words);
    }
    this.#closeOpen("completed");
  }

  async #call(calls: NonNullable<Reply["toolCalls"]>): Promise<void> {
    for (const { name, arguments: given, callId = newId("call") } of calls) {
      if (!(await this.#sleep(0))) return;
      const output = this.#opened(new CallOutput(this.#port, this.#outputs.length, { name, callId }));
      const args = typeof given === "string" ? given : JSON.stringify(given);
      for (let at = 0; at < args.length; at += 16) {
        if (!(await this.#sleep(this.#host.settings.argumentDeltaMs))) return;
        output.args(args.slice(at, at + 16));
      }
      this.#closeOpen("completed");
    }
  }

  #opened<Output extends MessageOutput | CallOutput>(output: Output): Output {
    this.#outputs.push(output);
    this.#open = output;
    return output;
  }

  #closeOpen(ending: "completed" | "incomplete"): void {
    const open = this.#open;
    this.#open = undefined;
    open?.close(ending);
  }

  #fail(): boolean {
    const { type, code, message } = problems.serverError();
    return this.#finish("failed", { type: "failed", error: { type, code, message } });
  }

  /** False if it was over already. */
  #finish(status: Exclude<Status, "in_progress">, details: JsonObject | null): boolean {
    if (this.#isOver) return false;
    if (!this.#isCreated) this.#create();
    this.#closeOpen("incomplete");
    this.#status = status;
    this.#abort.abort();
    const usage = this.#host.usage(this.#context, { text: this.#text, audioMs: this.audioMs });
    this.#host.send("response.done", { response: this.#view(details, usage) });
    this.#host.ended(this);
    return true;
  }

  get #isOver(): boolean {
    return this.#status !== "in_progress";
  }

  get #text(): string {
    return this.#outputs.map((output) => output.text).join("");
  }

  /** At least one turn of the event loop, so that what the client sent meanwhile is seen first. False once it is over. */
  async #sleep(ms: number): Promise<boolean> {
    const { signal } = this.#abort;
    try {
      await (ms > 0 ? sleep(ms, undefined, { signal }) : nextTurn(undefined, { signal }));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return !this.#isOver;
  }

  #view(details: JsonObject | null, usage: JsonObject | null): JsonObject {
    const { output_modalities, max_output_tokens, audio } = this.#config;
    return {
      object: "realtime.response",
      id: this.id,
      status: this.#status,
      status_details: details,
      output: this.#outputs.map(({ stored }) => viewOf(stored.item)),
      conversation_id: this.isOutOfBand ? null : this.#host.conversationId,
      output_modalities,
      max_output_tokens,
      audio: { output: { format: audio.output.format, voice: audio.output.voice } },
      usage,
      metadata: this.#wish.params.metadata ?? null,
    };
  }
}

/** Parameters of a response replace the session's for this response; `audio.output` part by part. */
const configFor = (config: SessionConfig, params: JsonObject): SessionConfig => {
  const { instructions, tools, tool_choice, output_modalities, max_output_tokens, audio } = params;
  const given = Object.entries({ instructions, tools, tool_choice, output_modalities, max_output_tokens });
  const output = isObject(audio) && isObject(audio.output) ? audio.output : {};
  // The parameters have passed `responseShape`, so what replaces a setting has its type.
  return {
    ...config,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    audio: { ...config.audio, output: { ...config.audio.output, ...output } },
  } as SessionConfig;
};
