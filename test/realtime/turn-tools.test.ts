import { describe, expect, it } from "vitest";
import { turnLimits } from "../../bridge-task/realtime/turn/step.ts";
import { agentStateOf } from "../../bridge-task/realtime/turn/turn.ts";
import type { ResponseParameters, TurnCommand } from "../../bridge-task/realtime/turn/types.ts";
import { call, called, created, done, finished, Turn, wanted, withVad } from "./turn-harness.ts";

const run = (id: string) => ({ type: "run_tool", call: call(id) });
const speech = { type: "speech_started" } as const;
const speechEnd = { type: "speech_stopped" } as const;
const cancel = { type: "cancel_wanted" } as const;
const settled = (itemId: string) => ({ type: "item_settled", itemId }) as const;
const answered = (id: string, outputItemId: string) =>
  ({ type: "tool_answered", callId: `call_${id}`, outputItemId }) as const;
const output = (id: string, itemId: unknown = expect.any(String)) => ({
  type: "send_tool_output",
  callId: `call_${id}`,
  itemId,
  output: `{"found":"${id}"}`,
});
const create = expect.objectContaining({ type: "create_response", parameters: undefined });
const eventIdIn = (commands: TurnCommand[]): string | undefined => {
  const request = commands.find((command) => command.type === "create_response");
  return request?.eventId;
};
/** Confirms every output that was sent, as the server does in order. */
const confirmAll = (turn: Turn) => turn.run(...[...turn.state.unconfirmedItemIds].map(settled));

