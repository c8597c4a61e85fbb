import fc from "fast-check";
import { expect, it } from "vitest";
import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn.ts";
import { turnLimits } from "../../bridge-task/realtime/turn-step.ts";
import type { TurnCommand, TurnEvent, TurnState, WakeKind } from "../../bridge-task/realtime/turn-types.ts";
import { wish } from "./turn-harness.ts";

/* Any events in any order: lost, doubled, late, contradictory. What must hold does not depend on the server being right. */

const responseId = fc.constantFrom("r1", "r2", "r3");
const itemId = fc.constantFrom("i1", "i2", "i3");
const part = itemId.map((id) => ({ itemId: id, contentIndex: 0 }));
const wakeKinds: readonly WakeKind[] = ["speech", "response", "retry"];

const step = fc.oneof(
  fc.record({
    type: fc.constant("session_updated" as const),
    turnDetection: fc.option(fc.record({ createResponse: fc.boolean(), interruptResponse: fc.boolean() })),
  }),
  fc.record({
    type: fc.constant("want" as const),
    parameters: fc.constantFrom(undefined, {}, { conversation: "none" }),
    sees: fc.subarray(["i1", "i2"]),
    yieldsToSpeech: fc.boolean(),
  }),
  fc.constant({ type: "cancel_wanted" as const }),
  fc.record({ type: fc.constantFrom("item_sent" as const, "item_settled" as const), itemId }),
  fc.record({
    type: fc.constantFrom(
      "speech_started" as const,
      "speech_stopped" as const,
      "answer_due" as const,
      "speech_discarded" as const,
      "voice_drained" as const,
    ),
  }),
  fc.record({ type: fc.constant("response_created" as const), responseId, isInConversation: fc.boolean() }),
  fc.record({ type: fc.constant("audio_part_added" as const), responseId, part }),
  fc.record({
    type: fc.constant("audio_received" as const),
    responseId,
    part,
    sampleCount: fc.integer({ min: 0, max: 5_000 }),
  }),
  fc.record({ type: fc.constant("audio_completed" as const), itemId }),
  fc.record({
    type: fc.constant("response_done" as const),
    responseId,
    outcome: fc.constantFrom("completed" as const, "cancelled" as const, "failed" as const, "failed_for_now" as const),
  }),
  fc.record({
    type: fc.constant("refuse_latest" as const),
    isResponseActive: fc.boolean(),
    activeResponseId: fc.option(responseId, { nil: undefined }),
  }),
  fc.record({ type: fc.constant("fire" as const), kind: fc.constantFrom(...wakeKinds) }),
);

/** A mouth that sends a given share of what it was given, and a record of what the reducer commanded. */
class World {
  state: TurnState = initialTurn;
  readonly received = new Map<string, number>();
  readonly sentAtCut = new Map<string, number>();
  readonly settledItems = new Set<string>();
  readonly wishIds = new Set<string>();
  lastEventId: string | undefined;
  requestCount = 0;
  #wishCount = 0;

  apply(action: typeof step extends fc.Arbitrary<infer Step> ? Step : never, sentShare: number): void {
    if (action.type === "want") {
      this.#wishCount += 1;
      const { type: _, ...more } = action;
      this.dispatch({ type: "response_wanted", wish: wish(`w${this.#wishCount}`, more) }, sentShare);
    } else if (action.type === "refuse_latest") {
      const { isResponseActive, activeResponseId } = action;
      this.dispatch({ type: "refused", eventId: this.lastEventId, isResponseActive, activeResponseId }, sentShare);
    } else if (action.type === "fire") {
      this.fire(action.kind, sentShare);
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
    const { state, commands } = reduceTurn(before, event);
    this.state = state;
    for (const command of commands) this.execute(command, event, sentShare);
  }

  execute(command: TurnCommand, event: TurnEvent, sentShare: number): void {
    switch (command.type) {
      case "create_response": {
        expect(this.wishIds.has(command.eventId), "an event id is used once").toBe(false);
        this.wishIds.add(command.eventId);
        this.lastEventId = command.eventId;
        if (command.parameters?.conversation === "none") return;
        expect(this.state.speech, "nobody is talked over").toBe("quiet");
        expect(this.state.response).toMatchObject({ phase: "requested" });
        return;
      }
      case "speak": {
        const { itemId: id } = command.part;
        expect(event.type).toBe("audio_received");
        expect(this.settledItems.has(id), "nothing is said of an item that was cut").toBe(false);
        if (event.type === "audio_received") this.received.set(id, (this.received.get(id) ?? 0) + event.sampleCount);
        return;
      }
      case "cut_voice": {
        const parts = [...this.received].map(([id, samples]) => {
          const receivedMs = Math.floor(samples / 24);
          const sentMs = Math.min(receivedMs, Math.floor((receivedMs * sentShare) / 20) * 20);
          this.sentAtCut.set(id, sentMs);
          return { itemId: id, contentIndex: 0, receivedMs, sentMs };
        });
        this.dispatch({ type: "voice_cut", parts }, sentShare);
        this.received.clear();
        return;
      }
      case "truncate_item": {
        expect(Number.isInteger(command.audioEndMs)).toBe(true);
        expect(command.audioEndMs).toBeGreaterThan(0);
        expect(command.audioEndMs, "truncation ≤ sent").toBeLessThanOrEqual(this.sentAtCut.get(command.itemId) ?? 0);
        this.#settleItem(command.itemId);
        return;
      }
      case "delete_item":
        expect(this.sentAtCut.get(command.itemId) ?? 0, "what was heard stays").toBe(0);
        this.#settleItem(command.itemId);
        return;
      default:
        return;
    }
  }

  #settleItem(id: string): void {
    expect(this.settledItems.has(id), "an item is cut once").toBe(false);
    this.settledItems.add(id);
  }

  /** The server says nothing any more; only our own deadlines pass. */
  runOut(): void {
    for (let round = 0; round < 200; round += 1) {
      const kind = wakeKinds.find((each) => this.state.wakes[each] !== undefined);
      if (kind === undefined) return;
      this.fire(kind, 0);
    }
  }
}

const runs = 20_000;

it("holds its promises in any order of events, and is never stuck after it", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, sentShare) => {
        const world = new World();
        for (const each of steps) world.apply(each, sentShare);
        world.runOut();
        expect(world.state.queue, "every wish is served or given up").toEqual([]);
        expect(world.state.response).toEqual({ phase: "none" });
        expect(world.state.speech).toBe("quiet");
      },
    ),
    { numRuns: runs },
  );
});

it("keeps every list bounded however long a call is", () => {
  let state: TurnState = initialTurn;
  const apply = (event: TurnEvent) => {
    ({ state } = reduceTurn(state, event));
  };
  for (let turn = 0; turn < 1_000; turn += 1) {
    const id = `r${turn}`;
    apply({ type: "item_sent", itemId: `typed${turn}` });
    apply({ type: "response_wanted", wish: wish(`w${turn}`, { parameters: { conversation: "auto" } }) });
    apply({ type: "response_created", responseId: id, isInConversation: true });
    apply({ type: "audio_received", responseId: id, part: { itemId: `i${turn}`, contentIndex: 0 }, sampleCount: 24 });
  }
  expect(state.queue.length).toBeLessThanOrEqual(turnLimits.queuedWishes);
  expect(state.spoken.length).toBeLessThanOrEqual(turnLimits.spokenItems);
  expect(state.unconfirmedItemIds.size).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.droppedIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.settledResponseIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
});
