import { describe, expect, it } from "vitest";
import type { TurnCommand, TurnEvent } from "../../bridge-task/realtime/turn/types.ts";
import { audio, called, created, done, finished, part, Turn, wanted, withVad } from "./turn-harness.ts";

const slow = (id: string, sentence = "One moment."): TurnEvent => ({
  type: "tool_slow",
  itemId: `item_${id}`,
  sentence,
});
const begun = (eventId: string, responseId = "aside"): TurnEvent => ({ type: "aside_created", responseId, eventId });
const over = (responseId = "aside"): TurnEvent => ({ type: "aside_done", responseId });
const speech = { type: "speech_started" } as const;
const cancelAside = { type: "cancel_response", responseId: "aside" };

/** A tool runs, its response is over, and nobody says anything. */
const withTool = (...ids: string[]) =>
  new Turn(created("r1"), ...(ids.length > 0 ? ids : ["a"]).map((id) => called("r1", id)), done("r1"));

const requestIn = (commands: TurnCommand[]) => commands.find((command) => command.type === "create_response");

/** The aside has begun, and nothing of it was heard yet. */
const begin = (turn = withTool()): Turn => {
  const request = requestIn(turn.run(slow("a")));
  turn.run(begun(request?.eventId ?? ""));
  return turn;
};

/** It is being heard. */
const beginHeard = (turn = withTool()): Turn => {
  begin(turn).run(audio("aside", "said", 400));
  return turn;
};

