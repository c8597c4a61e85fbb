import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { findIn, leastScore } from "../caller/evidence.ts";
import { isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { correlate, signal } from "../support/signals.ts";
import { greeting, greetingsIn, Scene, startStage } from "./stage.ts";

let cloud: Cloud;
let scene: Scene;
let ann: Person;

beforeAll(async () => {
  cloud = await startStage();
});

afterAll(() => cloud?.close());

beforeEach(async () => {
  cloud.openai.mind.clear();
  cloud.openai.mind.add([greeting]);
  scene = new Scene(cloud);
  ann = await scene.join("ann");
});

afterEach(async () => {
  await ann?.leave();
  await scene.streamClient.video.call("default", scene.call.id).end();
  await scene.taskEnds(10_000);
});

const frameMs = 20;

/** Where the last sample that is more than codec noise is. */
const lastSoundMs = (pcm: Int16Array): number => pcm.findLastIndex((sample) => Math.abs(sample) > 300) / 24;

const hearGreeting = async (): Promise<void> => {
  await ann.hears(isVoice, 15_000, "the greeting", 0);
  await ann.hearsSilence(700, 10_000);
};

test("a call is created, an agent joins it by itself, greets once, hears a person and answers", async () => {
  cloud.openai.mind.add([{ when: { after: "user" }, reply: { text: "Yes.", speech: { signal: "answer" } } }]);
  await hearGreeting();
  const { lastPacketAtMs } = await ann.say(signal("question"));
  await ann.hears(isVoice, 8_000, "the answer", lastPacketAtMs);
  await ann.hearsSilence(1_500, 10_000);

  expect(findIn(scene.session().inputRecord.pcm(), signal("question"))).toMatchObject({ heard: true });
  const heard = ann.heard();
  expect(greetingsIn(heard)).toBe(1);
  expect(correlate(heard, signal("answer")).score).toBeGreaterThan(leastScore);
  expect(correlate(heard, signal("question")).score).toBeLessThan(0.3);
  expect(
    ann
      .participants()
      .map(({ userId }) => userId)
      .toSorted(),
  ).toEqual(["ann", "lucy"]);
});

test("an interrupted agent falls silent, and the model is told what was really heard", async () => {
  const story = signal("story", 8_000);
  cloud.openai.mind.add([
    {
      when: { after: "user" },
      times: 1,
      reply: { text: "A long story.", speech: { signal: "story", durationMs: 8_000 } },
    },
  ]);
  await hearGreeting();
  const asked = await ann.say(signal("question", 800));
  const first = await ann.hears(isVoice, 8_000, "the story", asked.lastPacketAtMs);
  await ann.hears(({ atMs }) => atMs > first.atMs + 1_500, 5_000, "a good part of the story");

  const interruption = await ann.say(signal("interruption", 1_000));
  await ann.hears(({ atMs }) => atMs > interruption.lastPacketAtMs, 5_000, "what follows");
  const during = ann.frames(first.atMs).filter(({ atMs }) => atMs < interruption.lastPacketAtMs);
  const last = during.findLast(isVoice);
  const started = scene
    .modelEvents(interruption.firstPacketAtMs)
    .find(({ type }) => type === "server.input_audio_buffer.speech_started");
  expect(last?.atMs).toBeLessThan((started?.atMs ?? 0) + 300);

  // Measured on the sound that arrived, not on the agent's word. The story has short pauses: the cut may lie in one.
  const truncation = scene
    .modelEvents(interruption.firstPacketAtMs)
    .find(({ type }) => type === "client.conversation.item.truncate");
  const toldMs = Number((truncation?.data.event as { audio_end_ms?: number } | undefined)?.audio_end_ms);
  const received = ann.frames(first.atMs).filter(({ atMs }) => last && atMs <= last.atMs);
  expect(received.length * frameMs).toBeGreaterThan(lastSoundMs(story.subarray(0, toldMs * 24)) - frameMs);
  expect(received.length * frameMs).toBeLessThanOrEqual(toldMs + frameMs);
  expect(correlate(ann.heard(first.startsAtMs), story.subarray(0, 1_500 * 24)).score).toBeGreaterThan(leastScore);
});
