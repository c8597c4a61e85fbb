import type {
  RealtimeClientEvent,
  RealtimeErrorEvent,
  RealtimeServerEvent,
  RealtimeSessionCreateRequest,
} from "openai/resources/realtime/realtime";
import { deferred, unlessAborted, withDeadline } from "../deadline.ts";
import type { SafeEmitter } from "../emitter.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { CloseNotice, SessionEvents } from "./client-events.ts";
import { Connection, type ConnectionClosed, checkServer } from "./connection.ts";
import { Conversation, type ConversationChange } from "./conversation/conversation.ts";
import { ErrorReports } from "./error-reports.ts";
import { EventNames } from "./event-names.ts";
import { InputAudio } from "./input-audio.ts";
import { ModelError, modelErrorOf } from "./model-errors.ts";
import type { ModelSessionOptions } from "./model-session-options.ts";
import { PcmDecoder } from "./pcm.ts";
import { Requests } from "./requests.ts";
import { chooseModel } from "./session/config.ts";
import { Settings } from "./session/settings.ts";
import { Telling } from "./telling.ts";
import { ToolRunner } from "./tools/runner.ts";
import { TurnRunner } from "./turn/runner.ts";
import { turnEventsOf } from "./turn/server-events.ts";
import type { AgentState, ToolCall, Wish } from "./turn/types.ts";

const openAiBaseUrl = "https://api.openai.com/v1";

/**
 * One session with a model, from its socket to its end: settings, turns, tools, conversation and audio, each in its own part,
 * joined here. `events` tells everything that happens, in order: a server event first, then what it brought about.
 */
export class ModelSession {
  readonly settings: Settings;
  readonly conversation: Conversation;
  readonly audio: InputAudio;
  readonly requests: Requests;
  readonly #telling: Telling<SessionEvents>;
  readonly #logger: Logger;
  readonly #connection: Connection;
  readonly #turn: TurnRunner;
  readonly #tools: ToolRunner;
  readonly #errors: ErrorReports;
  readonly #names = new EventNames();
  readonly #decoder = new PcmDecoder();
  readonly #ready = deferred();
  #end: CloseNotice | undefined;

  /** Throws InvalidInputError where connecting can never work; what a caller asks before it opens anything else. */
  static check({ apiKey, baseUrl }: Pick<ModelSessionOptions, "apiKey" | "baseUrl">): void {
    checkServer({ apiKey, baseUrl });
  }

