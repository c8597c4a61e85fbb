import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { describe, expect, it } from "vitest";
import {
  Conversation,
  type ConversationChange,
  type ConversationItem,
} from "../../bridge-task/realtime/conversation/conversation.ts";
import { encodePcm } from "../../bridge-task/realtime/pcm.ts";

const event = (type: string, more: object = {}) => ({ type, event_id: "e", ...more }) as unknown as RealtimeServerEvent;
const user = (id: string, part: object = { type: "input_text", text: "hello" }) => ({
  ...{ id, type: "message", role: "user", status: "completed", content: [part] },
});
const speech = { type: "input_audio", transcript: null };
const agent = (id: string, content: object[] = [], status = "in_progress") => ({
  ...{ id, type: "message", role: "assistant", status, content },
});
const call = (id: string, args = "", status = "in_progress") => ({
  ...{ id, type: "function_call", status, name: "look", call_id: "call_1", arguments: args },
});
const added = (item: object, previous_item_id?: string | null) =>
  event("conversation.item.added", { item, ...(previous_item_id === undefined ? {} : { previous_item_id }) });
const done = (item: object) => event("conversation.item.done", { item, previous_item_id: null });
const outputAdded = (item: object, response_id = "r") => event("response.output_item.added", { item, response_id });
const outputDone = (item: object, response_id = "r") => event("response.output_item.done", { item, response_id });
const delta = (kind: string, item_id: string, text: string, content_index = 0) =>
  event(`response.${kind}.delta`, { item_id, content_index, delta: text });
const transcribed = (item_id: string, transcript: string) =>
  event("conversation.item.input_audio_transcription.completed", { item_id, content_index: 0, transcript });
const transcribing = (item_id: string, text: string) =>
  event("conversation.item.input_audio_transcription.delta", { item_id, content_index: 0, delta: text });

const start = (keepAudio = false) => {
  const conversation = new Conversation({ keepAudio });
  const run = (...events: RealtimeServerEvent[]): ConversationChange[] =>
    events.flatMap((each) => conversation.apply(each));
  const item = (id: string): ConversationItem => {
    const found = conversation.getItem(id);
    if (found === null) throw new Error(`no item ${id}`);
    return found;
  };
  return { conversation, run, item };
};
const tellOf = (changes: ConversationChange[]) =>
  changes.map((change) => `${change.type} ${change.item.id}${change.type === "updated" && change.delta ? " +" : ""}`);

