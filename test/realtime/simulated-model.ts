import type { ToolCall, TurnCommand, TurnEvent } from "../../bridge-task/realtime/turn/types.ts";

/** What an item of the model's holds on the server. */
export interface KeptItem {
  generatedMs: number;
  keptMs: number;
  isDeleted: boolean;
}

/** A function call as the server holds it. */
export interface KeptCall {
  call: ToolCall;
  responseId: string;
  status: "in_progress" | "completed" | "deleted";
  outputItemId: string | undefined;
}

/** `sees`: what was in the conversation when it began. */
export interface BegunResponse {
  id: string;
  sees: ReadonlySet<string>;
  outcome: "completed" | "cancelled" | "failed_for_now" | undefined;
}

/** What a client puts on the wire: what the reducer commands, and the application's own items. */
export type ClientMessage = TurnCommand | { type: "item"; itemId: string; answersCallId?: string };

const chunkMs = 100;

const itemOf = (responseId: string): string => `item_of_${responseId}`;

export const isAside = (itemId: string): boolean => itemId.startsWith(itemOf("aside"));

/**
 * The server's side of a turn, as facts of the protocol: one response at a time, an own one after each speech, cancelled when
 * a person begins to speak; calls of functions, told of twice, cut where their response is. It answers by TurnEvents, which
 * whoever tests delivers late. What a real server would refuse, and no client should send, throws.
 */
export class SimulatedModel {
  readonly items = new Map<string, KeptItem>();
  readonly responses: BegunResponse[] = [];
  readonly calls = new Map<string, KeptCall>();
  /** Responses outside of the conversation that are being made, by id. Speech does not end them. */
  readonly asides = new Map<string, { itemId: string }>();
  asideCount = 0;
  /** Items of asides whose beginning is lost on its way: for the client they may be anything. */
  readonly untoldAsides = new Set<string>();
  /** The items that a person's speech became. */
  readonly spoken: string[] = [];
  /** `create_response` of its turn detection. */
  answersSpeech = true;
  readonly #emit: (event: TurnEvent) => void;
  readonly #conversation = new Set<string>();
  #active: { id: string; itemId: string } | undefined;
  #isSpeaking = false;

  constructor(emit: (event: TurnEvent) => void) {
    this.#emit = emit;
  }

  get isActive(): boolean {
    return this.#active !== undefined;
  }

  /** This event never reaches the client. */
  lose(event: TurnEvent | undefined): void {
    if (event?.type === "aside_created") this.untoldAsides.add(itemOf(event.responseId));
  }

