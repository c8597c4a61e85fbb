import { describe, expect, it } from "vitest";
import type { TurnCommand, TurnEvent } from "../../bridge-task/realtime/turn/types.ts";
import { TurnConversation } from "./turn-conversation.ts";
import { audio, call, called, created, done, finished, part, Turn, wanted, withVad } from "./turn-harness.ts";

/*
 * What users of other voice agents complain about most, by theme, each with one of their reports, and how the turn holds here.
 * The property tests beside this file look for the same in any order of events.
 */

const speech: TurnEvent = { type: "speech_started" };
const speechEnd: TurnEvent = { type: "speech_stopped" };
const drained: TurnEvent = { type: "voice_drained" };
const confirmAll = (turn: Turn) =>
  turn.run(...[...turn.state.unconfirmedItemIds].map((itemId): TurnEvent => ({ type: "item_settled", itemId })));
const outputsIn = (commands: TurnCommand[]) =>
  commands.flatMap((command) => (command.type === "send_tool_output" ? [command.callId] : []));
const requestsIn = (commands: TurnCommand[]) => commands.filter(({ type }) => type === "create_response").length;

describe("the agent is alive, but mute for ever", () => {
  it("theme 2: a finished tool's output was never sent after an interruption (livekit/agents-js #2249); here it goes out in the middle of the speech, which its answer has seen", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), audio("r1", "i", 500), speech, done("r1", "cancelled"));
    expect(outputsIn(turn.run({ type: "voice_cut", parts: [] }, finished("a")))).toEqual(["call_a"]);
    confirmAll(turn);
    expect(turn.run(speechEnd, created("r2"), done("r2"))).toEqual([]);
    expect(turn.types(wanted("next"))).toEqual(["create_response"]);
  });

  it("theme 3: a tool cancelled just before it was in progress stayed in progress for ever (pipecat #3661); here it runs, or was never called, and nothing is between", () => {
    const justCalled = new Turn(created("r1"));
    expect(justCalled.types(called("r1", "a"), { type: "cancel_wanted" })).toEqual(["run_tool", "cancel_response"]);
    expect(outputsIn(justCalled.run(done("r1", "cancelled"), finished("a")))).toEqual(["call_a"]);
    expect(justCalled.state.toolBatches).toEqual([]);
    const notYetCalled = new Turn(created("r1"));
    const cut: TurnEvent = { type: "tool_call_cut", responseId: "r1", itemId: call("a").itemId };
    expect(notYetCalled.types({ type: "cancel_wanted" }, cut)).toEqual(["cancel_response", "delete_item"]);
    expect(notYetCalled.run(called("r1", "a"), done("r1", "cancelled"))).toEqual([]);
    expect(notYetCalled.state.toolBatches).toEqual([]);
  });

  it("theme 4: a reply interrupted before it was heard wedged the session (livekit/agents-js #2065, #1124); here the next one is free to come", () => {
    const turn = new Turn(wanted("a"), created("r1"), speech, done("r1", "cancelled"));
    expect(turn.run(audio("r1", "late", 100))).toEqual([{ type: "delete_item", itemId: "late" }]);
    expect(turn.types(speechEnd, created("r2"), audio("r2", "i", 100))).toEqual(["speak"]);
    expect(turn.types(done("r2"), drained, wanted("b"))).toEqual(["finish_item", "create_response"]);
  });

  it("theme 5: the agent was silent after a tool call (livekit/agents #4461); here an answer is asked for wherever none has seen the result", () => {
    const beforeTheEnd = new Turn(created("r1"), called("r1", "a"), finished("a"));
    expect(beforeTheEnd.types(done("r1"))).toEqual(["create_response"]);
    const afterTheEnd = new Turn(created("r1"), called("r1", "a"), done("r1"));
    expect(afterTheEnd.types(finished("a"))).toEqual(["send_tool_output", "create_response"]);
    const afterFailure = new Turn(created("r1"), called("r1", "a"), done("r1", "failed"));
    expect(afterFailure.types(finished("a"))).toEqual(["send_tool_output", "create_response"]);
    const withoutAnEnd = new Turn(created("r1"), called("r1", "a"), finished("a"));
    expect(requestsIn(withoutAnEnd.fire("response"))).toBe(1);
  });

  it("theme 6: one missing tool output poisoned every later turn (livekit/agents #5092); here no call stays in the conversation without one", () => {
    const conversation = new TurnConversation({ createResponse: true });
    conversation.do("ask");
    for (const action of ["up", "down", "call", "call", "call"] as const) conversation.do(action);
    // The person speaks in the middle of the third call.
    for (const action of ["speak", "down", "down", "first tool", "stop"] as const) conversation.do(action);
    conversation.settle();
    const kept = [...conversation.model.calls.values()].map(({ status, outputItemId }) => [status, !!outputItemId]);
    expect(kept).toEqual([
      ["completed", true],
      ["completed", true],
      ["deleted", false],
    ]);
  });
});