describe("what is told of an item", () => {
  it("is, for a user's message: updated, appended, completed, and nothing more when it is done", () => {
    const { run } = start();
    expect(tellOf(run(added(user("u"), null)))).toEqual(["updated u", "appended u", "completed u"]);
    expect(run(done(user("u")), added(user("u"), null))).toEqual([]);
  });

  it("is, for a spoken answer: that it begins, each delta, and that it is complete, once", () => {
    const { run, item } = start();
    expect(tellOf(run(outputAdded(agent("a")), added(agent("a"), null)))).toEqual(["updated a", "appended a"]);
    const growth = run(
      event("response.content_part.added", { item_id: "a", content_index: 0, part: { type: "audio", transcript: "" } }),
      delta("output_audio_transcript", "a", "Good "),
      delta("output_audio", "a", encodePcm(Int16Array.of(1, 2))),
      delta("output_audio_transcript", "a", "day"),
    );
    const a = item("a");
    expect(growth).toEqual([
      { type: "updated", item: a, delta: { transcript: "Good " } },
      { type: "updated", item: a, delta: { audio: Int16Array.of(1, 2) } },
      { type: "updated", item: a, delta: { transcript: "day" } },
    ]);
    expect(a).toMatchObject({
      status: "in_progress",
      content: [{ type: "audio", ga_type: "output_audio", transcript: "Good day" }],
      formatted: { transcript: "Good day", text: "", audio: new Int16Array(0) },
    });
    const whole = agent("a", [{ type: "output_audio", transcript: "Good day." }], "completed");
    expect(tellOf(run(outputDone(whole)))).toEqual(["updated a", "completed a"]);
    expect(run(done(whole), outputDone(whole), event("response.done", { response: { output: [whole] } }))).toEqual([]);
    expect(item("a")).toBe(a);
    expect(a).toMatchObject({ status: "completed", formatted: { transcript: "Good day." } });
  });

  it("is never that it is complete where it was cut short", () => {
    const { run, item } = start();
    run(added(agent("a"), null), delta("output_text", "a", "Well"));
    const cut = agent("a", [{ type: "output_text", text: "Well" }], "incomplete");
    expect(tellOf(run(done(cut), outputDone({ ...cut, status: "completed" })))).toEqual(["updated a"]);
    expect(item("a")).toMatchObject({ status: "incomplete", content: [{ type: "text", ga_type: "output_text" }] });
  });

  it("is never that it is complete where it came cut, or is only begun", () => {
    const { run, item } = start();
    run(added({ ...user("u"), status: "incomplete" }, null));
    run(added(agent("a", [{ type: "output_text", text: "Well" }], "incomplete"), "u"));
    const begun = run(
      added(agent("b", [{ type: "output_text", text: "Well" }]), "a"),
      delta("output_text", "b", ", yes"),
    );
    expect(begun.map(({ type }) => type)).toEqual(["updated", "appended", "updated"]);
    expect(["u", "a", "b"].map((id) => item(id).status)).toEqual(["incomplete", "incomplete", "in_progress"]);
    expect(item("b").formatted.text).toBe("Well, yes");
  });

  it("is, for a tool call: its arguments as they come, and the server's own at the end", () => {
    const { run, item } = start();
    run(outputAdded(call("c")), added(call("c"), null));
    const [first] = run(delta("function_call_arguments", "c", '{"a"'), delta("function_call_arguments", "c", ":1"));
    expect(first).toEqual({ type: "updated", item: item("c"), delta: { arguments: '{"a"' } });
    expect(item("c").formatted.tool).toEqual({
      type: "function",
      name: "look",
      call_id: "call_1",
      arguments: '{"a":1',
    });
    expect(tellOf(run(outputDone(call("c", '{"a":1}', "completed"))))).toEqual(["updated c", "completed c"]);
    expect(item("c")).toMatchObject({ arguments: '{"a":1}', formatted: { tool: { arguments: '{"a":1}' } } });
  });

  it("is, for a tool's output: that it is complete as soon as it is there", () => {
    const { run, item } = start();
    const output = { id: "o", type: "function_call_output", call_id: "call_1", output: "42" };
    expect(tellOf(run(added(output, null)))).toEqual(["updated o", "appended o", "completed o"]);
    expect(item("o")).toMatchObject({ status: "completed", output: "42", formatted: { output: "42" } });
  });

  it("is, for an answer that the application put there: that it is complete as soon as it is there", () => {
    const { run, item } = start();
    const told = tellOf(run(added(agent("a", [{ type: "output_text", text: "Hi" }], "completed"), null)));
    expect(told).toEqual(["updated a", "appended a", "completed a"]);
    expect(item("a").formatted.text).toBe("Hi");
  });
});

describe("what a person said", () => {
  it("is transcribed bit by bit; the whole takes the place of the bits", () => {
    const { run, item } = start();
    run(added(user("u", speech), null));
    expect(run(transcribing("u", "good"), transcribing("u", " mourning"))).toMatchObject([
      { delta: { transcript: "good" } },
      { delta: { transcript: " mourning" } },
    ]);
    expect(item("u").formatted.transcript).toBe("good mourning");
    expect(run(transcribed("u", "Good morning."))).toMatchObject([{ delta: { transcript: "Good morning." } }]);
    expect(item("u")).toMatchObject({
      content: [{ type: "input_audio", transcript: "Good morning." }],
      formatted: { transcript: "Good morning." },
    });
    expect(run(transcribed("u", "Good morning."), transcribing("u", "late"))).toEqual([]);
  });

  it("may be transcribed before its item comes", () => {
    const { run, item } = start();
    expect(run(transcribing("u", "he"), transcribed("u", "hello"), transcribing("u", " late"))).toEqual([]);
    expect(tellOf(run(added(user("u", speech), null)))).toEqual(["updated u", "appended u", "completed u"]);
    expect(item("u").formatted.transcript).toBe("hello");
  });

  it("waits for its item 64 items long", () => {
    const { run, item } = start();
    for (let index = 0; index <= 64; index += 1) run(transcribed(`u${index}`, "words"));
    run(added(user("u0", speech), null), added(user("u1", speech), "u0"));
    expect([item("u0").formatted.transcript, item("u1").formatted.transcript]).toEqual(["", "words"]);
  });

  it("is a single space where it was nothing", () => {
    const { run, item } = start();
    run(added(user("u", speech), null), transcribed("u", ""));
    expect(item("u")).toMatchObject({ content: [{ transcript: "" }], formatted: { transcript: " " } });
  });

  it("keeps its transcript when an older copy of the item comes", () => {
    const { run, item } = start();
    run(added(user("u", speech), null), transcribed("u", "hello"), done(user("u", speech)));
    run(event("conversation.item.retrieved", { item: user("u", speech) }));
    run(done(user("u", { type: "input_audio", transcript: "" })));
    expect(item("u").formatted.transcript).toBe("hello");
  });
});

