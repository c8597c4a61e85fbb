import { once } from "node:events";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { apiKey, at, chirp, connect, OfficialClient, silence, startCloud, type TestCloud } from "./openai-fixture.ts";

const spoken = async (cloud: TestCloud, text = "Good morning to you, and to everybody.") => {
  cloud.mind.add([{ reply: { text } }]);
  const client = await connect(cloud);
  client.say("hello");
  const done = await client.next("response.done");
  return { client, itemId: String(at(done, "response.output.0.id")) };
};

test("a wrong or missing key is refused in the handshake", async () => {
  const cloud = await startCloud();
  const handshake = async (headers: Record<string, string>) => {
    const socket = new WebSocket(`${cloud.wsUrl}?model=gpt-realtime-2.1`, { headers });
    const [request, response] = await once(socket, "unexpected-response");
    const chunks: Buffer[] = await response.toArray();
    request.destroy();
    return { status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) };
  };
  const refused = { status: 401, body: { error: { code: "invalid_api_key", type: "invalid_request_error" } } };
  expect(await handshake({ authorization: "Bearer wrong" })).toMatchObject(refused);
  expect(await handshake({})).toMatchObject(refused);
});

test("the SDK reports a wrong key as an error", async () => {
  const cloud = await startCloud();
  const client = new OfficialClient(cloud, { key: "sk-wrong" });
  const { promise, resolve } = Promise.withResolvers<Error>();
  client.rt.on("error", resolve);
  expect((await promise).message).toContain("401");
});

test("the beta protocol is shut", async () => {
  const cloud = await startCloud();
  const client = new OfficialClient(cloud, { headers: { "OpenAI-Beta": "realtime=v1" } });
  const closed = client.closed();
  expect(await client.next("error")).toMatchObject({ error: { code: "beta_api_shape_disabled" } });
  expect(await closed).toMatchObject({ code: 4000 });
  expect(cloud.sessions()).toHaveLength(0);
});

test.each([
  ["no model", "", "missing_model"],
  ["a retired model", "?model=gpt-4o-realtime-preview", "model_not_found"],
])("%s is told and closed", async (_what, query, code) => {
  const cloud = await startCloud();
  const socket = new WebSocket(cloud.wsUrl + query, { headers: { authorization: `Bearer ${apiKey}` } });
  const closed = once(socket, "close");
  const [message] = await once(socket, "message");
  expect(JSON.parse(String(message))).toMatchObject({ type: "error", error: { code } });
  expect((await closed)[0]).toBe(4000);
});

test("a browser brings its key as a subprotocol", async () => {
  const cloud = await startCloud();
  const socket = new WebSocket(`${cloud.wsUrl}?model=gpt-realtime-2.1`, [
    "realtime",
    `openai-insecure-api-key.${apiKey}`,
  ]);
  const [message] = await once(socket, "message");
  expect(JSON.parse(String(message)).type).toBe("session.created");
  expect(socket.protocol).toBe("realtime");
});

test("an update changes what it names, and the echo has all the rest", async () => {
  const cloud = await startCloud();
  const client = new OfficialClient(cloud);
  const created = await client.next("session.created");
  expect(created.session).toMatchObject({
    type: "realtime",
    object: "realtime.session",
    model: "gpt-realtime-2.1",
    output_modalities: ["audio"],
    max_output_tokens: "inf",
    audio: {
      input: { turn_detection: { type: "server_vad", threshold: 0.5, create_response: true }, transcription: null },
      output: { voice: "alloy", speed: 1 },
    },
  });
  expect(String(at(created, "session.id"))).toMatch(/^sess_[0-9A-Za-z]{21}$/);
  expect(Number(at(created, "session.expires_at"))).toBeCloseTo(Date.now() / 1_000 + 3_600, -1);
  client.send({
    type: "session.update",
    session: {
      type: "realtime",
      audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 200 } } },
    },
  });
  const updated = await client.next("session.updated");
  expect(updated.session).toEqual({
    ...(created.session as object),
    audio: {
      ...(at(created, "session.audio") as object),
      input: {
        ...(at(created, "session.audio.input") as object),
        turn_detection: { ...(at(created, "session.audio.input.turn_detection") as object), silence_duration_ms: 200 },
      },
    },
  });
});

