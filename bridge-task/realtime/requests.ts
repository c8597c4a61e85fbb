import { randomUUID } from "node:crypto";
import type { RealtimeClientEvent, ConversationItem as WireItem } from "openai/resources/realtime/realtime";
import type { Logger } from "../log.ts";
import type { InputAudio } from "./input-audio.ts";
import type { Settings } from "./session/settings.ts";
import type { ToolRunner } from "./tools/runner.ts";
import type { TurnRunner } from "./turn/runner.ts";
import type { Wish } from "./turn/types.ts";
import { normalizeItem } from "./wire/items.ts";
import { normalizeResponse, type ResponseRequest } from "./wire/responses.ts";

export interface RequestsOptions {
  turn: TurnRunner;
  tools: ToolRunner;
  audio: InputAudio;
  settings: Settings;
  send: (event: RealtimeClientEvent) => void;
  logger: Logger;
}

/** Event ids of an application's own that are remembered, for the errors that name them. */
const maxNamedItems = 256;

/** At most 32 characters, as the server demands of item ids. */
const newItemId = (): string => `item_${randomUUID().replaceAll("-", "").slice(0, 24)}`;

/** What is asked of the model: items of the conversation, responses, silence. When, is the turn's business. */
export class Requests {
  readonly #options: RequestsOptions;
  /** An application's own event id → the item it sent under it. */
  readonly #namedItems = new Map<string, string>();
  #wishCount = 0;
  #isNextLineDue = false;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Adds an item to the conversation and returns its id, which is made where the item has none. */
  createItem(item: WireItem, more: { event_id?: string; previous_item_id?: string } = {}): string {
    const { turn, tools, send, logger } = this.#options;
    const { item: known, warnings } = normalizeItem(item);
    for (const warning of warnings) logger.warn("item_changed", { warning });
    const id = known.id ?? newItemId();
    turn.dispatch({ type: "item_sent", itemId: id });
    // An error names the event it answers: by this id it is known which item was refused.
    const event_id = more.event_id ?? id;
    if (event_id !== id) this.#nameItem(event_id, id);
    send({ type: "conversation.item.create", ...more, event_id, item: { ...known, id } as WireItem });
    if (known.type === "function_call_output") {
      this.#awaitNextLine();
      turn.dispatch({ type: "tool_answered", callId: known.call_id, outputItemId: id });
      tools.abandon(known.call_id);
    }
    return id;
  }

  /** The server refused what was sent as `eventId`: an item under that name is not on its way any more. */
  refused(eventId: string): void {
    const itemId = this.#namedItems.get(eventId);
    if (itemId !== undefined) this.#options.turn.dispatch({ type: "item_settled", itemId });
  }

  /** Wishes for a response. `sees`: items of the conversation that it must have seen. */
  wish(wanted: Partial<Pick<Wish, "id" | "parameters" | "sees" | "yieldsToSpeech">>): void {
    this.#wishCount += 1;
    const id = `wish_${this.#wishCount}`;
    const wish = { id, parameters: undefined, sees: [], yieldsToSpeech: false, attemptCount: 0, ...wanted };
    this.#options.turn.dispatch({ type: "response_wanted", wish });
  }

  /** What an application asks: a response now, or as soon as it may be. `sees`: items that it must have seen. */
  createResponse(
    asked?: ResponseRequest,
    { eventId, sees = [] }: { eventId?: string | undefined; sees?: string[] } = {},
  ): void {
    const { audio, settings, logger } = this.#options;
    const { parameters, warnings } = normalizeResponse(asked, { voiceHeard: settings.isVoiceHeard });
    for (const warning of warnings) logger.warn("response_setting_left_out", { warning });
    // Without voice activity detection, what was heard becomes a message only when somebody says so.
    if (settings.config.audio?.input?.turn_detection === null) audio.commit();
    this.wish({ parameters, sees, ...(eventId === undefined ? {} : { id: eventId }) });
  }

  /** No response is asked for while settings that it must obey, or words that it must hear, are on their way. */
  hold(): void {
    const { turn, audio, settings } = this.#options;
    turn.dispatch({ type: "hold", isHeld: !settings.isSettled || audio.holdsCommit || this.#isNextLineDue });
  }

  /** Has the model say something of its own accord, on top of the session's instructions; given up when a person speaks first. */
  prompt(instructions: string): void {
    // A response's own instructions replace the session's, so both are sent.
    const inForce = this.#options.settings.config.instructions ?? "";
    const both = [inForce, instructions].filter((text) => text !== "").join("\n\n");
    this.wish({ parameters: { instructions: both }, yieldsToSpeech: true });
  }

  /** Ends what is being said or about to be. `heard`: how much of an item its listener says was heard. */
  cancel(heard?: { itemId: string; contentIndex: number; ms: number }): void {
    this.#options.turn.dispatch({ type: "cancel_wanted", heard });
  }

  /** An application that answers a call itself usually asks for the response too, in its next line: ours may not be before it. */
  #awaitNextLine(): void {
    this.#isNextLineDue = true;
    this.hold();
    setImmediate(() => {
      this.#isNextLineDue = false;
      this.hold();
    });
  }

  #nameItem(eventId: string, itemId: string): void {
    this.#namedItems.set(eventId, itemId);
    const [oldest] = this.#namedItems.keys();
    if (this.#namedItems.size > maxNamedItems && oldest !== undefined) this.#namedItems.delete(oldest);
  }
}
