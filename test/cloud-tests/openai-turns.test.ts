import { expect, test } from "vitest";
import { at, chirp, connect, silence, startCloud } from "./openai-fixture.ts";

const withoutDeltas = (types: string[]) => types.filter((type) => !type.endsWith(".delta"));

const spokenAnswer = [
  "response.created",
  "response.output_item.added",
  "conversation.item.added",
  "response.content_part.added",
  "response.output_audio.done",
  "response.output_audio_transcript.done",
  "response.content_part.done",
  "conversation.item.done",
  "response.output_item.done",
  "response.done",
];

test("a typed question is answered in the service's order of events", async () => {
  const cloud = await startCloud();
  cloud.mind.add([{ reply: { text: "You said {heard}." } }]);
  const client = await connect(cloud);
  client.say("good morning");
  const done = await client.next("response.done");
  await client.next("rate_limits.updated");
  expect(withoutDeltas(client.types())).toEqual([
    "session.created",
    "conversation.item.added",
    "conversation.item.done",
    ...spokenAnswer,
    "rate_limits.updated",
  ]);
  expect(at(done, "response.status")).toBe("completed");
  expect(at(done, "response.output.0.content.0")).toEqual({
    type: "output_audio",
    transcript: "You said good morning.",
  });
  const words = client.events.filter(({ type }) => type === "response.output_audio_transcript.delta");
  expect(words.map(({ delta }) => delta).join("")).toBe("You said good morning.");
});

test("a spoken question is found in the bytes, told by its words and answered", async () => {
  const cloud = await startCloud();
  cloud.mind.add([{ when: { heard: "weather" }, reply: { text: "Sunny." } }]);
  cloud.mind.willHear("how is the weather");
  const client = await connect(cloud, { audio: { input: { transcription: { model: "gpt-transcribe" } } } });
  const from = client.events.length;
  client.hear(silence(1_000), chirp(800), silence(700));
  const started = await client.next("input_audio_buffer.speech_started");
  const stopped = await client.next("input_audio_buffer.speech_stopped");
  const done = await client.next("response.done");
  const told = await client.next("conversation.item.input_audio_transcription.completed");
  // 300 ms of padding before the onset, 500 ms of silence after the end; decisions are made every 20 ms.
  expect(Number(started.audio_start_ms)).toBeGreaterThanOrEqual(680);
  expect(Number(started.audio_start_ms)).toBeLessThanOrEqual(740);
  expect(Number(stopped.audio_end_ms)).toBeGreaterThanOrEqual(2_280);
  expect(Number(stopped.audio_end_ms)).toBeLessThanOrEqual(2_340);
  expect(told).toMatchObject({ item_id: started.item_id, transcript: "how is the weather", usage: { type: "tokens" } });
  expect(at(done, "response.output.0.content.0.transcript")).toBe("Sunny.");
  const order = withoutDeltas(client.types(from)).filter(
    (type) => !type.includes("transcription") && !type.startsWith("rate"),
  );
  expect(order).toEqual([
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    ...spokenAnswer,
  ]);
});

test("the stored audio of a turn comes back on request, padding and silence included", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud);
  const sound = chirp(600);
  client.hear(silence(500), sound, silence(600));
  const committed = await client.next("input_audio_buffer.committed");
  client.send({ type: "conversation.item.retrieve", item_id: String(committed.item_id) });
  const { item } = await client.next("conversation.item.retrieved");
  const bytes = Buffer.from(String(at(item, "content.0.audio")), "base64");
  expect(bytes.length / 48).toBeCloseTo(300 + 600 + 500, -2);
  expect(bytes.includes(Buffer.from(sound.buffer, 4_800, 4_800))).toBe(true);
});

test("speech cuts the answer: first speech_started, then no delta any more, and a cancelled response", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 4 } });
  const client = await connect(cloud);
  client.say("tell me a long story");
  await client.next("response.output_audio.delta");
  const from = client.events.length;
  client.hear(chirp(400));
  const done = await client.next("response.done");
  const types = client.types(from);
  const cut = types.slice(types.indexOf("input_audio_buffer.speech_started"));
  expect(cut.slice(0, 7)).toEqual([
    "input_audio_buffer.speech_started",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
  ]);
  expect(done.response).toMatchObject({
    status: "cancelled",
    status_details: { type: "cancelled", reason: "turn_detected" },
    output: [{ status: "incomplete" }],
  });
});

