import { expect } from "vitest";
import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn/turn.ts";
import type {
  HeardPart,
  ResponseParameters,
  ToolCall,
  TurnCommand,
  TurnEvent,
  TurnState,
  WakeKind,
} from "../../bridge-task/realtime/turn/types.ts";
import { call, wish } from "./turn-harness.ts";

/** What may happen to a turn: an event as it is, or one that refers to what the turn did before. */
export type TurnAction =
  | Exclude<TurnEvent, { type: "response_wanted" | "refused" | "tool_answered" | "voice_cut" | "woken" }>
  | { type: "want"; parameters: ResponseParameters | undefined; sees: string[]; yieldsToSpeech: boolean }
  | { type: "refuse_latest"; isResponseActive: boolean; activeResponseId: string | undefined; isForNow: boolean }
  | { type: "answer_by_hand"; callId: string }
  | { type: "settle_output" }
  | { type: "fire"; kind: WakeKind };

export const wakeKinds: readonly WakeKind[] = ["speech", "response", "retry", "aside"];

const callOf = (callId: string): ToolCall => call(callId.replace("call_", ""));

/** A mouth that sends a given share of what it was given, and a record of what the reducer commanded. */
export class TurnWorld {
  state: TurnState = initialTurn;
  /** Samples that wait in the mouth, and all there ever were, by item. */
  readonly received = new Map<string, number>();
  readonly everReceived = new Map<string, number>();
  readonly sentAtCut = new Map<string, number>();
  /** What the server keeps of an item that was cut. */
  readonly keptMs = new Map<string, number>();
  readonly wishIds = new Set<string>();
  /** What became of each call, by its item. */
  readonly calls = new Map<string, "running" | "answered" | "cut">();
  /** Calls that the application answered, from then on. */
  readonly answeredByHand = new Set<string>();
  /** Outputs of calls that no response has seen, nor was asked to see. */
  readonly unseenOutputs = new Set<string>();
  readonly outputIds: string[] = [];
  lastEventId: string | undefined;
  requestCount = 0;
  #wishCount = 0;
  /** What the application says was heard, until its cancel is carried out. */
  #heard: HeardPart | undefined;

  apply(action: TurnAction, sentShare: number): void {
    if (action.type === "want") {
      this.#wishCount += 1;
      const { type: _, ...more } = action;
      this.dispatch({ type: "response_wanted", wish: wish(`w${this.#wishCount}`, more) }, sentShare);
    } else if (action.type === "refuse_latest") {
      const { isResponseActive, activeResponseId, isForNow } = action;
      const refusal = { isResponseActive, activeResponseId, isForNow };
      this.dispatch({ type: "refused", eventId: this.lastEventId, ...refusal }, sentShare);
    } else if (action.type === "fire") {
      this.fire(action.kind, sentShare);
    } else if (action.type === "answer_by_hand") {
      this.#answerByHand(action.callId, sentShare);
    } else if (action.type === "settle_output") {
      const itemId = this.outputIds.find((id) => this.state.unconfirmedItemIds.has(id));
      if (itemId !== undefined) this.dispatch({ type: "item_settled", itemId }, sentShare);
    } else {
      this.dispatch(action, sentShare);
    }
  }

  fire(kind: WakeKind, sentShare: number): void {
    const wake = this.state.wakes[kind];
    if (wake !== undefined) this.dispatch({ type: "woken", kind, wake }, sentShare);
  }

  dispatch(event: TurnEvent, sentShare: number): void {
    const before = this.state;
    if (event.type !== "voice_cut") this.#heard = event.type === "cancel_wanted" ? event.heard : undefined;
    const { state, commands } = reduceTurn(before, event);
    this.state = state;
    if (event.type === "voice_drained") {
      for (const id of this.received.keys()) this.sentAtCut.set(id, this.#everReceivedMs(id));
      this.received.clear();
    }
    if (event.type === "response_created") this.#onCreated(before, state);
    for (const command of commands) this.execute(command, event, sentShare);
  }

  /** A response that has begun sees every output that the server had confirmed, unless it was given an input of its own. */
  #onCreated(before: TurnState, { response }: TurnState): void {
    if (response.phase !== "active" || response === before.response || response.wish?.parameters?.input) return;
    for (const id of this.unseenOutputs) if (!before.unconfirmedItemIds.has(id)) this.unseenOutputs.delete(id);
  }

