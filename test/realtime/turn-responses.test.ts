import { describe, expect, it } from "vitest";
import { turnLimits } from "../../bridge-task/realtime/turn/step.ts";
import { agentStateOf } from "../../bridge-task/realtime/turn/turn.ts";
import { audio, created, done, Turn, wanted, withVad } from "./turn-harness.ts";

const create = (eventId: string, parameters?: object) => ({ type: "create_response", eventId, parameters });
const refusedAsActive = (eventId: string, activeResponseId?: string) =>
  ({ type: "refused", eventId, isResponseActive: true, activeResponseId }) as const;
const speech = { type: "speech_started" } as const;
const speechEnd = { type: "speech_stopped" } as const;

describe("one response at a time", () => {
  it("sends the first wish at once and the next when the response is done", () => {
    const turn = new Turn();
    expect(turn.run(wanted("a"))).toEqual([create("a")]);
    expect(turn.run(created("r1"), wanted("b"))).toEqual([]);
    expect(turn.run(done("r1"))).toEqual([create("b")]);
  });

  it("makes one of wishes without parameters and keeps the order of the others", () => {
    const turn = new Turn(wanted("a"), created("r1"));
    turn.run(wanted("p1", { parameters: { instructions: "1" } }), wanted("b"), wanted("c"));
    turn.run(wanted("p2", { parameters: { instructions: "2" } }));
    expect(turn.run(done("r1"))).toEqual([create("p1", { instructions: "1" })]);
    expect(turn.run(created("r2"), done("r2"))).toEqual([create("c")]);
    expect(turn.run(created("r3"), done("r3"))).toEqual([create("p2", { instructions: "2" })]);
    expect(turn.run(created("r4"), done("r4"))).toEqual([]);
  });

  it("takes a bare wish for the request that is under way, but not one that brings a new item", () => {
    const turn = new Turn(wanted("a"));
    expect(turn.run(wanted("b"), created("r1"), done("r1"))).toEqual([]);
    turn.run(wanted("c"), { type: "item_sent", itemId: "item" }, wanted("d", { sees: ["item"] }));
    expect(turn.run(created("r2"), done("r2"))).toEqual([create("d")]);
  });

  it("lets a response outside of the conversation pass by, and keeps its audio from the voice", () => {
    const turn = new Turn(wanted("a"), created("r1"));
    const parameters = { conversation: "none" };
    expect(turn.run(wanted("aside", { parameters }))).toEqual([create("aside", parameters)]);
    expect(turn.run(created("r2", false), audio("r2", "item_2", 100), done("r2"))).toEqual([]);
    expect(turn.state.response).toMatchObject({ phase: "active", id: "r1" });
  });

  it("asks again when the server was busy with a response of its own, once that is done", () => {
    const turn = new Turn(wanted("a"));
    expect(turn.run(refusedAsActive("a", "r1"))).toEqual([]);
    expect(turn.run(created("r1"))).toEqual([]);
    expect(turn.run(done("r1"))).toEqual([create("a.1")]);
  });

  it("asks again when the busy response was over before the refusal came", () => {
    const turn = new Turn(created("r1"), done("r1"), wanted("a"));
    expect(turn.run(refusedAsActive("a", "r1"))).toEqual([]);
    expect(turn.fire("retry")).toEqual([create("a.1")]);
  });

  it("asks again after a while when the server names no response that it is busy with", () => {
    const turn = new Turn(wanted("a"), refusedAsActive("a"));
    expect(turn.fire("response").map(({ type }) => type)).toEqual(["cancel_response", "create_response"]);
  });

  it("gives a wish up after so many attempts, and serves the next", () => {
    const turn = new Turn(wanted("a", { parameters: { instructions: "x" } }));
    const abandoned = Array.from({ length: turnLimits.attemptsPerWish }, () => turn.fire("response")).flat();
    expect(abandoned.at(-1)).toMatchObject({ type: "abandon_wish", wish: { id: "a" } });
    expect(turn.run(wanted("b"))).toEqual([create("b")]);
  });

  it("goes on after a refused request, and after a response that never ends", () => {
    const turn = new Turn(wanted("a"), wanted("b", { parameters: {} }));
    const refused = { type: "refused", eventId: "a", isResponseActive: false, activeResponseId: undefined } as const;
    expect(turn.run(refused)).toEqual([create("b", {})]);
    turn.run(created("r1"), wanted("c"));
    expect(turn.fire("response")).toEqual([{ type: "cancel_response", responseId: "r1" }, create("c")]);
  });

  it("counts a response whose beginning was lost", () => {
    const turn = new Turn(wanted("a"), wanted("b", { parameters: {} }));
    expect(turn.run(done("r1"))).toEqual([create("b", {})]);
  });

  it("tries a response again that failed for now, later each time, and not for ever", () => {
    const turn = new Turn(wanted("a", { parameters: { instructions: "x" } }), created("r1"));
    expect(turn.run(done("r1", "failed_for_now"))).toEqual([]);
    expect(turn.fire("retry")).toEqual([create("retry_r1", { instructions: "x" })]);
    turn.run(created("r2"), done("r2", "failed_for_now"));
    expect(turn.fire("retry")).toHaveLength(1);
    turn.run(created("r3"), done("r3", "failed_for_now"));
    expect(turn.fire("retry")).toEqual([]);
  });
});

