import { BridgeError, InvalidInputError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { CloseNotice, RealtimeClientEvents, RealtimeRecord, SessionEvents } from "./client-events.ts";
import type { Conversation, ConversationItem } from "./conversation/conversation.ts";
import { betaNameOf } from "./event-names.ts";
import { Listeners } from "./listeners.ts";
import type { ModelSession } from "./model-session.ts";
import { samplesPerMs } from "./pcm.ts";
import { RealtimeApi } from "./realtime-api.ts";
import type { SessionUpdate } from "./session/keys.ts";
import type { AppliedSettings } from "./session/outcome.ts";
import type { ToolChanges } from "./session/settings.ts";
import type { Tool, ToolDefinition, ToolHandler, ToolOptions } from "./tools/toolbox.ts";
import type { AgentState } from "./turn/types.ts";
import type { ResponseRequest } from "./wire/responses.ts";
import { type UserContentPart, wireContentOf } from "./wire/user-content.ts";

/** @internal */
export interface RealtimeClientOptions {
  session: ModelSession;
  /** Takes the agent out of the call, which ends the session in its course. */
  disconnect: () => Promise<unknown>;
  /** `realtime.event` tells a renamed server event a second time, under the name that it had in the beta. Default: false. */
  betaEventNames?: boolean | undefined;
  logger: Logger;
}

/**
 * A voice agent's session with an OpenAI Realtime model: what `connectOpenAi` returns. Settings, tools, typed messages and
 * wishes for a response go in; everything that happens, with the model and in the call, comes out through `on`. Who may speak
 * when is the turn reducer's business, so nothing done here can wedge the session: a call at the wrong time waits for the right one.
 *
 * @example
 * client.on("response.output_audio_transcript.done", ({ transcript }) => console.log(transcript));
 * client.sendUserMessageContent([{ type: "input_text", text: "What can you help me with?" }]);
 */
export class RealtimeClient<CallEvents = unknown> extends Listeners<RealtimeClientEvents & CallEvents> {
  /** The protocol itself: any client event out, every event in by direction and type. */
  readonly realtime: RealtimeApi;
  readonly #session: ModelSession;
  readonly #disconnect: () => Promise<unknown>;
  readonly #showsBetaNames: boolean;

  /** @internal What `connectOpenAi` returns is made by it. */
  constructor({ session, disconnect, betaEventNames = false, logger }: RealtimeClientOptions) {
    const failures = new Map<string, number>();
    const onListenerError = (event: string, error: unknown) => {
      const count = (failures.get(event) ?? 0) + 1;
      failures.set(event, count);
      // The first, the tenth, the hundredth: a listener that fails for every piece of sound would fill the log.
      if (!/^10*$/.test(String(count))) return;
      const where = error instanceof Error ? error.stack?.split("\n")[1]?.trim() : undefined;
      logger.error("listener_failed", { listener: event, error, where, count });
    };
    super(onListenerError);
    this.#session = session;
    this.#disconnect = disconnect;
    this.#showsBetaNames = betaEventNames;
    this.realtime = new RealtimeApi(session, onListenerError);
    session.events.onAny((name, args) => this.#relay(name, args));
  }

  isConnected(): boolean {
    return this.#session.isOpen;
  }

  /** Resolves at once while the session lasts; rejects when it has ended: a new one is a new `connectOpenAi`. */
  async connect(): Promise<true> {
    const { end } = this.#session;
    if (end === undefined) return true;
    throw new BridgeError("session_ended", `The session has ended (${end.cause}): call connectOpenAi again.`);
  }

  /** Resolves at once: there is no client without a session. Rejects when it has ended. */
  waitForSessionCreated(): Promise<true> {
    return this.connect();
  }

  /** The session's settings: what was asked for, and once that is answered, what the server says is in force. */
  get sessionConfig(): Readonly<SessionUpdate> {
    return this.#session.settings.config;
  }

  /** The conversation as it stands, item by item. */
  get conversation(): Pick<Conversation, "getItem" | "getItems" | "items" | "clear"> {
    return this.#session.conversation;
  }

  /** `server_vad` or `semantic_vad`; null where voice activity detection is off. */
  getTurnDetectionType(): string | null {
    return this.#session.settings.config.audio?.input?.turn_detection?.type ?? null;
  }

  /**
   * Changes the settings that are named, now. Old flat keys and today's nested ones both work; what the server would refuse is
   * left out and named in a warning. Throws InvalidInputError where the update is none.
   */
  updateSession(update: SessionUpdate = {}): true {
    if (this.#session.isUsable("updateSession")) this.#session.settings.update(update);
    return true;
  }

  /**
   * The same, told what came of it: which settings are in force, and why the others are not. `tools`: added and removed in
   * the same update. Resolves when the server has answered, after 5 s at the latest. Rejects with InvalidInputError, with nothing
   * changed, where the update is none or a tool cannot be added or removed.
   */
  async applySettings(update: SessionUpdate, tools: ToolChanges = {}): Promise<AppliedSettings> {
    return this.#session.settings.apply(update, tools);
  }

  /** Resolves when every settings update made so far is in force or refused. */
  updatesSettled(): Promise<void> {
    return this.#session.settings.settled();
  }

  /**
   * Gives the model a function to call. Its result goes back as JSON, and the model speaks about it; an error, a timeout
   * (30 s, or `timeoutMs`) or a result over 16 kB goes back as `{ "error": … }`. Throws InvalidInputError: no name, no handler,
   * a name that is taken.
   */
  addTool<Arguments = Record<string, unknown>>(
    definition: ToolDefinition,
    handler: ToolHandler<Arguments>,
    options?: ToolOptions,
  ): Tool<Arguments> {
    this.#session.isUsable("addTool");
    const tool = this.#session.settings.addTool(definition, handler as ToolHandler, options);
    return tool as unknown as Tool<Arguments>;
  }

  /** Takes a function away from the model; a call that runs still ends. Throws InvalidInputError where there is none of this name. */
  removeTool(name: string): true {
    this.#session.isUsable("removeTool");
    this.#session.settings.removeTool(name);
    return true;
  }

  /** Removes an item from the conversation. */
  deleteItem(id: string): true {
    if (this.#session.isUsable("deleteItem"))
      this.#session.send({ type: "conversation.item.delete", item_id: id, event_id: id });
    return true;
  }

  /**
   * Adds what a user wrote to the conversation and has the model respond to it, unless `respond` is false: then it is there for
   * the next response. With no parts: just respond.
   */
  sendUserMessageContent(
    parts: readonly UserContentPart[] = [],
    { respond = true }: { respond?: boolean | undefined } = {},
  ): true {
    if (!Array.isArray(parts)) {
      throw new InvalidInputError('a message is a list of parts: [{ type: "input_text", text: "…" }]');
    }
    if (parts.length === 0) return respond ? this.createResponse() : true;
    if (!this.#session.isUsable("sendUserMessageContent")) return true;
    const { requests } = this.#session;
    const id = requests.createItem({ type: "message", role: "user", content: parts.map(wireContentOf) });
    if (respond) requests.createResponse(undefined, { sees: [id] });
    return true;
  }

  /** Has the model hear this: 24 kHz mono PCM16, beside what people say in the call. */
  appendInputAudio(pcm: Int16Array | ArrayBuffer): true {
    if (!(pcm instanceof ArrayBuffer || pcm instanceof Int16Array)) {
      throw new InvalidInputError("audio is an Int16Array or an ArrayBuffer of 24 kHz mono PCM16");
    }
    this.#session.audio.append(pcm instanceof ArrayBuffer ? new Int16Array(pcm) : pcm);
    return true;
  }

  /** Has the model respond: now, or when the response or the person that is speaking has ended. */
  createResponse(parameters?: ResponseRequest): true {
    if (this.#session.isUsable("createResponse")) this.#session.requests.createResponse(parameters);
    return true;
  }

  /**
   * Ends what the agent is saying, or was about to say. The conversation keeps what the call was sent of it, or the first
   * `sampleCount` samples (24 kHz) of item `id` where that is less. Throws InvalidInputError where `id` is no spoken item of the agent's.
   */
  cancelResponse(id?: string, sampleCount = Number.POSITIVE_INFINITY): { item: ConversationItem | null } {
    if (!this.#session.isUsable("cancelResponse")) return { item: null };
    const item = id === undefined ? null : this.#session.conversation.getItem(id);
    const contentIndex = id === undefined ? 0 : spokenPartOf(item, id);
    const isCounted = id !== undefined && Number.isFinite(sampleCount);
    this.#session.requests.cancel(
      isCounted ? { itemId: id, contentIndex, ms: Math.floor(sampleCount / samplesPerMs) } : undefined,
    );
    return { item };
  }

  /** The next item that is added to the conversation. Rejects when the session ends without one. */
  waitForNextItem(): Promise<{ item: ConversationItem }> {
    return unlessEnded(this.waitForNext("conversation.item.appended"), "an item");
  }

  /** The next item that is complete. Rejects when the session ends without one. */
  waitForNextCompletedItem(): Promise<{ item: ConversationItem }> {
    return unlessEnded(this.waitForNext("conversation.item.completed"), "a completed item");
  }

  /** Takes the agent out of the call and ends the session. Resolves when both are done. Idempotent, never rejects. */
  async disconnect(): Promise<void> {
    await this.#disconnect();
  }

  /** Takes the agent out of the call and forgets listeners, tools and the conversation. */
  reset(): true {
    this.clearEventHandlers();
    this.realtime.clearEventHandlers();
    this.#session.settings.tools.clear();
    this.#session.conversation.clear();
    void this.disconnect();
    return true;
  }

  /** Why the session ended; undefined while it lasts. What `close` tells, for those who come late. */
  get end(): CloseNotice | undefined {
    return this.#session.end;
  }

  /** What the agent is doing now; `agent.state` tells each change. */
  get agentState(): AgentState {
    return this.#session.agentState;
  }

  /** @internal The agent is out of the call and the session is over: the last that is told. */
  finish(notice: CloseNotice): void {
    this.tell("close", () => [notice]);
    this.tellNoMore();
    this.realtime.closed(notice);
  }

  #relay(name: keyof SessionEvents, args: unknown[]): void {
    // Told when the call is left as well, see `finish`.
    if (name === "close") return;
    this.tell(name, () => args);
    const [event] = args as [object];
    const betaName = betaNameOf(name);
    if (betaName !== undefined) this.tell(betaName, () => [{ ...event, type: betaName }]);
    if (name === "realtime.event") this.#record(event as RealtimeRecord);
  }

  #record(record: RealtimeRecord): void {
    this.realtime.record(record);
    const betaName = record.source === "server" ? betaNameOf(record.event.type) : undefined;
    if (betaName === undefined) return;
    const renamed = { ...record, event: { ...record.event, type: betaName } } as unknown as RealtimeRecord;
    this.realtime.record(renamed, this.#showsBetaNames);
    if (this.#showsBetaNames) this.tell("realtime.event", () => [renamed]);
  }
}

/** Null is how a wait tells that the session ended first. */
const unlessEnded = (waited: Promise<unknown>, what: string): Promise<{ item: ConversationItem }> => {
  const found = waited.then((event) => {
    if (event !== null) return event as { item: ConversationItem };
    throw new BridgeError("session_ended", `The session ended before ${what} came.`);
  });
  // Who does not wait for the answer must not be ended by it.
  found.catch(() => undefined);
  return found;
};

/** Which of the item's parts is its sound. */
const spokenPartOf = (item: ConversationItem | null, id: string): number => {
  const isAgents = item?.type === "message" && item.role === "assistant";
  const index = isAgents ? item.content.findIndex(({ type }) => type === "audio") : -1;
  if (index >= 0) return index;
  const what = item === null ? "is not in the conversation" : "is no spoken message of the agent's";
  throw new InvalidInputError(`cancelResponse: item ${id} ${what}; without arguments it ends what is being said`);
};