  #answerByHand(callId: string, sentShare: number): void {
    if (this.answeredByHand.has(callId)) return;
    const { itemId } = callOf(callId);
    const outputItemId = `by_hand_${callId}`;
    this.answeredByHand.add(callId);
    this.outputIds.push(outputItemId);
    if (this.calls.get(itemId) === "running") {
      this.calls.set(itemId, "answered");
      this.unseenOutputs.add(outputItemId);
    }
    this.dispatch({ type: "tool_answered", callId, outputItemId }, sentShare);
  }

  execute(command: TurnCommand, event: TurnEvent, sentShare: number): void {
    switch (command.type) {
      case "create_response": {
        expect(this.wishIds.has(command.eventId), "an event id is used once").toBe(false);
        this.wishIds.add(command.eventId);
        this.lastEventId = command.eventId;
        if (command.parameters?.conversation === "none") return;
        if (command.parameters?.input === undefined) this.unseenOutputs.clear();
        expect(this.state.speech, "nobody is talked over").toBe("quiet");
        expect(this.state.response).toMatchObject({ phase: "requested" });
        return;
      }
      case "speak": {
        const { itemId: id } = command.part;
        expect(event.type).toBe("audio_received");
        expect(this.keptMs.has(id), "nothing is said of an item that was cut").toBe(false);
        if (event.type !== "audio_received") return;
        for (const map of [this.received, this.everReceived]) map.set(id, (map.get(id) ?? 0) + event.sampleCount);
        return;
      }
      case "cut_voice": {
        const parts = [...this.received].map(([id, samples]) => {
          const receivedMs = this.#everReceivedMs(id);
          const waitingMs = samples / 24;
          const sentMs = Math.min(receivedMs, Math.floor((receivedMs - waitingMs * (1 - sentShare)) / 20) * 20);
          this.sentAtCut.set(id, Math.max(0, sentMs));
          return { itemId: id, contentIndex: 0, receivedMs, sentMs: Math.max(0, sentMs) };
        });
        this.dispatch({ type: "voice_cut", parts }, sentShare);
        this.received.clear();
        return;
      }
      case "truncate_item": {
        expect(Number.isInteger(command.audioEndMs)).toBe(true);
        expect(command.audioEndMs).toBeGreaterThan(0);
        this.#cutItem(command.itemId, command.audioEndMs, event);
        return;
      }
      case "run_tool": {
        const { itemId: id, callId } = command.call;
        expect(event).toMatchObject({ type: "tool_called", call: command.call });
        expect(this.calls.has(id), "a call is run once, and not when it was cut").toBe(false);
        expect(this.answeredByHand.has(callId), "an answered call is not run").toBe(false);
        this.calls.set(id, "running");
        return;
      }
      case "send_tool_output": {
        const { callId, itemId: id } = command;
        const { itemId: calledId } = callOf(callId);
        expect(event).toMatchObject({ type: "tool_finished", itemId: calledId });
        expect(this.calls.get(calledId), "one output, of a call that runs").toBe("running");
        expect(this.outputIds, "an item's id is used once").not.toContain(id);
        expect(id.length).toBeLessThanOrEqual(32);
        expect(this.state.unconfirmedItemIds).toContain(id);
        this.calls.set(calledId, "answered");
        this.outputIds.push(id);
        // After a goodbye no more words are owed.
        if (event.type !== "tool_finished" || !event.isFarewell) this.unseenOutputs.add(id);
        return;
      }
      case "abandon_wish":
        for (const id of command.wish.sees) this.unseenOutputs.delete(id);
        return;
      case "delete_item":
        if (event.type === "tool_call_cut") {
          expect(command.itemId).toBe(event.itemId);
          expect(this.calls.has(event.itemId), "only a call that was never run is deleted, once").toBe(false);
          this.calls.set(event.itemId, "cut");
          return;
        }
        this.#cutItem(command.itemId, 0, event);
        return;
      default:
        return;
    }
  }

  #everReceivedMs(id: string): number {
    return Math.floor((this.everReceived.get(id) ?? 0) / 24);
  }

  #cutItem(id: string, ms: number, event: TurnEvent): void {
    const keptMs = this.keptMs.get(id) ?? Number.POSITIVE_INFINITY;
    if (event.type === "cancel_wanted") {
      // The application takes back what the voice was through with.
      expect(ms).toBe(Math.max(0, event.heard?.ms ?? Number.NaN));
      expect(ms, "truncation ≤ received").toBeLessThanOrEqual(this.#everReceivedMs(id));
    } else {
      const sentMs = this.sentAtCut.get(id) ?? 0;
      expect(keptMs, "an item is cut once").toBe(Number.POSITIVE_INFINITY);
      expect(ms, "truncation ≤ sent").toBeLessThanOrEqual(sentMs);
      if (ms === 0)
        expect(Math.min(sentMs, this.#heard?.itemId === id ? this.#heard.ms : sentMs)).toBeLessThanOrEqual(0);
    }
    expect(ms, "nothing comes back").toBeLessThan(keptMs);
    this.keptMs.set(id, ms);
  }

  /** The server says nothing any more; tools end, and our own deadlines pass. */
  runOut(): void {
    for (const [id, status] of this.calls) {
      if (status === "running") this.dispatch({ type: "tool_finished", itemId: id, output: "null" }, 0);
    }
    for (let round = 0; round < 200; round += 1) {
      const kind = wakeKinds.find((each) => this.state.wakes[each] !== undefined);
      if (kind === undefined) return;
      this.fire(kind, 0);
    }
  }
}