describe("while a person speaks", () => {
  it("sends no wish before the response to that speech", () => {
    const turn = new Turn(speech);
    expect(turn.run(wanted("a", { parameters: {} }), speechEnd)).toEqual([]);
    expect(turn.run(created("r1"))).toEqual([]);
    expect(turn.run(done("r1"))).toEqual([create("a", {})]);
  });

  it("takes the response to the speech for a wish whose items the server had shown", () => {
    const turn = new Turn(speech, { type: "item_sent", itemId: "i" });
    turn.run(wanted("a", { sees: ["i"] }), { type: "item_settled", itemId: "i" }, speechEnd, created("r1"));
    expect(turn.run(done("r1"))).toEqual([]);
  });

  it("takes a wish that names no item for one that means all that was sent before", () => {
    const turn = new Turn(speech, { type: "item_sent", itemId: "i" }, wanted("a"), speechEnd, created("r1"));
    expect(turn.run({ type: "item_settled", itemId: "i" }, done("r1"))).toEqual([create("a")]);
    const seen = new Turn(speech, { type: "item_sent", itemId: "i" }, wanted("a"));
    seen.run({ type: "item_settled", itemId: "i" }, speechEnd, created("r1"));
    expect(seen.run(done("r1"))).toEqual([]);
  });

  it("asks again where the response to the speech cannot have seen the item", () => {
    const turn = new Turn(speech, { type: "item_sent", itemId: "i" }, wanted("a", { sees: ["i"] }), speechEnd);
    turn.run(created("r1"), { type: "item_settled", itemId: "i" });
    expect(turn.run(done("r1"))).toEqual([create("a")]);
  });

  it("finds out by the refusal that the response was the server's own, and does not ask twice", () => {
    const turn = new Turn({ type: "item_sent", itemId: "i" }, wanted("a", { sees: ["i"] }));
    turn.run({ type: "item_settled", itemId: "i" }, speech, speechEnd, created("r1"), refusedAsActive("a", "r1"));
    expect(turn.run(done("r1"))).toEqual([]);
  });

  it("cancels a response of ours that begins in the middle of the speech, and answers after it", () => {
    const turn = new Turn(wanted("a", { parameters: {} }), speech);
    expect(turn.run(created("r1"))).toEqual([{ type: "cancel_response", responseId: "r1" }]);
    expect(turn.run(audio("r1", "item_1", 100))).toEqual([{ type: "delete_item", itemId: "item_1" }]);
    expect(turn.run(done("r1", "cancelled"), speechEnd, created("r2"))).toEqual([]);
    expect(turn.run(done("r2"))).toEqual([create("a.1", {})]);
  });

  it("answers what was typed also where the speech that came between is not answered by itself", () => {
    const turn = new Turn(withVad("server", false), { type: "item_sent", itemId: "i" }, wanted("a", { sees: ["i"] }));
    turn.run({ type: "item_settled", itemId: "i" }, speech, created("r1"), done("r1", "cancelled"));
    expect(turn.run(speechEnd)).toEqual([create("a.1")]);
  });

  it("answers a speech that the server could not, because a response was still active", () => {
    const turn = new Turn(wanted("a"), speech, created("r1"), speechEnd);
    turn.run({ type: "refused", eventId: undefined, isResponseActive: true, activeResponseId: "r1" });
    expect(turn.types(done("r1", "cancelled"))).toEqual(["create_response"]);
  });

  it("never greets a person who speaks first", () => {
    const greeting = { parameters: { instructions: "greet" }, yieldsToSpeech: true };
    const late = new Turn(speech);
    expect(late.run(wanted("hello", greeting), speechEnd, created("r1"), done("r1"))).toEqual([]);
    const queued = new Turn(wanted("a"), created("r1"), wanted("hello", greeting));
    expect(queued.run(speech, done("r1", "cancelled"), speechEnd, created("r2"), done("r2"))).toEqual([]);
    const requested = new Turn(wanted("hello", greeting), speech);
    expect(requested.run(created("r1"))).toEqual([{ type: "cancel_response", responseId: "r1" }]);
    expect(requested.run(done("r1", "cancelled"), speechEnd, created("r2"), done("r2"))).toEqual([]);
  });

  it("does not wait for an answer that will not come", () => {
    const withoutAnswers = new Turn(withVad("server", false), speech, wanted("a"));
    expect(withoutAnswers.run(speechEnd)).toEqual([create("a")]);
    const discarded = new Turn(speech, wanted("a"));
    expect(discarded.run({ type: "speech_discarded" })).toEqual([create("a")]);
    const switchedOff = new Turn(speech, wanted("a"));
    expect(switchedOff.run({ type: "session_updated", turnDetection: null })).toEqual([create("a")]);
    const overdue = new Turn(speech, speechEnd, wanted("a"));
    expect(overdue.fire("speech")).toEqual([create("a")]);
  });
});

