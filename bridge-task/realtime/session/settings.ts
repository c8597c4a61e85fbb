import type { RealtimeSessionCreateRequest, SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { InvalidInputError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import {
  type NewTool,
  type Tool,
  Toolbox,
  type ToolDefinition,
  type ToolHandler,
  type ToolOptions,
} from "../tools/toolbox.ts";
import { defaultSession, draftSession, mergeSessions } from "./config.ts";
import type { SessionUpdate } from "./keys.ts";
import { type AppliedSettings, appliedOf, type NotApplied } from "./outcome.ts";
import { asUpdate } from "./repair.ts";
import { isTree } from "./tree.ts";
import { SessionUpdates } from "./updates.ts";

export interface SettingsOptions {
  /** On top of `defaultSession()`. */
  first: SessionUpdate;
  tools?: readonly NewTool[] | undefined;
  send: (event: SessionUpdateEvent) => void;
  /** An update is on its way, or all are answered. */
  onChange: () => void;
  logger: Logger;
}

/** Tools that come and go in one update. */
export interface ToolChanges {
  /** Names; taken away first, as far as they are there. */
  remove?: readonly string[] | undefined;
  add?: readonly NewTool[] | undefined;
}

/** An update as it goes to the server, undefined where nothing is left of it, and what was left out of it. */
interface Normalized {
  session: RealtimeSessionCreateRequest | undefined;
  changes: readonly NotApplied[];
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
  constructor({ first, tools = [], send, onChange, logger }: SettingsOptions) {
    this.#logger = logger;
    this.#onChange = onChange;
    this.#updates = new SessionUpdates({ send, onSettled: () => this.#onSettled(), logger });
    this.#config = defaultSession();
    this.tools.change({ add: tools });
    this.#first = mergeSessions(this.#config, this.#normalize(first, tools.length > 0).session);
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
    void this.#updates.send(this.#first);
  }

  /** Throws InvalidInputError, with nothing changed, where the update can never work. */
  update(update: SessionUpdate, eventId?: string): void {
    void this.#change(this.#normalize(update).session, eventId);
  }

  /** The same, with changes of the tools, and told what came of it. Throws InvalidInputError, with nothing changed. */
  apply(update: SessionUpdate, tools: ToolChanges): Promise<AppliedSettings> {
    const { result, undo } = this.tools.atomically(() => {
      this.tools.change({ remove: tools.remove });
      if (isTree(update) && Array.isArray(update.tools)) this.tools.declare(update.tools);
      this.tools.change({ add: tools.add });
      const isChanged = [tools.remove, tools.add].some((list) => list !== undefined && list.length > 0);
      return this.#normalize(update, isChanged);
    });
    const { session, changes } = result;
    return this.#change(session).then((lost) => {
      // The server goes on with the tools it had, and so must we.
      if (lost.some(({ field }) => field === "tools")) undo();
      return appliedOf(update, session, [...changes, ...lost]);
    });
  }

  addTool(definition: ToolDefinition, handler: ToolHandler, options?: ToolOptions): Tool {
    const tool = this.tools.add(definition, handler, options ?? {});
    void this.#change(this.#normalize({}, true).session);
    return tool;
  }

  removeTool(name: string): void {
    this.tools.remove(name);
    void this.#change(this.#normalize({}, true).session);
  }

  /** The server said `session.updated`. */
  acknowledge(session: RealtimeSessionCreateRequest): void {
    this.#inForce = session;
    this.#updates.acknowledge();
  }

  /** The server refused what was sent as `eventId`. Tells whether that was an update, and whether the rest of it was sent again. */
  refuse(
    eventId: string | undefined,
    param: string | undefined,
    reason?: string,
  ): ReturnType<SessionUpdates["refuse"]> {
    return this.#updates.refuse(eventId, param, reason);
  }

  close(): void {
    this.#updates.close();
  }

  /** What was refused, or never answered, is not what the session is like. */
  #onSettled(): void {
    if (this.#inForce !== undefined) this.#config = this.#inForce;
    this.#onChange();
  }

  /** Resolves with what of it is not in force. Never rejects. */
  #change(session: RealtimeSessionCreateRequest | undefined, eventId?: string): Promise<readonly NotApplied[]> {
    if (session === undefined) return Promise.resolve([]);
    this.#config = mergeSessions(this.#config, session);
    const lost = this.#updates.send(session, eventId);
    this.#onChange();
    return lost;
  }

  #normalize(update: SessionUpdate, withTools = false): Normalized {
    if (!isTree(update)) {
      throw new InvalidInputError('a session update is an object of settings, such as { instructions: "…" }');
    }
    const { tools } = update;
    const isDeclaring = Array.isArray(tools);
    if (isDeclaring) this.tools.declare(tools);
    const all = withTools || isDeclaring ? { tools: this.tools.definitions() } : {};
    const state = { voiceHeard: this.isVoiceHeard, tracing: this.#config.tracing };
    const { tree, warnings, changes } = draftSession({ ...update, ...all }, state);
    // Every old program sends a temperature with each update: once is enough.
    const told = this.#isTemperatureTold ? warnings.filter((warning) => !warning.startsWith("temperature ")) : warnings;
    this.#isTemperatureTold ||= update.temperature !== undefined;
    for (const warning of told) this.#logger.warn("session_setting_left_out", { warning });
    return { session: asUpdate(tree), changes };
  }
}
