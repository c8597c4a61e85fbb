import type {
  RealtimeClientEvent,
  RealtimeConversationItemUserMessage,
  RealtimeError,
  RealtimeErrorEvent,
  RealtimeServerEvent,
  RealtimeSessionCreateRequest,
} from "openai/resources/realtime/realtime";
import { deferred, withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { AudioGate } from "./audio-gate.ts";
import type { CloseNotice, RealtimeClientEvents } from "./client-events.ts";
import { Connection, type ConnectionClosed } from "./connection.ts";
import { classifyError, ModelError, modelErrorOf } from "./model-errors.ts";
import type { ModelSessionOptions } from "./model-session-options.ts";
import { encodePcm, PcmDecoder, samplesPerMs } from "./pcm.ts";
import { turnEventOf } from "./server-events.ts";
import { chooseModel, defaultSession, mergeSessions, normalizeSession } from "./session-config.ts";
import type { SessionUpdate } from "./session-settings.ts";
import { SessionUpdates } from "./session-updates.ts";
import { TurnRunner } from "./turn-runner.ts";
import type { AgentState, Wish } from "./turn-types.ts";

type Tell = <Name extends keyof RealtimeClientEvents>(name: Name, ...args: RealtimeClientEvents[Name]) => void;

const openAiBaseUrl = "https://api.openai.com/v1";
/** The server commits no less than this. */
const smallestCommitMs = 100;

/**
 * One session with a model, from its socket to its end: settings, turns and audio, each in its own part, joined here.
 * `tell` hears everything that happens, in order: a server event first, then what it brought about.
 */
export class ModelSession {
  readonly #logger: Logger;
  readonly #tell: Tell;
  readonly #connection: Connection;
  readonly #turn: TurnRunner;
  readonly #updates: SessionUpdates;
  readonly #gate: AudioGate;
  readonly #decoder = new PcmDecoder();
  readonly #ready = deferred<void>();
  readonly #firstSession: RealtimeSessionCreateRequest;
  #instructions = "";
  #isListening = false;
  #isVoiceHeard = false;
  #isTemperatureTold = false;
  #uncommittedSamples = 0;
  #wishCount = 0;
  #lastRotation: RealtimeError | undefined;
  #end: CloseNotice | undefined;
  /** Set while a server event is being applied: what it brings about is told after the event itself. */
  #deferred: (() => void)[] | undefined;

  /** Begins to connect. Throws InvalidInputError where that can never work. */
  constructor(options: ModelSessionOptions, tell: Tell) {
    const { voice, logger, maxHeldAudioMs = 30_000 } = options;
    this.#logger = logger;
    this.#tell = tell;
    this.#gate = new AudioGate(maxHeldAudioMs);
    const { model, warnings } = chooseModel(options.model);
    for (const warning of warnings) logger.warn("model_replaced", { warning });
    this.#firstSession = mergeSessions(defaultSession(), this.#normalize(options.session ?? {}));
    // Rejected where a session ends that nobody waits for.
    this.#ready.promise.catch(() => undefined);
    this.#turn = new TurnRunner({
      voice,
      logger,
      send: (event) => this.#send(event),
      onAgentState: (state) => this.#emit("agent.state", { state }),
      onAbandoned: (wish) => this.#onAbandoned(wish),
    });
    this.#updates = new SessionUpdates({
      send: (event) => this.#send(event),
      onSettled: () => this.#releaseAudio(),
      logger,
    });
    this.#connection = new Connection({
      apiKey: options.apiKey,
      model,
      baseUrl: options.baseUrl ?? openAiBaseUrl,
      logger,
      onEvent: (event) => this.#onServerEvent(event),
      onClosed: (closed) => this.#onClosed(closed),
      wsOptions: options.wsOptions,
      openTimeoutMs: options.connectTimeoutMs,
      pingIntervalMs: options.pingIntervalMs,
      pongTimeoutMs: options.pongTimeoutMs,
    });
  }

  /** Resolves when the server has acknowledged the settings. Rejects with a ModelError, with nothing left open. */
  async ready(timeoutMs = 10_000): Promise<void> {
    try {
      await this.#connection.opened();
      await withDeadline(this.#ready.promise, timeoutMs, "Waiting for the model session to accept its settings");
    } catch (cause) {
      await this.close();
      if (cause instanceof ModelError) throw cause;
      throw modelErrorOf({ message: `${messageOf(cause)}.` }, "model_unreachable", { cause });
    }
  }

  /** Why it ended; undefined while it lasts. */
  get end(): CloseNotice | undefined {
    return this.#end;
  }

  get isOpen(): boolean {
    return this.#end === undefined && this.#connection.isOpen;
  }

  get agentState(): AgentState {
    return this.#turn.agentState;
  }

  /** The instructions in force. */
  get instructions(): string {
    return this.#instructions;
  }

  update(update: SessionUpdate): void {
    const session = this.#normalize(update);
    if (session !== undefined) this.#updates.send(session);
  }

  updatesSettled(): Promise<void> {
    return this.#updates.settled();
  }

  /** Adds a user's message to the conversation. `id`: at most 32 characters. */
  createUserMessage(id: string, content: RealtimeConversationItemUserMessage["content"]): void {
    this.#turn.dispatch({ type: "item_sent", itemId: id });
    // An error names the event it answers: by this id it is known which item was refused.
    const item = { id, type: "message" as const, role: "user" as const, content };
    this.#send({ type: "conversation.item.create", event_id: id, item });
  }

  wish(wanted: Partial<Pick<Wish, "parameters" | "sees" | "yieldsToSpeech">>): void {
    this.#wishCount += 1;
    const wish = { parameters: undefined, sees: [], yieldsToSpeech: false, attemptCount: 0, ...wanted };
    this.#turn.dispatch({ type: "response_wanted", wish: { ...wish, id: `wish_${this.#wishCount}` } });
  }

  cancel(): void {
    this.#turn.dispatch({ type: "cancel_wanted" });
  }

  /** Without voice activity detection, what was heard becomes a message only when somebody says so. */
  commitHeardAudio(): void {
    if (this.#turn.turnDetection !== null || this.#uncommittedSamples < smallestCommitMs * samplesPerMs) return;
    this.#send({ type: "input_audio_buffer.commit" });
    this.#uncommittedSamples = 0;
  }

  appendInputAudio(pcm: Int16Array): void {
    if (this.#end !== undefined || pcm.length === 0) return;
    if (this.#isListening && this.#updates.isSettled) this.#sendAudio(pcm);
    else this.#gate.hold(pcm);
  }

  listen(): void {
    this.#isListening = true;
    if (this.#updates.isSettled) this.#releaseAudio();
  }

  /** Ends the session by our own wish. Resolves when the socket is gone; the end is told at once. Idempotent, never rejects. */
  close(notice: CloseNotice = { cause: "disconnected", detail: "disconnect() was called." }): Promise<void> {
    this.#finish(notice);
    return this.#connection.close();
  }

  #normalize(update: SessionUpdate): RealtimeSessionCreateRequest | undefined {
    const { temperature, ...rest } = update;
    const asked = this.#isTemperatureTold ? rest : update;
    this.#isTemperatureTold ||= temperature !== undefined;
    const { session, warnings } = normalizeSession(asked, { voiceHeard: this.#isVoiceHeard });
    for (const warning of warnings) this.#logger.warn("session_setting_left_out", { warning });
    return session;
  }

  #send(event: RealtimeClientEvent): void {
    if (!this.#connection.send(event)) return;
    this.#emit("realtime.event", { time: new Date().toISOString(), source: "client", event });
  }

  #sendAudio(pcm: Int16Array): void {
    this.#uncommittedSamples += pcm.length;
    this.#send({ type: "input_audio_buffer.append", audio: encodePcm(pcm) });
  }

  #releaseAudio(): void {
    if (!this.#isListening || this.#end !== undefined) return;
    const { heldMs, droppedMs } = this.#gate;
    if (heldMs > 0) this.#logger.debug("held_audio_released", { heldMs, droppedMs });
    for (const pcm of this.#gate.release()) this.#sendAudio(pcm);
  }

  #onServerEvent(event: RealtimeServerEvent): void {
    if (this.#end !== undefined) return;
    this.#deferred = [];
    try {
      this.#apply(event);
    } catch (error) {
      this.#logger.error("server_event_failed", { type: event.type, error });
    }
    const deferred = this.#deferred;
    this.#deferred = undefined;
    this.#emit("realtime.event", { time: new Date().toISOString(), source: "server", event });
    if (event.type !== "error") this.#emit(event.type, ...([event] as unknown as never));
    if (event.type === "input_audio_buffer.speech_started") this.#emit("conversation.interrupted");
    for (const tell of deferred) tell();
  }

  #apply(event: RealtimeServerEvent): void {
    switch (event.type) {
      case "session.created":
        this.#updates.send(this.#firstSession);
        break;
      case "session.updated":
        this.#instructions = ("instructions" in event.session && event.session.instructions) || "";
        this.#updates.acknowledge();
        this.#ready.resolve();
        break;
      case "response.output_audio.delta": {
        const part = { itemId: event.item_id, contentIndex: event.content_index };
        const pcm = this.#decoder.decode(`${part.itemId} ${part.contentIndex}`, event.delta);
        this.#isVoiceHeard = true;
        const { response_id: responseId } = event;
        this.#turn.dispatch({ type: "audio_received", responseId, part, sampleCount: pcm.length }, pcm);
        return;
      }
      case "input_audio_buffer.committed":
      case "input_audio_buffer.cleared":
        this.#uncommittedSamples = 0;
        break;
      case "response.done":
        if (event.response.status === "failed") this.#onFailedResponse(event);
        break;
      case "error":
        this.#onError(event);
        break;
    }
    const turnEvent = turnEventOf(event);
    if (turnEvent !== undefined) this.#turn.dispatch(turnEvent);
  }

  #onError({ error, event_id }: RealtimeErrorEvent): void {
    const eventId = error.event_id ?? undefined;
    const update = eventId === undefined ? "no_update" : this.#updates.refuse(eventId, error.param ?? undefined);
    if (eventId !== undefined) this.#turn.dispatch({ type: "item_settled", itemId: eventId });
    const repaired = update === "repaired" ? { advice: "The rest of the update was sent again without it." } : {};
    this.#report(error, { ...(event_id ? { event_id } : {}), ...repaired });
    if (update !== "lost") return;
    const message = `The model server refused the session's settings: ${error.message} Correct them and start again.`;
    this.#ready.reject(new ModelError("model_refused", error.code ?? "session_refused", message));
  }

  #onFailedResponse({ response }: Extract<RealtimeServerEvent, { type: "response.done" }>): void {
    const { code, type, message } = response.status_details?.error ?? {};
    this.#report({ type: type ?? "server_error", code: code ?? null, message: message ?? "The response failed." });
  }

  /** Tells the application of an error, unless it is a harmless race, and ends the session where no other could succeed. */
  #report(upstream: RealtimeError, extra: { event_id?: string; advice?: string } = {}): void {
    const { action, quiet, advice } = classifyError(upstream);
    const { code, type, message, param } = upstream;
    this.#logger[quiet ? "debug" : "warn"]("model_error", { code, type, param, action, "pii.message": message });
    if (action === "rotate") this.#lastRotation = upstream;
    if (!quiet) this.#emit("error", { type: "error", error: upstream, message, action, advice, ...extra });
    if (action !== "give_up") return;
    const error = modelErrorOf(upstream, "model_lost");
    this.#finish({ cause: error.reason, detail: error.message, error });
  }

  #onAbandoned(wish: Wish): void {
    const message = `The response wished as ${wish.id} was given up after ${wish.attemptCount} attempts.`;
    this.#report({ type: "client_error", code: "response_abandoned", message });
  }

  #onClosed(closed: ConnectionClosed): void {
    const error = this.#lastRotation ? modelErrorOf(this.#lastRotation, "model_lost") : closed.error;
    this.#finish({ cause: error?.reason ?? "model_lost", detail: closed.detail, ...(error ? { error } : {}) });
  }

  #finish(notice: CloseNotice): void {
    if (this.#end !== undefined) return;
    this.#end = notice;
    this.#turn.close();
    this.#updates.close();
    this.#ready.reject(notice.error ?? new ModelError("model_lost", "model_lost", notice.detail));
    this.#emit("close", notice);
    // Never rejects; a socket that is gone already is closed at once.
    void this.#connection.close();
  }

  #emit<Name extends keyof RealtimeClientEvents>(name: Name, ...args: RealtimeClientEvents[Name]): void {
    if (this.#deferred !== undefined) this.#deferred.push(() => this.#tell(name, ...args));
    else this.#tell(name, ...args);
  }
}