describe("the server's conversation", () => {
  const ids = ({ conversation }: ReturnType<typeof start>) => conversation.items.map(({ id }) => id);

  it("is shown in its order", () => {
    const view = start();
    view.run(added(user("a"), null), added(user("c"), "a"), added(user("b"), "a"), added(user("d"), "nobody knows"));
    expect(ids(view)).toEqual(["a", "b", "c", "d"]);
    const create = { type: "conversation.item.create", previous_item_id: "root", item: user("z") };
    view.conversation.sent(create as unknown as RealtimeClientEvent);
    view.run(added(user("z"), null));
    expect(ids(view)).toEqual(["z", "a", "b", "c", "d"]);
  });

  it("has an item in its place also where only its end tells that", () => {
    const view = start();
    view.run(added(user("a"), null), added(user("c"), "a"));
    view.run(event("conversation.item.done", { item: user("b"), previous_item_id: "a" }));
    expect(ids(view)).toEqual(["a", "b", "c"]);
  });

  it("shows of a retrieved item what the server still has", () => {
    const { run, item } = start();
    const [first, second] = [
      { type: "output_text", text: "One. " },
      { type: "output_text", text: "Two." },
    ];
    run(added(agent("a", [first, second], "completed"), null));
    run(event("conversation.item.retrieved", { item: agent("a", [first], "completed") }));
    expect(item("a").formatted.text).toBe("One. ");
  });

  it("is not turned around by a server that says null of every place", () => {
    const view = start();
    view.run(added(user("a"), null), added(user("b"), null), added(user("c"), null));
    expect(ids(view)).toEqual(["a", "b", "c"]);
  });

  it("loses the words of what was cut, also when a copy from before the cut comes later", () => {
    const { run, item } = start();
    const whole = agent("a", [{ type: "output_audio", transcript: "Never heard" }], "completed");
    run(added(agent("a"), null), outputDone(whole));
    const cut = event("conversation.item.truncated", { item_id: "a", content_index: 0, audio_end_ms: 100 });
    expect(run(cut)).toEqual([{ type: "updated", item: item("a"), delta: null }]);
    run(done(whole));
    expect(item("a")).toMatchObject({ content: [{ transcript: "" }], formatted: { transcript: "" } });
  });

  it("does not get a deleted item back from late news, but from the server that adds it again", () => {
    const { conversation, run } = start();
    run(added(agent("a"), null));
    const gone = conversation.getItem("a");
    const deleted = event("conversation.item.deleted", { item_id: "a" });
    expect(run(deleted)).toEqual([{ type: "updated", item: gone, delta: null }]);
    const whole = agent("a", [{ type: "output_text", text: "x" }], "completed");
    run(delta("output_text", "a", "x"), outputDone(whole), done(whole));
    run(event("response.done", { response: { id: "r", output: [whole] } }), transcribed("a", "x"));
    expect(conversation.getItems()).toEqual([]);
    expect(conversation.getItem("a")).toBeNull();
    expect(tellOf(run(added(agent("a"), null)))).toEqual(["updated a", "appended a"]);
    expect(conversation.getItem("a")?.formatted.transcript).toBe("");
    expect(tellOf(run(done(whole)))).toEqual(["updated a", "completed a"]);
  });

  it("has no items of responses that write to none, also where that is told only at their end", () => {
    const { conversation, run } = start();
    run(event("response.created", { response: { id: "out", conversation_id: null } }));
    expect(run(outputAdded(agent("x"), "out"), delta("output_text", "x", "aside"))).toEqual([]);
    const whole = agent("x", [{ type: "output_text", text: "aside" }], "completed");
    const end = (id: string) => event("response.done", { response: { id, conversation_id: null, output: [whole] } });
    expect(run(outputDone(whole, "out"), end("out"))).toEqual([]);
    expect(tellOf(run(outputAdded(agent("x"), "lost"), end("lost")))).toEqual(["updated x", "appended x", "updated x"]);
    expect(run(outputDone(whole, "lost"))).toEqual([]);
    expect(conversation.items).toEqual([]);
  });

  it("shows an item whose beginning was lost when its end comes", () => {
    const { run, item } = start();
    const whole = agent("a", [{ type: "output_text", text: "Hi" }], "completed");
    const told = tellOf(run(event("response.done", { response: { id: "r", status: "completed", output: [whole] } })));
    expect(told).toEqual(["updated a", "appended a", "completed a"]);
    expect(item("a").formatted.text).toBe("Hi");
  });

  it("shows as cut what a cancelled response says nothing more of", () => {
    const { run, item } = start();
    run(outputAdded(agent("a")));
    run(event("response.done", { response: { id: "r", status: "cancelled", output: [agent("a")] } }));
    expect(item("a").status).toBe("incomplete");
  });

  it("is shown 10,000 items long; then the oldest leave", () => {
    const { conversation, run } = start();
    for (let index = 0; index <= 10_000; index += 1) {
      run(added(user(`u${index}`), index === 0 ? null : `u${index - 1}`));
    }
    expect(conversation.items).toHaveLength(10_000);
    expect([conversation.getItem("u0"), conversation.items[0]?.id]).toEqual([null, "u1"]);
  });

  it("does not keep the sound of an item that left", () => {
    const { conversation, run, item } = start(true);
    run(added(agent("a"), null), delta("output_audio", "a", encodePcm(Int16Array.of(1))));
    const first = item("a");
    expect(first.formatted.audio).toHaveLength(1);
    for (let index = 0; index < 10_000; index += 1) run(added(user(`u${index}`)));
    expect([conversation.getItem("a"), first.formatted.audio.length]).toEqual([null, 0]);
  });

  it("is forgotten when it is cleared", () => {
    const { conversation, run } = start();
    run(added(user("a"), null));
    conversation.clear();
    expect([conversation.getItems(), conversation.getItem("a")]).toEqual([[], null]);
    expect(run(delta("output_text", "a", "x"))).toEqual([]);
  });
});