  receive(message: ClientMessage): void {
    switch (message.type) {
      case "item":
        if (message.answersCallId !== undefined) this.#answer(message.answersCallId, message.itemId);
        this.#add(message.itemId);
        return;
      case "send_tool_output":
        this.#answer(message.callId, message.itemId);
        this.#add(message.itemId);
        return;
      case "create_response":
        if (message.parameters?.conversation === "none") {
          this.#beginAside(message.eventId);
        } else if (this.#active) {
          this.#emit({ ...this.#busy(this.#active.id), eventId: message.eventId });
        } else this.#begin();
        return;
      case "cancel_response":
        if (message.responseId !== undefined && this.asides.has(message.responseId))
          this.finishAside(message.responseId);
        else if (this.#active && (message.responseId ?? this.#active.id) === this.#active.id) this.#end("cancelled");
        return;
      case "truncate_item": {
        if (isAside(message.itemId)) {
          this.#refuseCut(message.itemId);
          return;
        }
        const item = this.items.get(message.itemId);
        if (!item || item.isDeleted || message.audioEndMs > item.keptMs) throw new Error("refused truncation");
        item.keptMs = message.audioEndMs;
        return;
      }
      case "delete_item": {
        const cut = [...this.calls.values()].find(({ call }) => call.itemId === message.itemId);
        if (cut) {
          if (cut.status !== "in_progress") throw new Error("deleted a call that was to be run, or was deleted before");
          cut.status = "deleted";
          return;
        }
        if (isAside(message.itemId)) {
          this.#refuseCut(message.itemId);
          return;
        }
        const item = this.items.get(message.itemId);
        if (!item || item.isDeleted) throw new Error("refused deletion");
        item.isDeleted = true;
        return;
      }
    }
  }

  speak(): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.#emit({ type: "speech_started" });
    if (this.#active) this.#end("cancelled");
  }

  stopSpeaking(): void {
    if (!this.#isSpeaking) return;
    this.#isSpeaking = false;
    this.#emit({ type: "speech_stopped" });
    const itemId = `speech_${this.spoken.length}`;
    this.spoken.push(itemId);
    this.#add(itemId);
    if (!this.answersSpeech) return;
    if (this.#active) this.#emit({ ...this.#busy(this.#active.id), eventId: undefined });
    else this.#begin();
  }

  generate(): void {
    if (!this.#active) return;
    const { id, itemId } = this.#active;
    const item = this.items.get(itemId) ?? { generatedMs: 0, keptMs: 0, isDeleted: false };
    item.generatedMs += chunkMs;
    item.keptMs += chunkMs;
    this.items.set(itemId, item);
    this.#emit({
      type: "audio_received",
      responseId: id,
      part: { itemId, contentIndex: 0 },
      sampleCount: chunkMs * 24,
    });
  }

  /** The active response begins to call a function. */
  beginCall(): void {
    if (!this.#active) return;
    this.#completeCall();
    const number = this.calls.size;
    const call = { itemId: `item_of_call_${number}`, callId: `call_${number}`, name: "look_up", arguments: "{}" };
    const { id: responseId } = this.#active;
    this.calls.set(call.callId, { call, responseId, status: "in_progress", outputItemId: undefined });
  }

  generateAside(): void {
    for (const [responseId, { itemId }] of this.asides) {
      const part = { itemId, contentIndex: 0 };
      this.#emit({ type: "audio_received", responseId, part, sampleCount: chunkMs * 24 });
    }
  }

  finishAside(responseId = [...this.asides.keys()][0]): void {
    const aside = responseId === undefined ? undefined : this.asides.get(responseId);
    if (responseId === undefined || aside === undefined) return;
    this.asides.delete(responseId);
    this.#emit({ type: "audio_completed", itemId: aside.itemId });
    this.#emit({ type: "aside_done", responseId });
  }

  finish(): void {
    if (!this.#active) return;
    this.#completeCall();
    if (this.items.has(this.#active.itemId)) this.#emit({ type: "audio_completed", itemId: this.#active.itemId });
    this.#end("completed");
  }

  /** Its arguments are all there. */
  #completeCall(): void {
    for (const kept of this.calls.values()) {
      if (kept.status !== "in_progress" || kept.responseId !== this.#active?.id) continue;
      kept.status = "completed";
      this.#emit({ type: "tool_called", responseId: kept.responseId, call: kept.call });
    }
  }

  #answer(callId: string, itemId: string): void {
    const kept = this.calls.get(callId);
    if (kept?.status !== "completed") throw new Error(`refused an output: there is no call ${callId}`);
    if (kept.outputItemId !== undefined) throw new Error(`refused a second output of ${callId}`);
    kept.outputItemId = itemId;
  }

  /** It is in no conversation; but who was not told so cannot know. */
  #refuseCut(itemId: string): void {
    if (!this.untoldAsides.has(itemId)) throw new Error(`refused to cut ${itemId}: it is in no conversation`);
  }

  #add(itemId: string): void {
    if (this.#conversation.has(itemId)) throw new Error(`refused a second item ${itemId}`);
    this.#conversation.add(itemId);
    this.#emit({ type: "item_settled", itemId });
  }

  #busy(activeResponseId: string) {
    return { type: "refused", isResponseActive: true, activeResponseId } as const;
  }

  #beginAside(eventId: string): void {
    const responseId = `aside_resp_${this.asideCount}`;
    this.asides.set(responseId, { itemId: itemOf(responseId) });
    this.asideCount += 1;
    this.#emit({ type: "aside_created", responseId, eventId });
  }

  #begin(): void {
    const id = `resp_${this.responses.length}`;
    this.#active = { id, itemId: itemOf(id) };
    this.responses.push({ id, sees: new Set(this.#conversation), outcome: undefined });
    this.#emit({ type: "response_created", responseId: id, isInConversation: true });
  }

  /** The active response fails in a way that asking again may mend. */
  fail(): void {
    this.#end("failed_for_now");
  }

  #end(outcome: NonNullable<BegunResponse["outcome"]>): void {
    if (!this.#active) return;
    const { id: responseId } = this.#active;
    const response = this.responses.at(-1);
    if (response) response.outcome = outcome;
    for (const kept of this.calls.values()) {
      if (kept.responseId !== responseId) continue;
      if (kept.status === "in_progress") {
        this.#emit({ type: "tool_call_cut", responseId, itemId: kept.call.itemId });
      } else this.#emit({ type: "tool_called", responseId, call: kept.call });
    }
    this.#emit({ type: "response_done", responseId, outcome });
    this.#active = undefined;
  }
}