  /**
   * Opens a session. Resolves when the server has acknowledged its settings; no audio is sent before `audio.listen()`.
   * Rejects with a ModelError (`reason`: model_refused or model_lost) that says what to do, or with AbortedError; nothing
   * is left open.
   */
  static async open(options: ModelSessionOptions): Promise<ModelSession> {
    const session = new ModelSession(options);
    try {
      await unlessAborted(session.#opened(options.connectTimeoutMs), options.signal, "opening the model session");
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private constructor(options: ModelSessionOptions) {
    const { voice, logger, keepAudio = false } = options;
    this.#logger = logger;
    this.#telling = new Telling((event, error) => logger.error("session_listener_failed", { listener: event, error }));
    this.conversation = new Conversation({ keepAudio });
    const send = (event: RealtimeClientEvent) => this.send(event);
    this.settings = new Settings({
      first: options.session ?? {},
      tools: options.tools,
      send,
      onChange: () => this.#onSettings(),
      logger,
    });
    this.audio = new InputAudio({
      send,
      mayHear: () => this.#end === undefined && this.settings.isSettled,
      onHeldCommit: () => this.requests.hold(),
      onSent: keepAudio ? (pcm) => this.conversation.heardInput(pcm) : undefined,
      maxHeldMs: options.maxHeldAudioMs ?? 30_000,
      logger,
    });
    this.#errors = new ErrorReports({
      tell: (notice) => this.#tell("error", notice),
      giveUp: (error) => this.#finish({ cause: error.reason, detail: error.message, error }),
      logger,
    });
    this.#tools = new ToolRunner({
      tools: this.settings.tools,
      onSlow: ({ call, sentence }) => this.#turn.dispatch({ type: "tool_slow", itemId: call.itemId, sentence }),
      logger,
    });
    this.#turn = new TurnRunner({
      voice,
      logger,
      send,
      runTool: (call) => void this.#runTool(call),
      onAgentState: (state) => this.#tell("agent.state", { state }),
      onAbandoned: (wish) => this.#onAbandoned(wish),
    });
    this.requests = new Requests({
      turn: this.#turn,
      tools: this.#tools,
      audio: this.audio,
      settings: this.settings,
      send,
      logger,
    });
    // Rejected where a session ends that nobody waits for.
    this.#ready.promise.catch(() => undefined);
    const { model, warnings } = chooseModel(options.model);
    for (const warning of warnings) logger.warn("model_replaced", { warning });
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

  get events(): SafeEmitter<SessionEvents> {
    return this.#telling.events;
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

  /** Whether `what` can still be done. The call may have ended between the event that an application answers and its answer: that is logged, not thrown. */
  isUsable(what: string): boolean {
    if (this.#end === undefined) return true;
    this.#logger.warn("ignored_after_close", { what, cause: this.#end.cause });
    return false;
  }

  /** Puts an event on the wire as it is. Dropped where the session is over. */
  send(event: RealtimeClientEvent): void {
    if (!this.#connection.send(event)) return;
    this.conversation.sent(event);
    this.#tell("realtime.event", { time: new Date().toISOString(), source: "client", event });
  }

  /** Ends the session by our own wish. Resolves when the socket is gone; the end is told at once. Idempotent, never rejects. */
  close(notice: CloseNotice = { cause: "disconnected", detail: "disconnect() was called." }): Promise<void> {
    this.#finish(notice);
    return this.#connection.close();
  }

  async #opened(timeoutMs = 10_000): Promise<void> {
    try {
      await this.#connection.opened();
      await withDeadline(this.#ready.promise, timeoutMs, "Waiting for the model session to accept its settings");
    } catch (cause) {
      if (cause instanceof ModelError) throw cause;
      throw modelErrorOf({ message: `${messageOf(cause)}.` }, "model_unreachable", { cause });
    }
  }

  #onSettings(): void {
    this.audio.release();
    this.requests.hold();
  }

  async #runTool(call: ToolCall): Promise<void> {
    const { itemId, callId, name } = call;
    const isFarewell = this.settings.tools.get(name)?.isFarewell === true;
    this.#tell("tool.started", { name, callId });
    const finished = await this.#tools.run(call);
    // Given up: the application has answered it itself, or the session is over.
    if (finished.status === "abandoned") return;
    const { output, status } = finished;
    this.#turn.dispatch({ type: "tool_finished", itemId, output, isFarewell: isFarewell && status === "done" });
    if (this.#end === undefined) this.#tell("tool.finished", finished);
  }

  #onServerEvent(received: RealtimeServerEvent): void {
    if (this.#end !== undefined) return;
    const event = this.#names.toGaEvent(received);
    if (event === undefined) return;
    let changes: ConversationChange[] = [];
    this.#telling.asEffect(
      () => {
        try {
          changes = this.#apply(event);
        } catch (error) {
          this.#logger.error("server_event_failed", { type: event.type, error });
        }
      },
      () => this.#tellServerEvent(event, changes),
    );
  }

  #tellServerEvent(event: RealtimeServerEvent, changes: readonly ConversationChange[]): void {
    this.#tell("realtime.event", { time: new Date().toISOString(), source: "server", event });
    if (event.type !== "error") this.#tell(event.type, ...([event] as unknown as never));
    if (event.type === "input_audio_buffer.speech_started") this.#tell("conversation.interrupted");
    for (const change of changes) this.#tellChange(change);
  }

  #apply(event: RealtimeServerEvent): ConversationChange[] {
    switch (event.type) {
      case "session.created":
        this.settings.begin();
        break;
      case "session.updated":
        this.settings.acknowledge(event.session as RealtimeSessionCreateRequest);
        this.#ready.resolve();
        break;
      case "response.output_audio.delta": {
        const part = { itemId: event.item_id, contentIndex: event.content_index };
        const pcm = this.#decoder.decode(`${part.itemId} ${part.contentIndex}`, event.delta);
        this.settings.isVoiceHeard = true;
        const { response_id: responseId } = event;
        this.#turn.dispatch({ type: "audio_received", responseId, part, sampleCount: pcm.length }, pcm);
        return this.conversation.apply(event, pcm);
      }
      case "input_audio_buffer.committed":
      case "input_audio_buffer.cleared":
        this.audio.emptied();
        break;
      case "response.done":
        if (event.response.status === "failed") this.#errors.failed(event.response);
        break;
      case "error":
        this.#onError(event);
        break;
    }
    for (const turnEvent of turnEventsOf(event)) this.#turn.dispatch(turnEvent);
    return this.conversation.apply(event);
  }

  #onError({ error, event_id }: RealtimeErrorEvent): void {
    const eventId = error.event_id ?? undefined;
    const update = this.settings.refuse(eventId, error.param ?? undefined, error.message);
    // What is left of a refused update is on its way again.
    this.requests.hold();
    if (eventId !== undefined) this.requests.refused(eventId);
    this.#errors.reportAfter(update, error, event_id);
    if (update !== "lost") return;
    const message = `The model server refused the session's settings: ${error.message} Correct them and start again.`;
    this.#ready.reject(new ModelError("model_refused", error.code ?? "session_refused", message));
  }

  #onAbandoned(wish: Wish): void {
    const message = `The response wished as ${wish.id} was given up after ${wish.attemptCount} attempts.`;
    this.#errors.report({ type: "client_error", code: "response_abandoned", message });
  }

  #onClosed(closed: ConnectionClosed): void {
    const { rotation } = this.#errors;
    const error = rotation ? modelErrorOf(rotation, "model_lost") : closed.error;
    this.#finish({ cause: error?.reason ?? "model_lost", detail: closed.detail, ...(error ? { error } : {}) });
  }

  #finish(notice: CloseNotice): void {
    if (this.#end !== undefined) return;
    this.#end = notice;
    this.#turn.close();
    this.#tools.close();
    this.settings.close();
    this.#ready.reject(notice.error ?? new ModelError("model_lost", "model_lost", notice.detail));
    this.#tell("close", notice);
    // Never rejects; a socket that is gone already is closed at once.
    void this.#connection.close();
  }

  #tellChange(change: ConversationChange): void {
    const { item } = change;
    if (change.type === "updated") this.#tell("conversation.updated", { item, delta: change.delta });
    else if (change.type === "appended") this.#tell("conversation.item.appended", { item });
    else this.#tell("conversation.item.completed", { item });
  }

  #tell<Name extends keyof SessionEvents>(name: Name, ...args: SessionEvents[Name]): void {
    this.#telling.tell(name, ...args);
  }
}
