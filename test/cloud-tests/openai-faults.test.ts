import { expect, test } from "vitest";
import { at, chirp, connect, OfficialClient, silence, startCloud, type TestCloud } from "./openai-fixture.ts";

const post = (cloud: TestCloud, path: string, body: unknown = {}, method = "POST") =>
  cloud.control.request(path, {
    method,
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

test("a dropped socket: 1006 without a word, any other code with its reason", async () => {
  const cloud = await startCloud();
  const first = await connect(cloud);
  const closed = first.closed();
  await post(cloud, "/faults/drop", { sessionId: "latest" });
  expect(await closed).toEqual({ code: 1006, reason: "" });
  const second = await connect(cloud);
  const closedAgain = second.closed();
  await post(cloud, "/faults/drop", { sessionId: "latest", code: 1011, reason: "internal error" });
  expect(await closedAgain).toEqual({ code: 1011, reason: "internal error" });
});

test("a killed server cuts all and refuses connections until it is restored, on the same ports", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  const closed = client.closed();
  await post(cloud, "/faults/kill");
  expect((await closed).code).toBe(1006);
  expect(cloud.sessions()[0]?.closed).toMatchObject({ code: 1006 });
  const refused = new OfficialClient(cloud);
  const { promise, resolve } = Promise.withResolvers<Error>();
  refused.rt.on("error", resolve);
  expect((await promise).message).toContain("ECONNREFUSED");
  await post(cloud, "/faults/restore");
  await connect(cloud);
});

test("a session expires: an error, then close 1001", async () => {
  const cloud = await startCloud({ settings: { sessionSeconds: 0.2 } });
  const client = await connect(cloud);
  const closed = client.closed();
  expect(await client.next("error")).toMatchObject({ error: { code: "session_expired" } });
  expect(await closed).toMatchObject({ code: 1001, reason: expect.stringContaining("maximum duration") });
});

test("a session can be expired at once", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  const closed = client.closed();
  await post(cloud, "/faults/expire", { sessionId: "latest" });
  expect(await client.next("error")).toMatchObject({ error: { code: "session_expired" } });
  expect((await closed).code).toBe(1001);
});

test("a response may fail on the server's side, halfway, and the next one is well", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  await post(cloud, "/faults/next-response", { serverErrorAfterMs: 500 });
  client.say("hi");
  const failed = await client.next("response.done");
  expect(failed.response).toMatchObject({
    status: "failed",
    status_details: { type: "failed", error: { type: "server_error" } },
    output: [{ status: "incomplete" }],
  });
  client.say("again");
  expect(at(await client.next("response.done"), "response.status")).toBe("completed");
});

test("response.created may be late: a cancel before it does nothing, and the response comes all the same", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  await post(cloud, "/faults/next-response", { createdAfterMs: 150 });
  client.say("hi");
  client.send({ type: "response.cancel" });
  expect(await client.next("error")).toMatchObject({ error: { code: "response_cancel_not_active" } });
  await client.next("response.created");
  expect(at(await client.next("response.done"), "response.status")).toBe("completed");
});

test("audio of a cancelled response may come late", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 4 } });
  const client = await connect(cloud);
  await post(cloud, "/faults/next-response", { lateDeltas: 3 });
  client.say("a long one please");
  await client.next("response.output_audio.delta");
  client.hear(chirp(300));
  const done = await client.next("response.done");
  for (let late = 0; late < 3; late += 1)
    expect(await client.next("response.output_audio.delta")).toMatchObject({ response_id: at(done, "response.id") });
});

test("a response that nobody asked for, and words that nobody asked for", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  await post(cloud, "/faults/orphan-response", { sessionId: "latest" });
  await client.next("response.done");
  await post(cloud, "/sessions/latest/say", { text: "One more thing." });
  const done = await client.next("response.done");
  expect(at(done, "response.output.0.content.0.transcript")).toBe("One more thing.");
});

