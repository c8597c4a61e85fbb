import { expect, test } from "vitest";
import { at, chirp, connect, type OfficialClient, startCloud, type TestCloud, type Wire } from "./openai-fixture.ts";

const clock = { type: "function", name: "clock", parameters: { type: "object" } };
const zones = { zone: "UTC", because: "somebody asked for the time, and this takes a while to write down" };

/** A session whose model answers any question by a call of `clock`, and the call's output by words. */
const withTool = async (settings: Partial<TestCloud["settings"]> = {}) => {
  const cloud = await startCloud({ settings });
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "It is {output}." } },
    { reply: { toolCalls: [{ name: "clock", arguments: zones, callId: "call_1" }] } },
  ]);
  return { cloud, client: await connect(cloud, { tools: [clock] }) };
};

const output = (text: string, callId = "call_1") => ({
  type: "conversation.item.create",
  item: { type: "function_call_output", call_id: callId, output: text },
});

const refused = async (client: OfficialClient, event: Wire, error: Record<string, unknown>) => {
  client.send({ ...event, event_id: "mine" });
  expect((await client.next("error")).error).toMatchObject({ event_id: "mine", ...error });
};

test("speech cuts a tool call while it is written: its item ends as incomplete, with the arguments that there were", async () => {
  const { cloud, client } = await withTool({ argumentDeltaMs: 40 });
  client.say("what time is it");
  await client.next("response.function_call_arguments.delta");
  const from = client.events.length;
  client.hear(chirp(300));
  const done = await client.next("response.done");
  const types = client.types(from);
  const cut = types.slice(types.indexOf("input_audio_buffer.speech_started"));
  expect(cut.slice(0, 5)).toEqual([
    "input_audio_buffer.speech_started",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
  ]);
  const call = at(done, "response.output.0") as Record<string, unknown>;
  expect(done.response).toMatchObject({ status: "cancelled", status_details: { reason: "turn_detected" } });
  expect(call).toMatchObject({ type: "function_call", status: "incomplete", call_id: "call_1" });
  expect(() => JSON.parse(String(call.arguments))).toThrow();
  expect(JSON.stringify(zones).startsWith(String(call.arguments))).toBe(true);
  expect(cloud.sessions()[0]?.items().at(-1)).toMatchObject({ status: "incomplete", arguments: call.arguments });
});

test("a cut call can be deleted, and takes no output from then on", async () => {
  const { cloud, client } = await withTool({ argumentDeltaMs: 40 });
  client.say("what time is it");
  const { item_id } = await client.next("response.function_call_arguments.delta");
  client.send({ type: "response.cancel" });
  await client.next("response.done");
  client.send({ type: "conversation.item.delete", item_id: String(item_id) });
  await client.next("conversation.item.deleted");
  expect(
    cloud
      .sessions()[0]
      ?.items()
      .map(({ type }) => type),
  ).toEqual(["message"]);
  await refused(client, output("noon"), {
    code: "invalid_tool_call_id",
    message: "Tool call ID 'call_1' not found in conversation.",
    param: "item.call_id",
  });
});

test("each call takes one output", async () => {
  const { cloud, client } = await withTool();
  client.say("what time is it");
  await client.next("response.done");
  await refused(client, output("noon", "call_2"), { code: "invalid_tool_call_id" });
  client.send(output("noon"));
  await client.next("conversation.item.done");
  await refused(client, output("midnight"), {
    code: "invalid_tool_call_id",
    message: expect.stringContaining("already has an output"),
  });
  client.send({ type: "response.create" });
  expect(at(await client.next("response.done"), "response.output.0.content.0.transcript")).toBe("It is noon.");
  const outputs = cloud
    .sessions()[0]
    ?.items()
    .filter(({ type }) => type === "function_call_output");
  expect(outputs).toMatchObject([{ call_id: "call_1", output: "noon" }]);
});

test("an output may come while the calling response is still active; the wish for the next one may not", async () => {
  const { cloud, client } = await withTool({ argumentDeltaMs: 10 });
  cloud.mind.clear();
  cloud.mind.add([
    {
      reply: {
        toolCalls: [
          { name: "clock", arguments: {}, callId: "call_1" },
          { name: "clock", arguments: zones, callId: "call_2" },
        ],
      },
    },
  ]);
  client.say("what time is it");
  await client.next("response.output_item.done");
  client.send(output("noon"));
  await refused(client, { type: "response.create" }, { code: "conversation_already_has_active_response" });
  await client.next("response.done");
  const items = cloud.sessions()[0]?.items() ?? [];
  expect(items.map((item) => ("call_id" in item ? `${item.type} ${item.call_id}` : item.type))).toEqual([
    "message",
    "function_call call_1",
    "function_call call_2",
    "function_call_output call_1",
  ]);
});