test.each([
  [{ temperature: 0.8 }, "unknown_parameter", "session.temperature"],
  [{ modalities: ["text"] }, "unknown_parameter", "session.modalities"],
  [{ audio: { input: { vad: {} } } }, "unknown_parameter", "session.audio.input.vad"],
  [{ audio: { output: { speed: 4 } } }, "decimal_above_max_value", "session.audio.output.speed"],
  [{ output_modalities: ["text", "audio"] }, "invalid_value", "session.output_modalities"],
  [{ instructions: 7 }, "invalid_type", "session.instructions"],
  [{ tools: [{ type: "function" }] }, "missing_required_parameter", "session.tools[0].name"],
  [
    { audio: { input: { turn_detection: {} } } },
    "missing_required_parameter",
    "session.audio.input.turn_detection.type",
  ],
  [{ type: "transcription" }, "invalid_value", "session.type"],
])("the update %j is refused whole", async (patch, code, param) => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  client.send({
    type: "session.update",
    event_id: "mine",
    session: { type: "realtime", tool_choice: "none", ...patch },
  });
  expect(await client.next("error")).toMatchObject({ error: { code, param, event_id: "mine" } });
  client.send({ type: "session.update", session: { type: "realtime" } });
  expect(at(await client.next("session.updated"), "session.tool_choice")).toBe("auto");
});

test("the voice is fixed by the first word, and trying to change it loses the whole update", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { audio: { output: { voice: "marin" } } });
  client.say("hi");
  await client.next("response.done");
  client.send({
    type: "session.update",
    session: { type: "realtime", instructions: "lost", audio: { output: { voice: "cedar" } } },
  });
  expect(await client.next("error")).toMatchObject({
    error: { code: "cannot_update_voice", param: "session.audio.output.voice" },
  });
  client.send({ type: "session.update", session: { type: "realtime", audio: { output: { voice: "marin" } } } });
  expect(at(await client.next("session.updated"), "session.instructions")).not.toBe("lost");
});

test("truncation: what was heard stays, the transcript goes, and each impossible wish has its error", async () => {
  const cloud = await startCloud();
  const { client, itemId } = await spoken(cloud);
  const truncate = (item_id: string, audio_end_ms: unknown) =>
    client.send({
      type: "conversation.item.truncate",
      event_id: `t-${audio_end_ms}`,
      item_id,
      content_index: 0,
      audio_end_ms,
    });
  const refused = async (code: string, message: RegExp) =>
    expect((await client.next("error")).error).toMatchObject({ code, message: expect.stringMatching(message) });
  const audioMs = Math.floor((cloud.sessions()[0]?.outputRecord.pcm().length ?? 0) / 24);

  truncate(itemId, audioMs + 1);
  await refused("invalid_value", new RegExp(`Audio content of ${audioMs}ms is already shorter than ${audioMs + 1}ms`));
  truncate("item_unknown", 10);
  await refused("item_truncate_invalid_item_id", /does not exist/);
  const typed = client.events.find((event) => event.type === "conversation.item.added");
  truncate(String(at(typed, "item.id")), 10);
  await refused("unsupported_content_type", /Only model output audio messages can be truncated/);
  truncate(itemId, null);
  await refused("invalid_type", /audio_end_ms/);
  truncate(itemId, -1);
  await refused("integer_below_min_value", /audio_end_ms/);

  truncate(itemId, 700);
  expect(await client.next("conversation.item.truncated")).toMatchObject({ item_id: itemId, audio_end_ms: 700 });
  client.send({ type: "conversation.item.retrieve", item_id: itemId });
  const { item } = await client.next("conversation.item.retrieved");
  expect(Buffer.from(String(at(item, "content.0.audio")), "base64")).toHaveLength(700 * 48);
  expect(at(item, "content.0.transcript")).toBe("");
  truncate(itemId, 701);
  await refused("invalid_value", /already shorter/);
});

