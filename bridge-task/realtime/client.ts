import { randomUUID } from "node:crypto";
import { unlessAborted } from "../deadline.ts";
import { SafeEmitter } from "../emitter.ts";
import type { Logger } from "../log.ts";
import type { CloseNotice, RealtimeClientEvents } from "./client-events.ts";
import { checkServer } from "./connection.ts";
import { ModelSession } from "./model-session.ts";
import type { ModelSessionOptions } from "./model-session-options.ts";
import type { SessionUpdate } from "./session-settings.ts";
import type { AgentState, ResponseParameters } from "./turn-types.ts";
import { type UserContentPart, wireContentOf } from "./user-content.ts";

export type { CloseNotice, ErrorNotice, RealtimeClientEvents, RealtimeRecord } from "./client-events.ts";
export type { SessionUpdate } from "./session-settings.ts";
export type { AgentState, ResponseParameters } from "./turn-types.ts";
export type { UserContentPart } from "./user-content.ts";
export type { SpokenPart, Voice } from "./voice.ts";

export type RealtimeClientOptions = ModelSessionOptions;

/** At most 32 characters, as the server demands of item ids. */
const newItemId = (): string => `item_${randomUUID().replaceAll("-", "").slice(0, 24)}`;

/**
 * A session with an OpenAI Realtime model: what `connectOpenAi` returns. Settings, typed messages and wishes for a response
 * go in, everything that happens comes out through `on`. Who may speak when is the turn reducer's business, so nothing done
 * here can wedge the session: a call at the wrong time waits for the right one.
 *
 * @example
 * client.on("response.done", ({ response }) => console.log(response.status));
 * client.sendUserMessageContent([{ type: "input_text", text: "What can you help me with?" }]);
 */
export class RealtimeClient {
  readonly #logger: Logger;
  readonly #emitter: SafeEmitter<RealtimeClientEvents>;
  readonly #session: ModelSession;
  #leave: (() => Promise<unknown>) | undefined;

  private constructor(options: RealtimeClientOptions) {
    const { logger } = options;
    this.#logger = logger;
    this.#emitter = new SafeEmitter((event, error) => logger.error("listener_failed", { listener: event, error }));
    this.#session = new ModelSession(options, (name, ...args) => this.#emitter.emit(name, ...args));
  }

  /** Throws InvalidInputError where connecting can never work; what a caller asks before it opens anything else. */
  static check({ apiKey, baseUrl }: Pick<RealtimeClientOptions, "apiKey" | "baseUrl">): void {
    checkServer({ apiKey, baseUrl });
  }

  /**
   * Opens a session. Resolves when the server has acknowledged its settings; no audio is sent before `listen()`.
   * Rejects with a ModelError (`reason`: model_refused or model_lost) that says what to do, or with AbortedError; nothing
   * is left open.
   */
  static async connect(options: RealtimeClientOptions): Promise<RealtimeClient> {
    const client = new RealtimeClient(options);
    try {
      await unlessAborted(client.#session.ready(options.connectTimeoutMs), options.signal, "opening the model session");
      return client;
    } catch (error) {
      await client.#session.close();
      throw error;
    }
  }

  on<Name extends keyof RealtimeClientEvents>(
    name: Name,
    listener: (...args: RealtimeClientEvents[Name]) => unknown,
  ): typeof listener {
    this.#emitter.on(name, listener);
    return listener;
  }

  once<Name extends keyof RealtimeClientEvents>(
    name: Name,
    listener: (...args: RealtimeClientEvents[Name]) => unknown,
  ): typeof listener {
    this.#emitter.once(name, listener);
    return listener;
  }

  off<Name extends keyof RealtimeClientEvents>(
    name: Name,
    listener: (...args: RealtimeClientEvents[Name]) => unknown,
  ): void {
    this.#emitter.off(name, listener);
  }

  isConnected(): boolean {
    return this.#session.isOpen;
  }

  /** Resolves at once: `connect` does not resolve without a session. */
  async waitForSessionCreated(): Promise<true> {
    return true;
  }

  /** Changes the settings that are named, now. Old flat keys and today's nested ones both work. */
  updateSession(update: SessionUpdate): true {
    if (this.#isUsable("updateSession")) this.#session.update(update);
    return true;
  }

  /** Resolves when every settings update made so far is in force or refused. */
  updatesSettled(): Promise<void> {
    return this.#session.updatesSettled();
  }

  /** Adds what a user wrote to the conversation and has the model respond to it. With no parts: just respond. */
  sendUserMessageContent(parts: readonly UserContentPart[] = []): true {
    if (parts.length === 0) return this.createResponse();
    if (!this.#isUsable("sendUserMessageContent")) return true;
    const id = newItemId();
    this.#session.createUserMessage(id, parts.map(wireContentOf));
    this.#session.wish({ sees: [id] });
    return true;
  }

  /** Has the model respond: now, or when the response or the person that is speaking has ended. */
  createResponse(parameters?: ResponseParameters): true {
    if (!this.#isUsable("createResponse")) return true;
    this.#session.commitHeardAudio();
    this.#session.wish({ parameters });
    return true;
  }

  /**
   * Has the model say something of its own accord, such as a greeting; `instructions` come on top of the session's.
   * Given up when a person speaks first.
   */
  prompt(instructions: string): void {
    if (!this.#isUsable("prompt")) return;
    // A response's own instructions replace the session's, so both are sent.
    const both = [this.#session.instructions, instructions].filter((text) => text !== "").join("\n\n");
    this.#session.wish({ parameters: { instructions: both }, yieldsToSpeech: true });
  }

  /** Ends what the agent is saying, or was about to say. The conversation keeps what was heard of it. */
  cancelResponse(): { item: null } {
    if (this.#isUsable("cancelResponse")) this.#session.cancel();
    return { item: null };
  }

  /** Takes the agent out of the call and ends the session. Resolves when both are done. Idempotent, never rejects. */
  async disconnect(): Promise<void> {
    await (this.#leave?.() ?? this.#session.close());
  }

  /** Bridge side: from here on `disconnect()` means leaving the call, which ends the session in its course. */
  onDisconnect(leave: () => Promise<unknown>): void {
    this.#leave = leave;
  }

  /** Bridge side: ends the session and tells the application why. Idempotent, never rejects. */
  close(notice: CloseNotice): Promise<void> {
    return this.#session.close(notice);
  }

  /** Why the session ended; undefined while it lasts. What `close` tells, for those who come late. */
  get end(): CloseNotice | undefined {
    return this.#session.end;
  }

  /** What the agent is doing now; `agent.state` tells each change. */
  get agentState(): AgentState {
    return this.#session.agentState;
  }

  /** Bridge side: what people say, 24 kHz mono. Sent at once where the session may hear, else kept. */
  appendInputAudio(pcm: Int16Array): void {
    this.#session.appendInputAudio(pcm);
  }

  /** Bridge side: opens the ears. What was kept is sent first, as soon as no settings update is unanswered. */
  listen(): void {
    this.#session.listen();
  }

  #isUsable(what: string): boolean {
    const { end } = this.#session;
    if (end === undefined) return true;
    // Not thrown: the call may have ended between the event that an application answers and its answer.
    this.#logger.warn("ignored_after_close", { what, cause: end.cause });
    return false;
  }
}