describe("cancelling", () => {
  it("ends the active response and every wish made so far, but not those made after", () => {
    const turn = new Turn(wanted("a"), created("r1"), wanted("b"));
    expect(turn.run({ type: "cancel_wanted" })).toEqual([{ type: "cancel_response", responseId: "r1" }]);
    expect(turn.run(wanted("c"), done("r1", "cancelled"))).toEqual([create("c")]);
  });

  it("waits for the id of a response that was only requested", () => {
    const turn = new Turn(wanted("a"));
    expect(turn.run({ type: "cancel_wanted" })).toEqual([]);
    expect(turn.run(created("r1"))).toEqual([{ type: "cancel_response", responseId: "r1" }]);
  });

  it("cuts what is still being said after the response was done", () => {
    const turn = new Turn(created("r1"), audio("r1", "item_1", 1_000), done("r1"));
    expect(turn.types({ type: "cancel_wanted" })).toEqual(["cancel_response", "cut_voice"]);
  });
});

describe("the agent's state", () => {
  it("follows the turn", () => {
    const turn = new Turn();
    const states = [
      speech,
      speechEnd,
      created("r1"),
      audio("r1", "i", 40),
      done("r1"),
      { type: "voice_drained" } as const,
    ].map((event) => {
      turn.run(event);
      return agentStateOf(turn.state);
    });
    expect(states).toEqual(["listening", "thinking", "thinking", "speaking", "speaking", "listening"]);
  });
});
