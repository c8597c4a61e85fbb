import fc from "fast-check";
import { expect, it } from "vitest";
import { turnLimits } from "../../bridge-task/realtime/turn/step.ts";
import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn/turn.ts";
import type { ResponseParameters, TurnEvent, TurnState } from "../../bridge-task/realtime/turn/types.ts";
import { call, wish } from "./turn-harness.ts";
import { type TurnAction, TurnWorld, wakeKinds } from "./turn-world.ts";

/* Any events in any order: lost, doubled, late, contradictory. What must hold does not depend on the server being right. */

const responseId = fc.constantFrom("r1", "r2", "r3");
const itemId = fc.constantFrom("i1", "i2", "i3");
const part = itemId.map((id) => ({ itemId: id, contentIndex: 0 }));
const toolCall = fc.constantFrom("1", "2", "3", "4").map(call);

const step: fc.Arbitrary<TurnAction> = fc.oneof(
  fc.record({
    type: fc.constant("session_updated" as const),
    turnDetection: fc.option(
      fc.record({ createResponse: fc.boolean(), interruptedBy: fc.constantFrom("server", "us", "nobody") }),
    ),
  }),
  fc.record({
    type: fc.constant("want" as const),
    parameters: fc.constantFrom<ResponseParameters | undefined>(undefined, {}, { input: [] }, { conversation: "none" }),
    sees: fc.subarray(["i1", "i2"]),
    yieldsToSpeech: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("cancel_wanted" as const),
    heard: fc.option(fc.record({ itemId, contentIndex: fc.constant(0), ms: fc.integer({ min: -1, max: 250 }) }), {
      nil: undefined,
    }),
  }),
  fc.record({ type: fc.constant("tool_called" as const), responseId, call: toolCall }),
  fc.record({ type: fc.constant("tool_call_cut" as const), responseId, itemId: toolCall.map((each) => each.itemId) }),
  fc.record({
    type: fc.constant("tool_finished" as const),
    itemId: toolCall.map((each) => each.itemId),
    output: fc.constant("null"),
    isFarewell: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("tool_slow" as const),
    itemId: toolCall.map((each) => each.itemId),
    sentence: fc.constant("One moment."),
  }),
  fc.record({
    type: fc.constant("aside_created" as const),
    responseId,
    // As the reducer names its own.
    eventId: fc.integer({ min: 1, max: 6 }).map((count) => `aside_${count}`),
  }),
  fc.record({ type: fc.constant("aside_done" as const), responseId }),
  fc.record({ type: fc.constant("answer_by_hand" as const), callId: toolCall.map((each) => each.callId) }),
  fc.constant({ type: "settle_output" as const }),
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
    isForNow: fc.boolean(),
  }),
  fc.record({ type: fc.constant("fire" as const), kind: fc.constantFrom(...wakeKinds) }),
);

const runs = 20_000;

it("holds its promises in any order of events, and is never stuck after it", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, sentShare) => {
        const world = new TurnWorld();
        for (const each of steps) world.apply(each, sentShare);
        world.runOut();
        expect(world.state.queue, "every wish is served or given up").toEqual([]);
        expect(world.state.response).toEqual({ phase: "none" });
        expect(world.state.speech).toBe("quiet");
        expect(world.state.toolBatches).toEqual([]);
        expect(world.state.aside).toEqual({ phase: "none" });
        expect([...world.calls.values()], "each call has its one output").not.toContain("running");
        expect([...world.unseenOutputs], "each output is seen, or is asked to be").toEqual([]);
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
    apply({ type: "tool_answered", callId: `never_called${turn}`, outputItemId: `output${turn}` });
    for (const each of ["a", "b"]) apply({ type: "tool_called", responseId: id, call: call(`${each}${turn}`) });
    apply({ type: "tool_slow", itemId: `item_a${turn}`, sentence: "One moment." });
    apply({ type: "voice_drained" });
    apply({ type: "audio_completed", itemId: `i${turn}` });
  }
  // Calls of responses nobody has heard of, each answered at once, while another is requested.
  apply({ type: "response_done", responseId: "r999", outcome: "completed" });
  for (let turn = 0; turn < 1_000; turn += 1) {
    apply({ type: "tool_called", responseId: `unheard${turn}`, call: call(`c${turn}`) });
    apply({ type: "tool_finished", itemId: `item_c${turn}`, output: "null" });
  }
  expect(state.response.phase).toBe("requested");
  expect(state.queue.length).toBeLessThanOrEqual(turnLimits.queuedWishes);
  expect(state.spoken.length).toBeLessThanOrEqual(turnLimits.spokenItems);
  expect(state.unconfirmedItemIds.size).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.droppedIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.settledResponseIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.asideItemIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.voicedResponseIds.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
  expect(state.said.length).toBeLessThanOrEqual(turnLimits.spokenItems);
  expect(state.toldCalls.length).toBeLessThanOrEqual(turnLimits.toldCalls);
  expect(state.earlyOutputs.length).toBeLessThanOrEqual(turnLimits.runningTools);
  expect(state.toolBatches.length).toBeLessThanOrEqual(turnLimits.runningTools + 1);
  for (const { sees } of state.queue) expect(sees.length).toBeLessThanOrEqual(turnLimits.rememberedIds);
});