test("interrupt_response false lets the answer go on; create_response false leaves speech unanswered", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 20 } });
  const client = await connect(cloud, {
    audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false, create_response: false } } },
  });
  client.say("hello");
  await client.next("response.output_audio.delta");
  client.hear(chirp(400), silence(600));
  await client.next("input_audio_buffer.committed");
  const done = await client.next("response.done");
  expect(at(done, "response.status")).toBe("completed");
  expect(client.types().filter((type) => type === "response.created")).toHaveLength(1);
});

test("without turn detection audio waits for the commit, and a commit answers nothing by itself", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { audio: { input: { turn_detection: null } } });
  client.hear(silence(50));
  client.send({ type: "input_audio_buffer.commit", event_id: "too-early" });
  expect(await client.next("error")).toMatchObject({
    error: { code: "input_audio_buffer_commit_empty", event_id: "too-early" },
  });
  client.hear(chirp(500), silence(900));
  client.send({ type: "input_audio_buffer.commit" });
  await client.next("input_audio_buffer.committed");
  client.send({ type: "input_audio_buffer.clear" });
  await client.next("input_audio_buffer.cleared");
  expect(client.types()).not.toContain("input_audio_buffer.speech_started");
  expect(client.types()).not.toContain("response.created");
});

test("semantic turn detection waits by its eagerness", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, {
    audio: { input: { turn_detection: { type: "semantic_vad", eagerness: "high" } } },
  });
  client.hear(silence(400), chirp(400), silence(460));
  const stopped = await client.next("input_audio_buffer.speech_stopped");
  expect(Number(stopped.audio_end_ms)).toBeCloseTo(400 + 400 + 400, -2);
});

test("the idle timeout runs on the input clock after the answer was played", async () => {
  const cloud = await startCloud();
  cloud.mind.add([{ reply: { text: "Still there?" } }]);
  const client = await connect(cloud, {
    audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 5_000 } } },
  });
  client.say("hi");
  await client.next("response.done");
  const played = cloud.sessions()[0]?.outputRecord.pcm().length ?? 0;
  client.hear(silence(4_000));
  client.hear(silence(3_000));
  const timeout = await client.next("input_audio_buffer.timeout_triggered");
  expect(timeout.audio_start_ms).toBe(Math.floor(played / 24));
  expect(Number(timeout.audio_end_ms) - Number(timeout.audio_start_ms)).toBeGreaterThanOrEqual(5_000);
  await client.next("input_audio_buffer.committed");
  await client.next("response.done");
});

test("usage is counted from real durations, and what was read before is cached", async () => {
  const cloud = await startCloud();
  const client = await connect(cloud, { instructions: "word ".repeat(400) });
  client.hear(silence(500), chirp(1_000), silence(600));
  const first = await client.next("response.done");
  const spokenMs = (cloud.sessions()[0]?.outputRecord.pcm().length ?? 0) / 24;
  expect(at(first, "response.usage.input_token_details")).toMatchObject({ text_tokens: 500, cached_tokens: 0 });
  expect(Number(at(first, "response.usage.input_token_details.audio_tokens"))).toBeCloseTo(18, 0);
  expect(at(first, "response.usage.output_token_details.audio_tokens")).toBe(Math.ceil(Math.floor(spokenMs) / 50));
  client.say("and?");
  const second = await client.next("response.done");
  expect(at(second, "response.usage.input_token_details.cached_tokens_details.text_tokens")).toBe(448);
});

test("audio comes faster than real time, in deltas of 50 to 200 ms", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 6, firstAudioMs: 30 } });
  cloud.mind.add([{ reply: { text: "This sentence is about three seconds long when it is spoken." } }]);
  const client = await connect(cloud);
  client.say("go");
  await client.next("response.done");
  const deltas = cloud.log.since().filter(({ type }) => type === "server.response.output_audio.delta");
  const created = cloud.log.since().find(({ type }) => type === "server.response.created");
  const sizesMs = deltas.map(({ data }) => Number(at(data, "event.delta.bytes")) / 48);
  expect(Math.max(...sizesMs)).toBeLessThanOrEqual(200);
  expect(Math.min(...sizesMs.slice(0, -1))).toBeGreaterThanOrEqual(50);
  expect(new Set(sizesMs).size).toBeGreaterThan(5);
  expect((deltas[0]?.atMs ?? 0) - (created?.atMs ?? 0)).toBeGreaterThanOrEqual(29);
  // From the response's beginning: on a busy machine the first delta may be late, and the others are not.
  const tookMs = (deltas.at(-1)?.atMs ?? 0) - (created?.atMs ?? 0);
  const audioMs = sizesMs.reduce((sum, ms) => sum + ms, 0);
  expect(tookMs).toBeGreaterThan((audioMs - 200) / 6 - 2);
  expect(tookMs).toBeLessThan(audioMs / 2);
});