describe("a sentence while a tool is slow", () => {
  it("is asked for outside of the conversation, without context, and is named by its request", () => {
    const turn = withTool();
    const [request, ...rest] = turn.run(slow("a", 'Say "please".'));
    expect(rest).toEqual([]);
    expect(request).toMatchObject({
      type: "create_response",
      parameters: {
        conversation: "none",
        input: [],
        tool_choice: "none",
        instructions: expect.stringContaining('"Say \\"please\\"."'),
        metadata: { bridge_aside: requestIn(request ? [request] : [])?.eventId },
      },
    });
  });

  it("is heard, and what the tool brings is said after it, by the next response", () => {
    const turn = begin();
    expect(turn.run(audio("aside", "said", 400))).toEqual([{ type: "speak", part: part("said") }]);
    expect(turn.types(finished("a"))).toEqual(["send_tool_output"]);
    expect(turn.run({ type: "audio_completed", itemId: "said" })).toEqual([{ type: "finish_item", itemId: "said" }]);
    expect(turn.types(over())).toEqual(["create_response"]);
  });

  it("is said once for all tools that were called together", () => {
    const turn = beginHeard(withTool("a", "b"));
    turn.run(over(), { type: "voice_drained" });
    expect(turn.run(slow("a"), slow("b"))).toEqual([]);
  });

  it("is not said of a tool that has ended, nor of one that nobody called", () => {
    expect(
      withTool("a", "b")
        .run(finished("a"), slow("a"), slow("c"))
        .map(({ type }) => type),
    ).toEqual(["send_tool_output"]);
  });

  it("is said of one response's tools at a time: another's do not have theirs said over it, nor after it", () => {
    const turn = beginHeard();
    turn.run(wanted("w"), over(), created("r2"), called("r2", "b"), done("r2"), { type: "voice_drained" });
    turn.run(called("r3", "c"));
    expect(turn.types(slow("b"), slow("c"))).toEqual(["create_response"]);
  });

  it("waits while what a response must obey is on its way", () => {
    const turn = withTool();
    expect(turn.run({ type: "hold", isHeld: true }, slow("a"))).toEqual([]);
    turn.run({ type: "hold", isHeld: false });
    expect(turn.fire("aside")).toMatchObject([{ type: "create_response", parameters: { conversation: "none" } }]);
  });

  it("is given up when the result comes before its first sound", () => {
    const requested = withTool();
    const request = requestIn(requested.run(slow("a")));
    expect(requested.types(finished("a"))).toEqual(["send_tool_output", "create_response"]);
    expect(requested.run(begun(request?.eventId ?? ""))).toEqual([cancelAside]);
    expect(requested.run(audio("aside", "said", 400), over())).toEqual([]);

    const active = begin();
    expect(active.types(finished("a"))).toEqual(["send_tool_output", "cancel_response", "create_response"]);
    expect(active.run(audio("aside", "said", 400), over())).toEqual([]);
  });

  it("goes on while another tool of the same response still runs", () => {
    const turn = begin(withTool("a", "b"));
    expect(turn.types(finished("a"), audio("aside", "said", 400))).toEqual(["send_tool_output", "speak"]);
  });

  it("gives way to whatever else there is to say, until its first sound", () => {
    expect(begin().types(wanted("w"))).toEqual(["cancel_response", "create_response"]);
    const heard = beginHeard();
    expect(heard.run(wanted("w"))).toEqual([]);
    expect(heard.types(over())).toEqual(["finish_item", "create_response"]);
  });

  it("gives way, until its first sound, to a response whose beginning was lost, and to a person whom nobody lets interrupt", () => {
    expect(begin().types(audio("own", "reply", 400))).toEqual(["speak", "cancel_response"]);
    const turn = withTool();
    turn.run(withVad("nobody"));
    expect(begin(turn).run(speech)).toEqual([cancelAside]);
  });

  it("is told by its request from one that was given up before", () => {
    const turn = withTool("a");
    const first = requestIn(turn.run(slow("a")))?.eventId ?? "";
    turn.run(finished("a"), created("r2"), called("r2", "b"), done("r2"));
    const second = requestIn(turn.run(slow("b")))?.eventId ?? "";
    expect(turn.run(begun(first, "late"))).toEqual([{ type: "cancel_response", responseId: "late" }]);
    expect(turn.run(begun(second), audio("aside", "said", 400))).toEqual([{ type: "speak", part: part("said") }]);
  });

  it("ends when a person speaks, and the server is told nothing of what it cannot know", () => {
    const unheard = begin();
    expect(unheard.run(speech)).toEqual([cancelAside]);
    const heard = beginHeard();
    expect(heard.run(speech)).toEqual([cancelAside, { type: "finish_item", itemId: "said" }, { type: "cut_voice" }]);
    expect(heard.cut({ itemId: "said", receivedMs: 400, sentMs: 100 })).toEqual([]);
    expect(heard.run(audio("aside", "said", 400), over())).toEqual([]);
  });

  it("is never asked for over a person, nor kept for later once one has spoken", () => {
    const turn = withTool();
    turn.run(speech);
    expect(turn.run(slow("a"), { type: "speech_discarded" })).toEqual([]);
    turn.run(speech, { type: "speech_discarded" });
    expect(turn.fire("aside")).toEqual([]);
  });

  it("ends where the server begins to speak by itself", () => {
    const turn = beginHeard();
    expect(turn.run(created("own"))).toEqual([cancelAside, { type: "finish_item", itemId: "said" }]);
  });

  it("ends with a cancel, and the conversation keeps nothing of it", () => {
    const turn = beginHeard();
    expect(turn.types({ type: "cancel_wanted" })).toEqual([
      "cancel_response",
      "finish_item",
      "cancel_response",
      "cut_voice",
    ]);
    expect(turn.cut({ itemId: "said", receivedMs: 400, sentMs: 400 })).toEqual([]);
    const heard = { itemId: "said", contentIndex: 0, ms: 100 };
    expect(turn.types({ type: "cancel_wanted", heard })).toEqual(["cancel_response"]);
    const whole = beginHeard();
    whole.run(over(), { type: "voice_drained" });
    expect(whole.types({ type: "cancel_wanted", heard })).toEqual(["cancel_response"]);
  });

  it("follows the agent's own words only after a pause", () => {
    const turn = new Turn(created("r1"), audio("r1", "own", 900), called("r1", "a"), done("r1"));
    expect(turn.run(slow("a"))).toEqual([]);
    expect(turn.fire("aside")).toEqual([]);
    turn.run({ type: "audio_completed", itemId: "own" }, { type: "voice_drained" });
    expect(turn.fire("aside")).toMatchObject([{ type: "create_response", parameters: { conversation: "none" } }]);
  });

  it("is talked over no person, also where nobody may interrupt the agent", () => {
    const turn = withTool();
    turn.run(withVad("nobody"), speech);
    expect(turn.run(slow("a"))).toEqual([]);
    turn.run({ type: "speech_discarded" });
    expect(turn.fire("aside")).toMatchObject([{ type: "create_response" }]);
  });

  it("is over with its end, also where its beginning was lost; what is kept of it is never the server's business", () => {
    const turn = withTool();
    turn.run(slow("a"), audio("aside", "said", 400));
    turn.run({ type: "audio_completed", itemId: "said" });
    expect(turn.types(finished("a"), over())).toEqual(["send_tool_output", "create_response"]);
    expect(turn.run(speech)).toEqual([{ type: "cut_voice" }]);
    expect(turn.cut({ itemId: "said", receivedMs: 400, sentMs: 100 })).toEqual([]);
  });

  it("is whole in the voice where something else was asked for between its sound and its end, its beginning lost", () => {
    const turn = withTool();
    turn.run(slow("a"), wanted("w"), audio("aside", "said", 400));
    expect(turn.run(over())).toEqual([{ type: "finish_item", itemId: "said" }]);
    expect(turn.state.response.phase).toBe("requested");
  });

  it("is nothing but sound: no tool is run for it, and what comes of it after its end is late", () => {
    const turn = beginHeard();
    expect(turn.run(called("aside", "b"), over(), called("aside", "c"))).toEqual([
      { type: "finish_item", itemId: "said" },
    ]);
    expect(turn.run(audio("aside", "more", 400), audio("aside", "said", 400))).toEqual([]);
  });

  it("holds nothing up where the server refuses it, or forgets it", () => {
    const refused = withTool();
    const eventId = requestIn(refused.run(slow("a")))?.eventId;
    refused.run({ type: "refused", eventId, isResponseActive: false, activeResponseId: undefined });
    expect(refused.state.aside).toEqual({ phase: "none" });
    expect(refused.types(finished("a"))).toEqual(["send_tool_output", "create_response"]);

    const forgotten = beginHeard();
    forgotten.run(finished("a"));
    expect(forgotten.fire("aside").map(({ type }) => type)).toEqual([
      "cancel_response",
      "finish_item",
      "create_response",
    ]);
  });
});