test("transcriptions may be doubled, and may come after the answer", async () => {
  const cloud = await startCloud();
  await post(cloud, "/settings", { duplicateTranscriptions: true, transcription: "after_response" }, "PATCH");
  const client = await connect(cloud, { audio: { input: { transcription: { model: "whisper-1" } } } });
  cloud.mind.willHear("twice");
  client.hear(chirp(600), silence(700));
  await client.next("response.done");
  const first = await client.next("conversation.item.input_audio_transcription.completed");
  const second = await client.next("conversation.item.input_audio_transcription.completed");
  expect(second).toMatchObject({ item_id: first.item_id, transcript: "twice", usage: { type: "duration" } });
});

test("event types and fields that no client knows", async () => {
  const cloud = await startCloud({ settings: { unknownEvents: true, obfuscation: true } });
  const client = await connect(cloud);
  client.say("hi");
  await client.next("response.not_invented_yet.delta");
  expect(await client.next("response.output_audio_transcript.delta")).toHaveProperty("obfuscation");
  await client.next("response.done");
  Object.assign(cloud.settings, { unknownEvents: false, obfuscation: false });
  client.say("again");
  expect(await client.next("response.output_audio_transcript.delta")).not.toHaveProperty("obfuscation");
});

test("the next client event of a type can be refused with any code", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  await post(cloud, "/faults/refuse", { type: "response.create", error: { code: "insufficient_quota" } });
  client.send({ type: "response.create", event_id: "mine" });
  expect(await client.next("error")).toMatchObject({ error: { code: "insufficient_quota", event_id: "mine" } });
  client.send({ type: "response.create" });
  await client.next("response.done");
});

test("what is spoken and told over control is heard, answered by the rules and recorded", async () => {
  const cloud = await startCloud();
  await post(cloud, "/mind/rules", [
    { when: { heard: "^marco$" }, reply: { text: "Polo.", speech: { signal: "any" } } },
  ]);
  const client = await connect(cloud);
  await post(cloud, "/mind/heard", { text: "marco", sessionId: "latest" });
  const sound = chirp(500);
  client.hear(silence(300), sound, silence(700));
  const done = await client.next("response.done");
  expect(at(done, "response.output.0.content.0.transcript")).toBe("Polo.");
  const session = await (await cloud.control.request("/sessions/latest")).json();
  expect(session).toMatchObject({ inputMs: 1_500, closed: null, items: [{ role: "user" }, { role: "assistant" }] });
  const arrivals = await (await cloud.control.request("/sessions/latest/arrivals")).json();
  expect(arrivals).toMatchObject([{ samples: 7_200 }, { samples: 12_000, endMs: 800 }, { endMs: 1_500 }]);
  const wav = Buffer.from(await (await cloud.control.request("/sessions/latest/input.wav")).arrayBuffer());
  expect(wav.indexOf(Buffer.from(sound.buffer))).toBe(44 + 300 * 48);
  const log = cloud.log.since().filter(({ type }) => type === "client.input_audio_buffer.append");
  expect(log).toHaveLength(3);
  expect(JSON.stringify(cloud.log.since())).not.toContain(Buffer.from(sound.buffer, 0, 300).toString("base64"));
  await cloud.control.request("/mind/rules", { method: "DELETE" });
  expect(await (await cloud.control.request("/mind/rules")).json()).toEqual([]);
});

test("control says what is wrong with what it is given", async () => {
  const cloud = await startCloud();
  expect((await cloud.control.request("/sessions/sess_none")).status).toBe(404);
  for (const [path, body, method] of [
    ["/mind/rules", [{ reply: { txt: "typo" } }], "POST"],
    ["/mind/rules", [{ when: { heard: "(" }, reply: {} }], "POST"],
    ["/settings", { paceFactor: "fast" }, "PATCH"],
    ["/faults/refuse", { type: "response.create" }, "POST"],
  ] as const)
    expect((await post(cloud, path, body, method)).status, path).toBe(400);
});