describe("the agent says it twice", () => {
  it("theme 7: one utterance was answered twice (livekit/agents-js #222); here the server's own answer to it satisfies whatever it has seen", () => {
    const turn = new Turn(speech, { type: "item_sent", itemId: "typed" }, wanted("a", { sees: ["typed"] }));
    turn.run({ type: "item_settled", itemId: "typed" }, speechEnd);
    expect(turn.run(created("r1"), done("r1"))).toEqual([]);
    const batch = new Turn(created("r1"), called("r1", "a"), called("r1", "b"), done("r1"));
    expect(requestsIn(batch.run(finished("a"), finished("b")))).toBe(1);
    confirmAll(batch);
    expect(batch.run(created("r2"), done("r2"))).toEqual([]);
  });

  it("theme 8: conversation_already_has_active_response (openai-agents-python #1466); here nothing is asked for while a response is active, and a crossing request is sent again", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), finished("a"), wanted("b", { parameters: {} }));
    expect(turn.state.response).toMatchObject({ phase: "active", id: "r1" });
    expect(requestsIn(turn.run(done("r1")))).toBe(1);
    expect(turn.state.response).toMatchObject({ phase: "requested" });
    const crossing = new Turn(wanted("c", { parameters: {} }));
    crossing.run({ type: "refused", eventId: "c", isResponseActive: true, activeResponseId: "r2" }, created("r2"));
    expect(crossing.run(done("r2"))).toEqual([{ type: "create_response", eventId: "c.1", parameters: {} }]);
  });

  it("theme 9: the opening line was repeated when it was interrupted (livekit/agents #4769); here a greeting that a person cut short, or came before, is not said again", () => {
    const greeting = wanted("hello", { parameters: { instructions: "Greet." }, yieldsToSpeech: true });
    const interrupted = new Turn(greeting, created("r1"), audio("r1", "i", 1_000));
    interrupted.run(speech, { type: "voice_cut", parts: [] }, done("r1", "cancelled"), speechEnd, created("r2"));
    expect(requestsIn(interrupted.run(done("r2"), drained))).toBe(0);
    const late = new Turn(speech, greeting, speechEnd, created("r1"));
    expect(requestsIn(late.run(done("r1")))).toBe(0);
  });
});

describe("interrupting", () => {
  it("theme 10: an interruption did nothing once all audio was received (openai-agents-js #1173); here what waits is cut as long as it waits", () => {
    const turn = new Turn(created("r1"), audio("r1", "i", 8_000), { type: "audio_completed", itemId: "i" }, done("r1"));
    expect(turn.run(speech)).toEqual([{ type: "cut_voice" }]);
    const parts = [{ ...part("i"), receivedMs: 8_000, sentMs: 1_240 }];
    expect(turn.run({ type: "voice_cut", parts })).toEqual([
      { type: "truncate_item", itemId: "i", contentIndex: 0, audioEndMs: 1_240 },
    ]);
  });

  it("theme 11: truncating at 0 ms before the first frame was refused (livekit/agents #6157); here such an item is deleted", () => {
    const turn = new Turn(created("r1"), audio("r1", "i", 400), speech);
    const parts = [{ ...part("i"), receivedMs: 400, sentMs: 0 }];
    expect(turn.run({ type: "voice_cut", parts })).toEqual([{ type: "delete_item", itemId: "i" }]);
  });

  it("theme 12: the history said what nobody had heard (livekit/agents #2201); here it keeps each item as far as it was sent, and nothing that came after the cut", () => {
    const turn = new Turn(created("r1"), audio("r1", "i", 300), audio("r1", "j", 900), speech);
    const parts = [
      { ...part("i"), receivedMs: 300, sentMs: 300 },
      { ...part("j"), receivedMs: 900, sentMs: 20 },
    ];
    expect(turn.run({ type: "voice_cut", parts })).toEqual([
      { type: "truncate_item", itemId: "i", contentIndex: 0, audioEndMs: 300 },
      { type: "truncate_item", itemId: "j", contentIndex: 0, audioEndMs: 20 },
    ]);
    expect(turn.run(audio("r1", "j", 200), audio("r1", "k", 200), done("r1", "cancelled"))).toEqual([
      { type: "delete_item", itemId: "k" },
    ]);
  });

  it("theme 13: noise and “mhm” stopped the agent (livekit/agents #4039, #1229); here it talks on where interrupt_response is false, and answers what was said", () => {
    const turn = new Turn(withVad("nobody"), created("r1"), audio("r1", "item_1", 400));
    expect(turn.types(speech)).toEqual([]);
    expect(turn.types(audio("r1", "item_1", 400))).toEqual(["speak"]);
    expect(turn.types(speechEnd)).toEqual([]);
    // The server cannot answer while the sentence lasts, and says so without naming an event.
    const busy = { type: "refused", eventId: undefined, isResponseActive: true, activeResponseId: "r1" } as const;
    expect(turn.types(busy)).toEqual([]);
    expect(turn.types(done("r1"))).toEqual(["finish_item", "create_response"]);
  });

  it("theme 14: barge-in killed a tool in flight, and its action was lost (pipecat-flows #121); here nobody stops it, and its result is told", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"), audio("r1", "i", 200), speech);
    turn.run({ type: "voice_cut", parts: [] }, { type: "cancel_wanted" }, speechEnd, created("r2"));
    expect(outputsIn(turn.run(finished("a")))).toEqual(["call_a"]);
    confirmAll(turn);
    expect(requestsIn(turn.run(done("r2")))).toBe(1);
  });
});

describe("long calls", () => {
  it("theme 17: history restored as text was truncated like speech (livekit/agents-js #977); here only what the voice was given is ever cut", () => {
    const turn = new Turn({ type: "item_settled", itemId: "restored" }, created("r1"));
    const heard = { itemId: "restored", contentIndex: 0, ms: 500 };
    expect(turn.types(speech, done("r1", "cancelled"), { type: "cancel_wanted", heard })).toEqual(["cancel_response"]);
  });
});