describe("a tool with which the model takes its leave", () => {
  const farewell = (id: string): TurnEvent => ({
    type: "tool_finished",
    itemId: `item_${id}`,
    output: "{}",
    isFarewell: true,
  });

  it("is answered by no more words where the goodbye was said", () => {
    const turn = new Turn(created("r1"), audio("r1", "bye", 900), called("r1", "a"));
    expect(turn.types(farewell("a"), done("r1"))).toEqual(["send_tool_output", "finish_item"]);
    expect(turn.state.toolBatches).toEqual([]);
  });

  it("is answered where the model said nothing", () => {
    const turn = new Turn(created("r1"), called("r1", "a"));
    expect(turn.types(farewell("a"), done("r1"))).toEqual(["send_tool_output", "create_response"]);
  });

  it("is answered where another tool was called with it, and where it failed", () => {
    const both = new Turn(created("r1"), audio("r1", "bye", 900), called("r1", "a"), called("r1", "b"));
    both.run(farewell("a"), done("r1"));
    expect(both.types(finished("b"))).toEqual(["send_tool_output", "create_response"]);
    const failed = new Turn(created("r1"), audio("r1", "bye", 900), called("r1", "a"), done("r1"));
    expect(failed.types(finished("a", '{"error":"no"}'))).toEqual(["send_tool_output", "create_response"]);
  });
});
