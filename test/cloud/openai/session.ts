import { epochMs } from "../event-log.ts";
import { clientEvents } from "./client-events.ts";
import { defaultConfig, type SessionConfig } from "./config.ts";
import { type ApiProblem, problems } from "./errors.ts";
import { newId, newObfuscation } from "./ids.ts";
import { InputBuffer, type Turn } from "./input-buffer.ts";
import { Conversation, type ConversationEntry, entryOf, type StoredItem, viewOf } from "./items.ts";
import { type JsonObject, parseObject } from "./json.ts";
import { momentOf, type Reply } from "./mind.ts";
import { RateLimits } from "./rate-limits.ts";
import { Arrivals, Recorder } from "./recorder.ts";
import { ModelResponse, type ResponseHost } from "./response.ts";
import type { SessionParts } from "./session-parts.ts";
import { Transcriber, transcriptionEvents, type Utterance } from "./transcription.ts";
import { type ContextPiece, usageOf } from "./usage.ts";
import { forLog } from "./wire-log.ts";

/** One Realtime session: its configuration, conversation, input buffer and responses. */
export class Session {
  readonly id = newId("sess");
  readonly conversationId = newId("conv");
  readonly conversation = new Conversation();
  readonly input: InputBuffer;
  readonly inputRecord: Recorder;
  readonly outputRecord: Recorder;
  readonly arrivals = new Arrivals();
  readonly openedAtMs = epochMs();
  closed: { atMs: number; code: number; reason: string } | undefined;
  config: SessionConfig;
  /** Set with the first audio of the model: its voice stays from then on. */
  voiceLocked = false;
  readonly #parts: SessionParts;
  readonly #host: ResponseHost;
  readonly #transcriber: Transcriber;
  readonly #rateLimits: RateLimits;
  readonly #responses = new Set<ModelResponse>();
  readonly #heard = new Map<string, string>();
  readonly #expiry: NodeJS.Timeout;
  #nextItemId = newId("item");
  #previousContext: readonly ContextPiece[] = [];

  constructor(parts: SessionParts) {
    const { settings } = parts;
    this.#parts = parts;
    this.config = defaultConfig(this.id, parts.model, Math.floor(Date.now() / 1_000) + settings.sessionSeconds);
    this.input = new InputBuffer(parts.detector);
    this.input.configure(this.config.audio.input.turn_detection);
    this.inputRecord = new Recorder(parts.maxRecordedMs);
    this.outputRecord = new Recorder(parts.maxRecordedMs);
    this.#transcriber = new Transcriber(settings, (utterance) => this.#tellTranscript(utterance));
    this.#rateLimits = new RateLimits(settings);
    this.#host = this.#createHost();
    // Longer than a timer can count is as good as for ever here.
    this.#expiry = setTimeout(() => this.expire(), Math.min(settings.sessionSeconds * 1_000, 2 ** 31 - 1));
    parts.log.record("openai", "session.opened", { sessionId: this.id, model: parts.model });
    this.send("session.created", { session: this.config });
  }

  get activeResponse(): ModelResponse | undefined {
    return [...this.#responses].find((response) => !response.isOutOfBand);
  }

  /** The conversation as the server has it, in its order. Copies: they do not change with it. */
  items(): ConversationEntry[] {
    return this.conversation.items.map(entryOf);
  }

  /** A client event as it came in. Whatever is wrong with it is answered by an `error` event; the session goes on. */
  receive(text: string): void {
    if (this.closed) return;
    const event = parseObject(text);
    if (!event || typeof event.type !== "string") {
      this.#refuse(
        problems.invalidEvent("The event could not be read as a JSON object with a string 'type'."),
        undefined,
      );
      return;
    }
    const eventId = typeof event.event_id === "string" ? event.event_id : undefined;
    const kind = Object.hasOwn(clientEvents, event.type) ? clientEvents[event.type] : undefined;
    if (event.type !== "input_audio_buffer.append") this.#record(`client.${event.type}`, event);
    const planned = this.#parts.faults.takeRefusal(event.type);
    const problem = planned
      ? {
          type: "invalid_request_error",
          message: "Refused on purpose by a planned fault.",
          param: null,
          ...planned.error,
        }
      : kind
        ? (kind.check(event, "") ?? kind.handle(this, event))
        : problems.invalidValue("type", event.type, Object.keys(clientEvents));
    if (problem) this.#refuse(problem, eventId);
  }