describe("a tool call", () => {
  it("is run once, however often it is told of", () => {
    const turn = new Turn(created("r1"));
    expect(turn.run(called("r1", "a"))).toEqual([run("a")]);
    const withOtherId = { type: "tool_called", responseId: "r1", call: { ...call("a"), itemId: "call_a" } } as const;
    expect(turn.run(called("r1", "a"), withOtherId, finished("a"), called("r1", "a"))).toEqual([output("a")]);
    expect(turn.types(done("r1"), called("r1", "a"))).toEqual(["create_response"]);
  });

  it("has one output: whatever comes second, or of a call that nobody made, is dropped", () => {
    const turn = new Turn(created("r1"), called("r1", "a"));
    expect(turn.run(finished("a"), finished("a", "late"), finished("never called"))).toEqual([output("a")]);
  });

  it("gets output items with ids of at most 32 characters, each used once", () => {
    const long = "x".repeat(64);
    const turn = new Turn(created("r1"), called("r1", `${long}1`), called("r1", `${long}2`));
    const sent = turn.run(finished(`${long}2`), finished(`${long}1`));
    const ids = sent.map((command) => (command.type === "send_tool_output" ? command.itemId : ""));
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id.length).toBeLessThanOrEqual(32);
  });

  it("is not run and is deleted once when it was cut in the middle of its arguments", () => {
    const turn = new Turn(created("r1"), speech);
    const cut = { type: "tool_call_cut", responseId: "r1", itemId: "item_a" } as const;
    expect(turn.run(cut, cut)).toEqual([{ type: "delete_item", itemId: "item_a" }]);
    expect(turn.run(called("r1", "a"), done("r1", "cancelled"), speechEnd)).toEqual([]);
  });

  it("stays when it was complete before somebody says that it was cut", () => {
    const turn = new Turn(created("r1"), called("r1", "a"));
    expect(turn.run({ type: "tool_call_cut", responseId: "r1", itemId: "item_a" })).toEqual([]);
  });

  it("is not run outside of the conversation, which could not hold its output", () => {
    const turn = new Turn(created("aside", false));
    expect(turn.run(called("aside", "a"), { type: "tool_call_cut", responseId: "aside", itemId: "item_b" })).toEqual(
      [],
    );
  });

  it("is answered by an error at once where too many run already", () => {
    const turn = new Turn(created("r1"));
    const ids = Array.from({ length: turnLimits.runningTools + 1 }, (_, index) => `${index}`);
    const commands = turn.run(...ids.map((id) => called("r1", id)));
    expect(commands.slice(0, -1)).toEqual(ids.slice(0, -1).map(run));
    expect(commands.at(-1)).toMatchObject({ type: "send_tool_output", callId: `call_${ids.at(-1)}` });
    expect(commands.at(-1)).toHaveProperty("output", expect.stringMatching(/^\{"error":"/));
    turn.run(finished("0"));
    expect(turn.run(called("r1", "next"))).toEqual([run("next")]);
  });
});

describe("the answer to a batch of tools", () => {
  it("is asked for once, when the response is done and every call has its output", () => {
    const turn = new Turn(wanted("a"), created("r1"), called("r1", "a"), called("r1", "b"));
    expect(turn.run(finished("b"))).toEqual([output("b")]);
    expect(turn.run(done("r1"))).toEqual([]);
    expect(turn.run(finished("a"))).toEqual([output("a"), create]);
    confirmAll(turn);
    expect(turn.run(created("r2"), done("r2"))).toEqual([]);
  });

  it("waits for the end of the response where all tools are faster than it", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), finished("a"));
    expect(turn.run(called("r1", "b"), finished("b"))).toEqual([run("b"), output("b")]);
    expect(turn.run(done("r1"))).toEqual([create]);
  });

  it("waits for a tool that was called after others had their outputs", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), finished("a"), called("r1", "b"));
    expect(turn.run(done("r1"))).toEqual([]);
    expect(turn.run(finished("b"))).toEqual([output("b"), create]);
  });

  it("waits until nobody speaks, and is the answer to that speech where it has seen the outputs", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"), speech);
    expect(turn.run(finished("a"))).toEqual([output("a")]);
    confirmAll(turn);
    expect(turn.run(speechEnd, created("r2"), done("r2"))).toEqual([]);
  });

  it("is asked for after the answer to a speech that began before the outputs were in", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"), speech, speechEnd, created("r2"));
    expect(turn.run(finished("a"))).toEqual([output("a")]);
    confirmAll(turn);
    expect(turn.run(done("r2"))).toEqual([create]);
  });

  it("is still due where the answer to a speech has seen only some of the outputs", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), called("r1", "b"), finished("a"), done("r1"));
    confirmAll(turn);
    turn.run(speech, speechEnd, created("r2"), done("r2"));
    expect(turn.run(finished("b"))).toEqual([output("b"), create]);
  });

  it("comes by itself at the end of a speech that the server does not answer", () => {
    const turn = new Turn(withVad("server", false), created("r1"), called("r1", "a"), done("r1"), speech);
    expect(turn.run(finished("a"), speechEnd)).toEqual([output("a"), create]);
  });

  it("merges with what the application asks meanwhile, and with other batches", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"), created("r2"), called("r2", "b"));
    expect(turn.run(finished("a"), finished("b"), wanted("own"))).toEqual([output("a"), output("b")]);
    expect(turn.run(done("r2"))).toEqual([create]);
    confirmAll(turn);
    expect(turn.run(created("r3"), done("r3"))).toEqual([]);
  });

  it("is given by a response with parameters that has seen the outputs, but not by one with an input of its own", () => {
    const cases: [ResponseParameters, boolean][] = [
      [{ instructions: "Briefly." }, false],
      [{ input: [] }, true],
    ];
    for (const [parameters, isAsked] of cases) {
      const turn = new Turn(created("r1"), called("r1", "a"), wanted("own", { parameters }), finished("a"));
      expect(turn.run(done("r1"))).toEqual([{ type: "create_response", eventId: "own", parameters }]);
      confirmAll(turn);
      expect(turn.run(created("r2"), done("r2"))).toEqual(isAsked ? [create] : []);
    }
  });

  it("comes after a response that failed, instead of asking the same again", () => {
    const turn = new Turn(wanted("a"), created("r1"), called("r1", "a"));
    expect(turn.run(done("r1", "failed_for_now"))).toEqual([]);
    expect(turn.state.wakes.retry).toBeUndefined();
    expect(turn.run(finished("a"))).toEqual([output("a"), create]);
  });

  it("is asked for again where the server refuses the request for the moment", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"));
    const [, request] = turn.run(finished("a"));
    const eventId = eventIdIn(request ? [request] : []);
    const refusal = { isResponseActive: false, activeResponseId: undefined, isForNow: true };
    expect(turn.run({ type: "refused", eventId, ...refusal })).toEqual([]);
    expect(turn.fire("retry")).toEqual([{ ...request, eventId: `${eventId}.1` }]);
  });

  it("is asked for again where the refusal comes only after a response of the server's own", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"));
    const eventId = eventIdIn(turn.run(finished("a")));
    turn.run(speech, speechEnd, created("r2"));
    turn.run({ type: "refused", eventId, isResponseActive: false, activeResponseId: undefined, isForNow: true });
    expect(turn.run(done("r2"))).toEqual([create]);
  });
});

