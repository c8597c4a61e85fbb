import fc from "fast-check";
import { expect, it } from "vitest";
import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn.ts";
import type { TurnCommand, TurnEvent, TurnState } from "../../bridge-task/realtime/turn-types.ts";
import { SimulatedModel } from "./simulated-model.ts";
import { wish } from "./turn-harness.ts";

/* A whole conversation with a correct server, everything on the wire arbitrarily late but in order: what each side holds at
 * the end must be the same, and every typed message must have been answered. */

type Action = "type" | "ask" | "speak" | "stop" | "generate" | "finish" | "up" | "down" | "play";

const action = fc.constantFrom<Action>(
  "type",
  "ask",
  "speak",
  "stop",
  "generate",
  "finish",
  "up",
  "down",
  "play",
  "up",
  "down",
);

class Conversation {
  readonly #down: TurnEvent[] = [];
  readonly #up: (TurnCommand | { type: "item"; itemId: string })[] = [];
  readonly #waiting = new Map<string, number>();
  readonly sentMs = new Map<string, number>();
  readonly typed: string[] = [];
  readonly model = new SimulatedModel((event) => this.#down.push(event));
  state: TurnState = initialTurn;
  askCount = 0;

  constructor(createResponse: boolean) {
    this.model.answersSpeech = createResponse;
    this.#dispatch({ type: "session_updated", turnDetection: { createResponse, interruptResponse: true } });
  }

  do(action: Action): void {
    switch (action) {
      case "type": {
        const itemId = `typed_${this.typed.length}`;
        this.typed.push(itemId);
        this.#dispatch({ type: "item_sent", itemId });
        this.#up.push({ type: "item", itemId });
        this.#dispatch({ type: "response_wanted", wish: wish(`w_${itemId}`, { sees: [itemId] }) });
        return;
      }
      case "ask":
        this.askCount += 1;
        this.#dispatch({
          type: "response_wanted",
          wish: wish(`ask_${this.askCount}`, { parameters: { metadata: null } }),
        });
        return;
      case "speak":
        this.model.speak();
        return;
      case "stop":
        this.model.stopSpeaking();
        return;
      case "generate":
        this.model.generate();
        return;
      case "finish":
        this.model.finish();
        return;
      case "up": {
        const message = this.#up.shift();
        if (message) this.model.receive(message);
        return;
      }
      case "down": {
        const event = this.#down.shift();
        if (event) this.#dispatch(event);
        return;
      }
      case "play":
        this.#play();
        return;
    }
  }

  /** Everybody falls silent and everything under way arrives. */
  settle(): void {
    this.model.stopSpeaking();
    for (let round = 0; round < 10_000; round += 1) {
      this.do("up");
      this.do("down");
      this.do("play");
      if (this.#up.length > 0 || this.#down.length > 0) continue;
      const { retry } = this.state.wakes;
      if (this.model.isActive) this.model.finish();
      else if (retry !== undefined) this.#dispatch({ type: "woken", kind: "retry", wake: retry });
      else if (this.#waiting.size === 0) return;
    }
    throw new Error("the conversation does not come to rest");
  }

  #dispatch(event: TurnEvent): void {
    const { state, commands } = reduceTurn(this.state, event);
    this.state = state;
    for (const command of commands) this.#execute(command, event);
  }

  #execute(command: TurnCommand, event: TurnEvent): void {
    switch (command.type) {
      case "speak": {
        const { itemId } = command.part;
        const ms = event.type === "audio_received" ? event.sampleCount / 24 : 0;
        this.#waiting.set(itemId, (this.#waiting.get(itemId) ?? 0) + ms);
        return;
      }
      case "cut_voice": {
        const parts = [...this.#waiting].map(([itemId, waitingMs]) => {
          const sentMs = this.sentMs.get(itemId) ?? 0;
          return { itemId, contentIndex: 0, receivedMs: sentMs + waitingMs, sentMs };
        });
        this.#waiting.clear();
        this.#dispatch({ type: "voice_cut", parts });
        return;
      }
      case "create_response":
      case "cancel_response":
      case "truncate_item":
      case "delete_item":
        this.#up.push(command);
        return;
      case "abandon_wish":
        throw new Error(`${command.wish.id} was given up`);
    }
  }

  /** The mouth sends one frame of 20 ms. */
  #play(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [itemId, waitingMs] = first;
    this.sentMs.set(itemId, (this.sentMs.get(itemId) ?? 0) + 20);
    if (waitingMs > 20) this.#waiting.set(itemId, waitingMs - 20);
    else this.#waiting.delete(itemId);
    if (this.#waiting.size === 0) this.#dispatch({ type: "voice_drained" });
  }
}

it("answers every message, keeps exactly what was heard, and comes to rest", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: "max" }), fc.boolean(), (actions, createResponse) => {
      const conversation = new Conversation(createResponse);
      for (const each of actions) conversation.do(each);
      conversation.settle();
      const { model, state, typed, sentMs } = conversation;
      expect(state.queue).toEqual([]);
      expect(state.response.phase).toBe("none");
      for (const itemId of typed)
        expect(
          model.responses.some(({ sees }) => sees.has(itemId)),
          itemId,
        ).toBe(true);
      const mostResponses = typed.length + conversation.askCount + 2 * model.spoken.length;
      expect(model.responses.length, "nothing is answered twice").toBeLessThanOrEqual(mostResponses);
      for (const [itemId, item] of model.items) {
        const heardMs = item.isDeleted ? 0 : item.keptMs;
        expect(heardMs, `${itemId} as the server keeps it`).toBe(sentMs.get(itemId) ?? 0);
        expect(item.isDeleted && sentMs.has(itemId)).toBe(false);
      }
    }),
    { numRuns: 5_000 },
  );
});
