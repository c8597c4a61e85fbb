import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { describe, expect, it } from "vitest";
import { turnEventsOf } from "../../bridge-task/realtime/turn/server-events.ts";

/** As it comes over the wire, where fields may be missing that the SDK's types promise. */
const eventsOf = (event: object) => turnEventsOf({ event_id: "event_1", ...event } as unknown as RealtimeServerEvent);

const item = (id: string, more: object = {}) => ({
  id,
  type: "function_call",
  status: "completed",
  name: "look_up",
  call_id: `call_of_${id}`,
  arguments: '{"a":1}',
  ...more,
});
const called = (itemId: string) => ({
  type: "tool_called",
  responseId: "resp_1",
  call: { itemId, callId: `call_of_${itemId}`, name: "look_up", arguments: '{"a":1}' },
});
const cut = (itemId: string) => ({ type: "tool_call_cut", responseId: "resp_1", itemId });
const itemDone = (done: object) =>
  eventsOf({ type: "response.output_item.done", response_id: "resp_1", output_index: 0, item: done });
const responseDone = (response: object) => eventsOf({ type: "response.done", response: { id: "resp_1", ...response } });
const done = (outcome: string) => ({ type: "response_done", responseId: "resp_1", outcome });

describe("a function call on the wire", () => {
  it("is called when its item is done, unless it was cut", () => {
    expect(itemDone(item("i"))).toEqual([called("i")]);
    expect(itemDone(item("i", { status: undefined }))).toEqual([called("i")]);
    expect(itemDone(item("i", { status: "incomplete" }))).toEqual([cut("i")]);
  });

  it("goes by its call id where the item has no id of its own, and is not run where nothing could answer it", () => {
    expect(itemDone(item("i", { id: undefined }))).toEqual([
      { ...called("i"), call: { ...called("i").call, itemId: "call_of_i" } },
    ]);
    expect(itemDone(item("i", { call_id: undefined }))).toEqual([cut("i")]);
    expect(itemDone(item("i", { id: undefined, call_id: undefined }))).toEqual([]);
  });

  it("is told of again by the end of its response, before that end", () => {
    const message = { id: "m", type: "message", role: "assistant", status: "completed", content: [] };
    const response = { status: "completed", output: [message, item("i"), item("j")] };
    expect(responseDone(response)).toEqual([called("i"), called("j"), done("completed")]);
  });

  it("counts as cut where the response was cut and the item is not known to be complete", () => {
    const output = [item("i"), item("j", { status: "incomplete" }), item("k", { status: undefined })];
    const all = [called("i"), cut("j"), cut("k"), done("cancelled")];
    expect(responseDone({ status: "cancelled", output })).toEqual(all);
    expect(responseDone({ status: "completed", output: [item("k", { status: undefined })] })).toEqual([
      called("k"),
      done("completed"),
    ]);
  });

  it("is not run for a response outside of the conversation", () => {
    expect(responseDone({ status: "completed", conversation_id: null, output: [item("i")] })).toEqual([]);
  });

  it("is not run for an item that only appears in the conversation: the application may have put it there", () => {
    const settled = [{ type: "item_settled", itemId: "i" }];
    expect(eventsOf({ type: "conversation.item.added", item: item("i") })).toEqual(settled);
    expect(eventsOf({ type: "conversation.item.done", item: item("i") })).toEqual(settled);
  });
});

describe("the end of a response", () => {
  it.each([
    [{ status: "completed" }, "completed"],
    [{ status: "incomplete" }, "completed"],
    [{ status: "cancelled" }, "cancelled"],
    [{ status: "failed", status_details: { error: { type: "server_error" } } }, "failed_for_now"],
    [{ status: "failed", status_details: { error: { code: "insufficient_quota" } } }, "failed"],
    [{ status: "failed" }, "failed"],
  ])("%j is %s", (response, outcome) => {
    expect(responseDone(response)).toEqual([done(outcome)]);
  });

  it("means nothing without an id", () => {
    expect(eventsOf({ type: "response.done", response: { status: "completed" } })).toEqual([]);
  });
});

describe("an error on the wire", () => {
  const errorOf = (error: object) => eventsOf({ type: "error", error: { type: "invalid_request_error", ...error } });

  it("settles the item that was sent under this event id, and refuses the wish", () => {
    expect(errorOf({ code: "invalid_value", message: "No.", event_id: "x" })).toEqual([
      { type: "item_settled", itemId: "x" },
      { type: "refused", eventId: "x", isResponseActive: false, activeResponseId: undefined, isForNow: false },
    ]);
  });

  it("names the response that the server is busy with", () => {
    const code = "conversation_already_has_active_response";
    const message = "Conversation already has an active response in progress: resp_abc123. Wait.";
    expect(errorOf({ code, message })).toEqual([
      { type: "refused", eventId: undefined, isResponseActive: true, activeResponseId: "resp_abc123", isForNow: false },
    ]);
  });

  it("says whether the same may succeed when sent again", () => {
    const [, refused] = errorOf({ code: "rate_limit_exceeded", message: "Slow down.", event_id: "x" });
    expect(refused).toMatchObject({ isForNow: true });
  });
});

describe("everything else", () => {
  it("tells apart what is in the conversation and what is outside of it", () => {
    const aside = { id: "resp_2", conversation_id: null, metadata: { bridge_aside: "aside_1" } };
    expect(eventsOf({ type: "response.created", response: aside })).toEqual([
      { type: "aside_created", responseId: "resp_2", eventId: "aside_1" },
    ]);
    expect(eventsOf({ type: "response.done", response: { ...aside, status: "completed", output: [] } })).toEqual([
      { type: "aside_done", responseId: "resp_2" },
    ]);
    const createdOf = (response: object) => eventsOf({ type: "response.created", response });
    const created = { type: "response_created", responseId: "resp_1" };
    expect(createdOf({ id: "resp_1" })).toEqual([{ ...created, isInConversation: true }]);
    expect(createdOf({ id: "resp_1", conversation_id: null })).toEqual([{ ...created, isInConversation: false }]);
    expect(createdOf({})).toEqual([]);
  });

  it("means nothing to the turn where it is of no known type", () => {
    expect(eventsOf({ type: "rate_limits.updated", rate_limits: [] })).toEqual([]);
    expect(eventsOf({ type: "something.new" })).toEqual([]);
  });
});