describe("tools and cancelling", () => {
  it("goes on with a tool that was called before the cancel, and tells of its result", () => {
    const turn = new Turn(created("r1"), called("r1", "a"));
    expect(turn.run(cancel, done("r1", "cancelled"))).toEqual([{ type: "cancel_response", responseId: "r1" }]);
    expect(turn.run(finished("a"))).toEqual([output("a"), create]);
  });

  it("does not take back the answer that waits for a speech to end", () => {
    const turn = new Turn(withVad("server", false), created("r1"), called("r1", "a"), done("r1"), speech);
    turn.run(finished("a"), wanted("own", { parameters: {} }), cancel);
    expect(turn.run(speechEnd)).toEqual([create]);
    expect(turn.run(created("r2"), done("r2"))).toEqual([]);
  });

  it("ends the answer itself where that is what is being said", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"), finished("a"));
    confirmAll(turn);
    expect(turn.run(created("r2"), cancel)).toEqual([{ type: "cancel_response", responseId: "r2" }]);
    expect(turn.run(done("r2", "cancelled"))).toEqual([]);
  });

  it.each([
    ["before anything began", [cancel, created("r2")], [{ type: "cancel_response", responseId: "r2" }]],
    [
      "after the server's own began",
      [speech, speechEnd, created("r2"), cancel],
      [{ type: "cancel_response", responseId: "r2" }],
    ],
  ])("asks again for the answer that was refused, where the cancel came %s", (_, events, commands) => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"));
    const eventId = eventIdIn(turn.run(finished("a")));
    expect(turn.run(...events)).toEqual(commands);
    confirmAll(turn);
    turn.run({ type: "refused", eventId, isResponseActive: true, activeResponseId: "r2" });
    expect(turn.run(done("r2", "cancelled"))).toEqual([create]);
  });

  it("leaves the answer to a speech alone that begins while a cancelled request is still on its way", () => {
    const turn = new Turn(wanted("a"), cancel, speech, speechEnd);
    expect(turn.run(created("r1"))).toEqual([]);
    const refusal = { eventId: "a", isResponseActive: true, activeResponseId: "r1" };
    expect(turn.run({ type: "refused", ...refusal }, done("r1"))).toEqual([]);
  });
});

describe("what the application answers by itself", () => {
  it("is the call's one output, and the handler's later result is dropped", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), answered("a", "own_1"));
    expect(turn.run(finished("a"))).toEqual([]);
    expect(turn.run(done("r1"))).toEqual([create]);
  });

  it("counts before we were told of the call: it is not run", () => {
    const turn = new Turn(created("r1"), answered("a", "own_1"), settled("own_1"));
    expect(turn.run(called("r1", "a"))).toEqual([]);
    expect(turn.run(done("r1"))).toEqual([create]);
    expect(turn.run(created("r2"), done("r2"))).toEqual([]);
    const sameId = { type: "tool_called", responseId: "r3", call: { ...call("a"), itemId: "other" } } as const;
    expect(turn.types(created("r3"), sameId), "a server that uses call ids again").toEqual(["run_tool"]);
  });

  it("is answered once where the application asks for that itself", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"));
    expect(turn.run(answered("a", "own_1"), wanted("own"))).toEqual([create]);
    expect(turn.run(settled("own_1"), created("r2"), done("r2"))).toEqual([]);
  });
});

describe("lost and late events", () => {
  it("answers a call that is told of only after its response was done", () => {
    const turn = new Turn(created("r1"), done("r1"));
    expect(turn.run(called("r1", "a"), finished("a"))).toEqual([run("a"), output("a"), create]);
  });

  it("runs the calls of a response whose beginning was lost, and answers them together", () => {
    const turn = new Turn(wanted("a"), called("r1", "a"), finished("a"), called("r1", "b"), finished("b"));
    expect(turn.run(done("r1"))).toEqual([create]);
  });

  it("answers a call of a response that was never heard of otherwise", () => {
    const turn = new Turn(called("r1", "a"));
    expect(turn.run(finished("a"))).toEqual([output("a"), create]);
  });

  it("answers a call whose response's end was lost, at the latest when that is overdue", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), finished("a"));
    expect(turn.fire("response")).toEqual([{ type: "cancel_response", responseId: "r1" }, create]);
  });

  it("takes the next response of the server for the end of one whose end was lost, and for its answer", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), finished("a"));
    confirmAll(turn);
    expect(turn.run(speech, speechEnd, created("r2"), done("r2"))).toEqual([]);
  });
});

describe("the agent's state", () => {
  it("is thinking while a tool runs and nobody speaks", () => {
    const turn = new Turn(created("r1"), called("r1", "a"), done("r1"));
    expect(agentStateOf(turn.state)).toBe("thinking");
    turn.run(speech);
    expect(agentStateOf(turn.state)).toBe("listening");
    turn.run(speechEnd, created("r2"), done("r2"));
    expect(agentStateOf(turn.state)).toBe("thinking");
    turn.run(finished("a"));
    confirmAll(turn);
    turn.run(created("r3"), done("r3"));
    expect(agentStateOf(turn.state)).toBe("listening");
  });
});
