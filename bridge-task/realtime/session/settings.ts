import type { RealtimeSessionCreateRequest, SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { InvalidInputError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Tool, Toolbox, type ToolDefinition, type ToolHandler, type ToolOptions } from "../tools/toolbox.ts";
import { defaultSession, mergeSessions, normalizeSession } from "./config.ts";
import type { SessionUpdate } from "./keys.ts";
import { isTree } from "./tree.ts";
import { SessionUpdates } from "./updates.ts";

export interface SettingsOptions {
  /** On top of `defaultSession()`. */
  first: SessionUpdate;
  send: (event: SessionUpdateEvent) => void;
  /** An update is on its way, or all are answered. */
  onChange: () => void;
  logger: Logger;
}

/** What the session is to be like, and what of it is in force. */
export class Settings {
  readonly tools = new Toolbox();
  /** The voice cannot change any more. */
  isVoiceHeard = false;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #updates: SessionUpdates;
  readonly #first: RealtimeSessionCreateRequest;
  #config: RealtimeSessionCreateRequest;
  /** As the server told it last. */
  #inForce: RealtimeSessionCreateRequest | undefined;
  #isTemperatureTold = false;

  /** Throws InvalidInputError where the first settings can never work. */
  constructor({ first, send, onChange, logger }: SettingsOptions) {
    this.#logger = logger;
    this.#onChange = onChange;
    this.#updates = new SessionUpdates({ send, onSettled: () => this.#onSettled(), logger });
    this.#config = defaultSession();
    this.#first = mergeSessions(this.#config, this.#normalize(first));
    this.#config = this.#first;
  }

  /** What was asked for; once all of it is answered, what the server says is in force. */
  get config(): RealtimeSessionCreateRequest {
    return this.#config;
  }

  get isSettled(): boolean {
    return this.#updates.isSettled;
  }

  settled(): Promise<void> {
    return this.#updates.settled();
  }

  /** The session is there: it gets its first settings. */
  begin(): void {
    this.#updates.send(this.#first);
  }

  /** Throws InvalidInputError, with nothing changed, where the update can never work. */
  update(update: SessionUpdate, eventId?: string): void {
    this.#change(this.#normalize(update), eventId);
  }

  addTool(definition: ToolDefinition, handler: ToolHandler, options?: ToolOptions): Tool {
    const tool = this.tools.add(definition, handler, options ?? {});
    this.#change(this.#normalize({}, true));
    return tool;
  }

  removeTool(name: string): void {
    this.tools.remove(name);
    this.#change(this.#normalize({}, true));
  }

  /** The server said `session.updated`. */
  acknowledge(session: RealtimeSessionCreateRequest): void {
    this.#inForce = session;
    this.#updates.acknowledge();
  }

  /** The server refused what was sent as `eventId`. Tells whether that was an update, and whether the rest of it was sent again. */
  refuse(eventId: string | undefined, param: string | undefined): ReturnType<SessionUpdates["refuse"]> {
    return this.#updates.refuse(eventId, param);
  }

  close(): void {
    this.#updates.close();
  }

  /** What was refused, or never answered, is not what the session is like. */
  #onSettled(): void {
    if (this.#inForce !== undefined) this.#config = this.#inForce;
    this.#onChange();
  }

  #change(session: RealtimeSessionCreateRequest | undefined, eventId?: string): void {
    if (session === undefined) return;
    this.#config = mergeSessions(this.#config, session);
    this.#updates.send(session, eventId);
    this.#onChange();
  }

  #normalize(update: SessionUpdate, withTools = false): RealtimeSessionCreateRequest | undefined {
    if (!isTree(update)) {
      throw new InvalidInputError('a session update is an object of settings, such as { instructions: "…" }');
    }
    const { temperature, ...rest } = update;
    const asked = this.#isTemperatureTold ? rest : update;
    this.#isTemperatureTold ||= temperature !== undefined;
    const { tools } = update;
    const isDeclaring = Array.isArray(tools);
    if (isDeclaring) this.tools.declare(tools);
    const all = withTools || isDeclaring ? { tools: this.tools.definitions() } : {};
    const state = { voiceHeard: this.isVoiceHeard, tracing: this.#config.tracing };
    const { session, warnings } = normalizeSession({ ...asked, ...all }, state);
    for (const warning of warnings) this.#logger.warn("session_setting_left_out", { warning });
    return session;
  }
}