test("a call of a response outside the conversation is in no conversation, so it takes no output", async () => {
  const { cloud, client } = await withTool();
  client.send({ type: "response.create", response: { conversation: "none", input: [] } });
  const done = await client.next("response.done");
  expect(done.response).toMatchObject({ conversation_id: null, output: [{ type: "function_call" }] });
  expect(cloud.sessions()[0]?.items()).toEqual([]);
  await refused(client, output("noon"), { code: "invalid_tool_call_id" });
});

test("an item that is deleted while it is made is done for its response, and no longer the conversation's", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 4 } });
  const client = await connect(cloud);
  client.say("tell me a long story");
  const { item_id } = await client.next("response.output_audio.delta");
  const from = client.events.length;
  client.send({ type: "conversation.item.delete", item_id: String(item_id) });
  client.send({ type: "response.cancel" });
  const done = await client.next("response.done");
  expect(at(done, "response.output")).toMatchObject([{ id: item_id, status: "incomplete" }]);
  expect(client.types(from)).toContain("response.output_item.done");
  expect(client.types(from)).not.toContain("conversation.item.done");
  expect(cloud.sessions()[0]?.items()).toMatchObject([{ role: "user" }]);
});

test("what the old protocol took, and what never was one, is refused by name", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { audio: { output: { voice: "marin" } } });
  client.say("hi");
  await client.next("response.done");
  const response = (response: unknown) => ({ type: "response.create", response });
  const user = (...content: unknown[]) => ({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content },
  });
  for (const [event, code, param] of [
    [response({ modalities: ["audio"] }), "unknown_parameter", "response.modalities"],
    [response({ voice: "marin" }), "unknown_parameter", "response.voice"],
    [response({ output_audio_format: "pcm16" }), "unknown_parameter", "response.output_audio_format"],
    [response({ temperature: 0.8 }), "unknown_parameter", "response.temperature"],
    [response({ max_response_output_tokens: 9 }), "unknown_parameter", "response.max_response_output_tokens"],
    [response({ metadata: { turn: 1 } }), "invalid_type", "response.metadata.turn"],
    [
      response({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`${index}`, ""])) }),
      "object_above_max_properties",
      "response.metadata",
    ],
    [response({ audio: { output: { voice: "cedar" } } }), "cannot_update_voice", "response.audio.output.voice"],
    [user({ type: "text", text: "hi" }), "invalid_value", "item.content[0].type"],
    [user({ type: "input_audio", audio: "no base64!" }), "invalid_value", "item.content[0].audio"],
    [
      user({ type: "input_image", image_url: "https://example.com/a.png" }),
      "invalid_value",
      "item.content[0].image_url",
    ],
    [output("noon", "call 1"), "invalid_value", "item.call_id"],
    [{ type: "input_audio_buffer.append", audio: "###" }, "invalid_value", "audio"],
    [{ type: "session.update", session: { instructions: "x" } }, "missing_required_parameter", "session.type"],
    [
      { type: "session.update", session: { type: "realtime", tools: [{ type: "function", name: "two words" }] } },
      "invalid_value",
      "session.tools[0].name",
    ],
    [
      {
        type: "session.update",
        session: {
          type: "realtime",
          audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 1_000 } } },
        },
      },
      "integer_below_min_value",
      "session.audio.input.turn_detection.idle_timeout_ms",
    ],
  ] as const)
    await refused(client, event, { code, param });
  client.send(response({ audio: { output: { voice: "marin" } }, metadata: { turn: "1" } }));
  expect((await client.next("response.done")).response).toMatchObject({ status: "completed", metadata: { turn: "1" } });
});

test("errors may leave out which client event they answer", async () => {
  const cloud = await startCloud({ settings: { errorsNameEvents: false } });
  const client = await connect(cloud);
  client.send({ type: "response.cancel", event_id: "mine" });
  expect((await client.next("error")).error).toMatchObject({ code: "response_cancel_not_active", event_id: null });
});