test("an answer given as text has no audio to truncate", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { output_modalities: ["text"] });
  client.say("hi");
  const done = await client.next("response.done");
  expect(at(done, "response.output.0.content.0.type")).toBe("output_text");
  expect(client.types()).toContain("response.output_text.done");
  expect(client.types()).not.toContain("response.output_audio.delta");
  const item_id = String(at(done, "response.output.0.id"));
  client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 1 });
  expect(await client.next("error")).toMatchObject({ error: { code: "unsupported_content_type" } });
});

test("items are placed, deleted and retrieved by id", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  const item = (id: string, text: string) => ({
    id,
    type: "message",
    role: "user",
    content: [{ type: "input_text", text }],
  });
  client.send({ type: "conversation.item.create", item: item("b", "second") });
  expect(await client.next("conversation.item.done")).toMatchObject({ previous_item_id: null });
  client.send({ type: "conversation.item.create", previous_item_id: "root", item: item("a", "first") });
  expect(await client.next("conversation.item.done")).toMatchObject({ previous_item_id: null });
  client.send({ type: "conversation.item.create", previous_item_id: "b", item: item("c", "third") });
  expect(await client.next("conversation.item.done")).toMatchObject({ previous_item_id: "b" });
  const ids = () => cloud.sessions()[0]?.conversation.items.map((stored) => stored.item.id);
  expect(ids()).toEqual(["a", "b", "c"]);
  client.send({ type: "conversation.item.delete", item_id: "b" });
  expect(await client.next("conversation.item.deleted")).toMatchObject({ item_id: "b" });
  expect(ids()).toEqual(["a", "c"]);
  for (const [event, code] of [
    [{ type: "conversation.item.delete", item_id: "b" }, "item_delete_invalid_item_id"],
    [{ type: "conversation.item.retrieve", item_id: "b" }, "item_retrieve_invalid_item_id"],
    [
      { type: "conversation.item.create", previous_item_id: "b", item: item("d", "") },
      "item_create_invalid_previous_item_id",
    ],
    [{ type: "conversation.item.create", item: item("x".repeat(33), "") }, "string_above_max_length"],
    [
      { type: "conversation.item.create", item: { type: "function_call_output", call_id: "call_x", output: "" } },
      "invalid_tool_call_id",
    ],
    [
      { type: "conversation.item.create", item: { type: "function_call_output", call_id: "call_x" } },
      "missing_required_parameter",
    ],
    [
      { type: "conversation.item.create", item: { ...item("d", ""), content: [{ type: "text", text: "" }] } },
      "invalid_value",
    ],
    [{ type: "response.cancel" }, "response_cancel_not_active"],
    [{ type: "no.such.event" }, "invalid_value"],
    [{ type: "response.create", response: { modalities: [] } }, "unknown_parameter"],
  ] as const) {
    client.send({ ...event, event_id: "mine" });
    expect(await client.next("error"), code).toMatchObject({ error: { code, event_id: "mine" } });
  }
});

test("what is no JSON object is an invalid event, and the session goes on", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  client.rt.socket.send("{");
  expect(await client.next("error")).toMatchObject({ error: { code: "invalid_event" } });
  client.say("still there?");
  await client.next("response.done");
});

test("one response at a time; those outside the conversation pass by", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 10 } });
  const client = await connect(cloud);
  client.say("a long one please");
  const created = await client.next("response.created");
  client.send({ type: "response.create", event_id: "second" });
  expect(await client.next("error")).toMatchObject({
    error: {
      code: "conversation_already_has_active_response",
      event_id: "second",
      message: expect.stringContaining(String(at(created, "response.id"))),
    },
  });
  cloud.mind.add([{ when: { instructions: "classify" }, reply: { text: "greeting" } }]);
  client.send({
    type: "response.create",
    response: {
      conversation: "none",
      metadata: { purpose: "classify" },
      output_modalities: ["text"],
      instructions: "Classify this.",
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
    },
  });
  const aside = await client.next("response.done");
  expect(aside.response).toMatchObject({
    status: "completed",
    conversation_id: null,
    metadata: { purpose: "classify" },
    output: [{ content: [{ type: "output_text", text: "greeting" }] }],
  });
  client.send({ type: "response.cancel" });
  expect(at(await client.next("response.done"), "response.status_details")).toEqual({
    type: "cancelled",
    reason: "client_cancelled",
  });
  const asideItem = String(at(aside, "response.output.0.id"));
  expect(cloud.sessions()[0]?.conversation.get(asideItem)).toBeUndefined();
});