  send(type: string, fields: JsonObject): void {
    if (this.closed) return;
    const obfuscated = this.#parts.settings.obfuscation && type.endsWith(".delta") && !type.includes("output_audio.");
    const event = {
      type,
      event_id: newId("event"),
      ...fields,
      ...(obfuscated ? { obfuscation: newObfuscation() } : {}),
    };
    this.#record(`server.${type}`, event);
    this.#parts.socket.send(JSON.stringify(event));
  }

  /** Audio from the client, already decoded. */
  hear(pcm: Int16Array): void {
    const { log } = this.#parts;
    const atMs = epochMs();
    const turns = this.input.append(pcm);
    this.inputRecord.push(pcm);
    this.arrivals.push({ atMs, samples: pcm.length, endMs: this.input.clockMs });
    log.record("openai", "client.input_audio_buffer.append", {
      sessionId: this.id,
      samples: pcm.length,
      endMs: this.input.clockMs,
    });
    for (const turn of turns) this.#take(turn);
  }

  /** The buffered audio becomes an item of the user's. */
  commit(pcm: Int16Array): void {
    const itemId = this.#nextItemId;
    this.#nextItemId = newId("item");
    this.send("input_audio_buffer.committed", { previous_item_id: this.conversation.lastId, item_id: itemId });
    const heard = this.#parts.mind.hear(this.id);
    this.#heard.set(itemId, heard);
    this.add({
      item: {
        id: itemId,
        type: "message",
        status: "completed",
        role: "user",
        content: [{ type: "input_audio", transcript: null }],
      },
      audio: [pcm],
      audioSamples: pcm.length,
      fromModel: false,
    });
    this.conversation.keepAudio(this.#parts.maxRecordedMs);
    this.#transcriber.add(this.config, { itemId, text: heard, audioMs: pcm.length / 24 });
  }

  /** Into the conversation, finished: told by added and done. */
  add(stored: StoredItem, previousItemId?: string | null): ApiProblem | undefined {
    const added = this.conversation.add(stored, previousItemId);
    if ("problem" in added) return added.problem;
    const place = { previous_item_id: added.previousItemId };
    this.send("conversation.item.added", { ...place, item: viewOf(stored.item) });
    this.send("conversation.item.done", { ...place, item: viewOf(stored.item) });
    return undefined;
  }

  /** A response begins, unless one is active in the conversation already. */
  respond(params: JsonObject, items?: readonly StoredItem[], reply?: Reply): ApiProblem | undefined {
    const active = this.activeResponse;
    if (active && params.conversation !== "none") return problems.activeResponse(active.id);
    const fault = this.#parts.faults.takeForResponse();
    const context = items ?? [...this.conversation.items];
    const response = new ModelResponse(this.#host, { params, items: context, fault, ...(reply ? { reply } : {}) });
    this.#responses.add(response);
    this.input.idleFrom(undefined);
    response.start();
    return undefined;
  }

  cancel(responseId: string | undefined): ApiProblem | undefined {
    const running = [...this.#responses].filter((response) => response.isActive);
    const response = running.find(({ id, isOutOfBand }) =>
      responseId === undefined ? !isOutOfBand : id === responseId,
    );
    if (!response) return problems.nothingToCancel();
    response.cancel("client_cancelled");
    return undefined;
  }

  expire(): void {
    const minutes = Math.round(this.#parts.settings.sessionSeconds / 60);
    const problem = problems.sessionExpired(minutes);
    this.#refuse(problem, undefined);
    this.#parts.socket.close(1001, problem.message);
  }

  /** Drops the client: 1006 without a closing handshake, any other code with one. */
  drop(code: number, reason = ""): void {
    if (code === 1006) this.#parts.socket.terminate();
    else this.#parts.socket.close(code, reason);
  }

  /** The socket is closed: everything that runs is stopped. What was recorded stays readable. */
  onClosed(code: number, reason: string): void {
    if (this.closed) return;
    this.closed = { atMs: epochMs(), code, reason };
    clearTimeout(this.#expiry);
    this.#transcriber.close();
    for (const response of this.#responses) response.abandon();
    this.#responses.clear();
    this.input.close();
    this.#parts.log.record("openai", "session.closed", { sessionId: this.id, code, reason });
  }

  #take(turn: Turn): void {
    const detection = this.config.audio.input.turn_detection;
    if (turn.type === "speech_started") {
      this.send("input_audio_buffer.speech_started", { audio_start_ms: turn.audioStartMs, item_id: this.#nextItemId });
      if (detection?.interrupt_response) this.activeResponse?.cancel("turn_detected");
      return;
    }
    const type = turn.type === "idle" ? "timeout_triggered" : "speech_stopped";
    const start = turn.type === "idle" ? { audio_start_ms: turn.audioStartMs } : {};
    this.send(`input_audio_buffer.${type}`, { ...start, audio_end_ms: turn.audioEndMs, item_id: this.#nextItemId });
    this.commit(turn.pcm);
    const problem = detection?.create_response || turn.type === "idle" ? this.respond({}) : undefined;
    if (problem) this.#refuse(problem, undefined);
  }

  #tellTranscript(utterance: Utterance): void {
    const part = this.conversation.get(utterance.itemId)?.item;
    if (part?.type === "message" && part.content[0]) part.content[0].transcript = utterance.text;
    const events = transcriptionEvents(utterance);
    const twice = this.#parts.settings.duplicateTranscriptions ? [...events, ...events] : events;
    for (const { type, fields } of twice) this.send(type, fields);
  }

  #createHost(): ResponseHost {
    const session = this;
    const { settings, mind, voicebox } = this.#parts;
    return {
      settings,
      conversationId: this.conversationId,
      get config() {
        return session.config;
      },
      send: (type, fields) => this.send(type, fields),
      addToConversation: (stored) => {
        const added = this.conversation.add(stored);
        const previous = "problem" in added ? null : added.previousItemId;
        this.send("conversation.item.added", { previous_item_id: previous, item: viewOf(stored.item) });
      },
      doneInConversation: (stored) => {
        const { items } = this.conversation;
        const at = items.indexOf(stored);
        // Deleted while it was being made: the conversation knows nothing of it any more.
        if (at < 0) return;
        const previous = items[at - 1]?.item.id ?? null;
        this.send("conversation.item.done", { previous_item_id: previous, item: viewOf(stored.item) });
      },
      audioSent: (pcm) => {
        this.voiceLocked = true;
        this.outputRecord.push(pcm);
      },
      momentOf: (items, instructions) => momentOf(items, instructions, (itemId) => this.#heard.get(itemId)),
      decide: (moment) => mind.decide(moment),
      speech: (text) => {
        const { voice } = this.config.audio.output;
        return voicebox.speech(text, typeof voice === "string" ? voice : voice.id);
      },
      signal: (name, durationMs) => voicebox.signal(name, durationMs),
      usage: (context, output) => {
        const usage = usageOf(context, this.#previousContext, output);
        this.#previousContext = context;
        this.#rateLimits.spend(usage.total_tokens);
        return usage;
      },
      ended: (response) => this.#ended(response),
      failed: (error) => this.#record("response_failed", { message: String(error) }),
    };
  }

  #ended(response: ModelResponse): void {
    this.#responses.delete(response);
    this.send("rate_limits.updated", { rate_limits: this.#rateLimits.view() });
    this.#transcriber.responseDone();
    if (!response.isOutOfBand) this.input.idleFrom(this.input.clockMs + response.audioMs);
  }

  #refuse(problem: ApiProblem, eventId: string | undefined): void {
    const named = this.#parts.settings.errorsNameEvents ? (eventId ?? null) : null;
    this.send("error", { error: { ...problem, event_id: named } });
  }

  #record(type: string, event: JsonObject): void {
    this.#parts.log.record("openai", type, { sessionId: this.id, event: forLog(event) });
  }
}
