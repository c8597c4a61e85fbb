import type { TurnCommand, TurnEvent } from "../../bridge-task/realtime/turn-types.ts";

/** What an item of the model's holds on the server. */
export interface KeptItem {
  generatedMs: number;
  keptMs: number;
  isDeleted: boolean;
}

const chunkMs = 100;

/**
 * The server's side of a turn, as facts of the protocol: one response at a time, an own one after each speech, cancelled when
 * a person begins to speak. It answers by TurnEvents, which whoever tests delivers late.
 */
export class SimulatedModel {
  readonly items = new Map<string, KeptItem>();
  /** For each response in order: what was in the conversation when it began. */
  readonly responses: { id: string; sees: ReadonlySet<string> }[] = [];
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

  receive(message: TurnCommand | { type: "item"; itemId: string }): void {
    switch (message.type) {
      case "item":
        this.#conversation.add(message.itemId);
        this.#emit({ type: "item_settled", itemId: message.itemId });
        return;
      case "create_response":
        if (this.#active) {
          this.#emit({ ...this.#busy(this.#active.id), eventId: message.eventId });
        } else this.#begin();
        return;
      case "cancel_response":
        if (this.#active && (message.responseId ?? this.#active.id) === this.#active.id) this.#end("cancelled");
        return;
      case "truncate_item": {
        const item = this.items.get(message.itemId);
        if (!item || item.isDeleted || message.audioEndMs > item.keptMs) throw new Error("refused truncation");
        item.keptMs = message.audioEndMs;
        return;
      }
      case "delete_item": {
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
    this.#conversation.add(itemId);
    this.#emit({ type: "item_settled", itemId });
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

  finish(): void {
    if (!this.#active) return;
    if (this.items.has(this.#active.itemId)) this.#emit({ type: "audio_completed", itemId: this.#active.itemId });
    this.#end("completed");
  }

  #busy(activeResponseId: string) {
    return { type: "refused", isResponseActive: true, activeResponseId } as const;
  }

  #begin(): void {
    const id = `resp_${this.responses.length}`;
    this.#active = { id, itemId: `item_of_${id}` };
    this.responses.push({ id, sees: new Set(this.#conversation) });
    this.#emit({ type: "response_created", responseId: id, isInConversation: true });
  }

  #end(outcome: "completed" | "cancelled"): void {
    if (!this.#active) return;
    this.#emit({ type: "response_done", responseId: this.#active.id, outcome });
    this.#active = undefined;
  }
}