test("a response may read items of the conversation by reference, or nothing at all", async () => {
  const cloud = await startCloud();
  cloud.mind.add([
    { when: { after: "nothing" }, reply: { text: "I see nothing." } },
    { when: { after: "user" }, reply: { text: "I see: {heard}" } },
  ]);
  const client = await connect(cloud, { output_modalities: ["text"] });
  const message = (text: string) => ({ type: "message", role: "user", content: [{ type: "input_text", text }] });
  client.send({ type: "conversation.item.create", item: { ...message("first"), id: "one" } });
  client.send({ type: "conversation.item.create", item: message("second") });
  const textFor = async (input: unknown[]) => {
    client.send({ type: "response.create", response: { input, conversation: "none" } });
    return at(await client.next("response.done"), "response.output.0.content.0.text");
  };
  expect(await textFor([{ type: "item_reference", id: "one" }])).toBe("I see: first");
  expect(await textFor([])).toBe("I see nothing.");
  expect(await textFor([message("third")])).toBe("I see: third");
});

test("max_output_tokens ends a response as incomplete", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { max_output_tokens: 40 });
  client.say("a long one please");
  const done = await client.next("response.done");
  expect(done.response).toMatchObject({
    status: "incomplete",
    status_details: { type: "incomplete", reason: "max_output_tokens" },
  });
});

test("a tool round trip: the call in order, its output, and an answer that has seen it", async () => {
  const cloud = await startCloud();
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "It is {output}." } },
    { when: { heard: "time" }, reply: { toolCalls: [{ name: "clock", arguments: { zone: "UTC" } }] } },
  ]);
  const client = await connect(cloud, { tools: [{ type: "function", name: "clock", parameters: { type: "object" } }] });
  const from = client.events.length;
  client.say("what time is it");
  const call = await client.next("response.function_call_arguments.done");
  const done = await client.next("response.done");
  const types = client.types(from).filter((type) => !type.endsWith(".delta") && !type.startsWith("rate"));
  expect(types).toEqual([
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
  ]);
  expect(JSON.parse(String(call.arguments))).toEqual({ zone: "UTC" });
  expect(call.name).toBe("clock");
  expect(done.response).toMatchObject({
    output: [{ type: "function_call", status: "completed", call_id: call.call_id }],
  });
  client.send({
    type: "conversation.item.create",
    item: { type: "function_call_output", call_id: String(call.call_id), output: "noon" },
  });
  client.send({ type: "response.create" });
  expect(at(await client.next("response.done"), "response.output.0.content.0.transcript")).toBe("It is noon.");
});

test.each(["audio/pcmu", "audio/pcma"])("%s in and out", async (type) => {
  const cloud = await startCloud();
  cloud.mind.add([{ reply: { text: "Understood." } }]);
  const client = await connect(cloud, { audio: { input: { format: { type } }, output: { format: { type } } } });
  const tone = type === "audio/pcmu" ? [0x80, 0x00] : [0xaa, 0x2a];
  const quiet = type === "audio/pcmu" ? 0xff : 0xd5;
  // A square wave of 500 Hz at full scale, then silence: both are bytes that the codec tables give.
  const bytes = Buffer.concat([
    Buffer.alloc(4_000, quiet),
    Buffer.from(Array.from({ length: 4_000 }, (_, index) => tone[(index >> 3) & 1] ?? 0)),
    Buffer.alloc(8_000, quiet),
  ]);
  client.send({ type: "input_audio_buffer.append", audio: bytes.toString("base64") });
  const stopped = await client.next("input_audio_buffer.speech_stopped");
  expect(Number(stopped.audio_end_ms)).toBeCloseTo(1_500, -2);
  await client.next("response.done");
  const sent = client.events
    .filter((event) => event.type === "response.output_audio.delta")
    .reduce((sum, { delta }) => sum + Buffer.byteLength(String(delta), "base64"), 0);
  const generatedMs = (cloud.sessions()[0]?.outputRecord.pcm().length ?? 0) / 24;
  expect(sent / 8).toBeCloseTo(generatedMs, -1);
  client.hear(silence(1), chirp(1));
});