describe("sound", () => {
  const ramp = (length: number, from = 0) => Int16Array.from({ length }, (_, index) => from + index);

  it("is kept only on request; each delta has it all the same", () => {
    const { run, item } = start();
    run(added(agent("a"), null));
    expect(run(delta("output_audio", "a", encodePcm(ramp(5))))).toMatchObject([{ delta: { audio: ramp(5) } }]);
    expect(item("a").formatted.audio).toHaveLength(0);
  });

  it("of an answer grows by each delta, and is cut with it", () => {
    const { conversation, run, item } = start(true);
    run(added(agent("a"), null));
    for (let index = 0; index < 10; index += 1) {
      conversation.apply(delta("output_audio", "a", "not read"), ramp(2_400, index * 2_400));
    }
    expect(item("a").formatted.audio).toEqual(ramp(24_000));
    conversation.apply(delta("output_audio", "a", "not read"), ramp(1, 24_000));
    expect(item("a").formatted.audio.buffer.byteLength).toBeGreaterThan(48_002);
    run(outputDone(agent("a", [{ type: "output_audio", transcript: "x" }], "completed")));
    expect(item("a").formatted.audio.buffer.byteLength).toBe(48_002);
    run(event("conversation.item.truncated", { item_id: "a", content_index: 0, audio_end_ms: 10 }));
    expect(item("a").formatted.audio).toEqual(ramp(240));
  });

  it("of a person is what was heard between the beginning and the end of the speech", () => {
    const { conversation, run, item } = start(true);
    conversation.heardInput(ramp(24 * 100));
    run(event("input_audio_buffer.speech_started", { item_id: "u", audio_start_ms: 20 }));
    run(event("input_audio_buffer.speech_stopped", { item_id: "u", audio_end_ms: 60 }));
    run(event("input_audio_buffer.committed", { item_id: "u" }), added(user("u", speech), null));
    expect(item("u").formatted.audio).toEqual(ramp(24 * 40, 24 * 20));
  });

  it("that the application commits reaches from the last commit to this one", () => {
    const { conversation, run, item } = start(true);
    const commit = () => conversation.sent({ type: "input_audio_buffer.commit" });
    conversation.heardInput(ramp(24 * 100));
    commit();
    conversation.heardInput(ramp(24 * 100));
    run(event("input_audio_buffer.committed", { item_id: "a" }), added(user("a", speech), null));
    commit();
    run(event("error", { error: { code: "input_audio_buffer_commit_empty" } }));
    conversation.heardInput(ramp(24 * 10, 5_000));
    commit();
    conversation.heardInput(ramp(24 * 10));
    run(event("input_audio_buffer.committed", { item_id: "b" }), added(user("b", speech), "a"));
    expect(item("a").formatted.audio).toEqual(ramp(24 * 100));
    expect(item("b").formatted.audio).toHaveLength(24 * 110);
    expect(item("b").formatted.audio.at(-1)).toBe(5_000 + 239);
  });

  it("that is retrieved takes the place of what was there", () => {
    const { run, item } = start(true);
    run(added(user("u", speech), null));
    const part = { type: "input_audio", transcript: "hello", audio: encodePcm(ramp(7)) };
    expect(tellOf(run(event("conversation.item.retrieved", { item: user("u", part) })))).toEqual(["updated u"]);
    expect(item("u")).toMatchObject({ formatted: { audio: ramp(7), transcript: "hello" } });
    expect(item("u").content[0]).not.toHaveProperty("audio");
  });
});
