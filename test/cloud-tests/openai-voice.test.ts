import { expect, test } from "vitest";
import { fliteVoicebox } from "../cloud/openai/voicebox.ts";
import { correlate, signal } from "../support/signals.ts";
import { speak } from "../support/speech.ts";
import { at, connect, silence, startCloud, toneVoicebox } from "./openai-fixture.ts";

test("a spoken sentence with its pauses is one turn, and the answer is real speech", async () => {
  const cloud = await startCloud({ voicebox: fliteVoicebox });
  cloud.mind.add([{ reply: { text: "First this. Then that." } }]);
  const client = await connect(cloud);
  client.hear(
    silence(500),
    await speak("Hello there, could you tell me, please, what all of this is about?"),
    silence(800),
  );
  const done = await client.next("response.done");
  expect(client.types().filter((type) => type === "input_audio_buffer.speech_started")).toHaveLength(1);
  expect(at(done, "response.output.0.content.0.transcript")).toBe("First this. Then that.");
  const expected = (await speak("First this.")).length + (await speak("Then that.")).length;
  expect(cloud.sessions()[0]?.outputRecord.pcm()).toHaveLength(expected);
});

test("a test signal is one turn for the detector, and a reply can be one", async () => {
  const cloud = await startCloud({ voicebox: fliteVoicebox });
  cloud.mind.add([{ reply: { speech: { signal: "answer", durationMs: 2_000 } } }]);
  const client = await connect(cloud);
  client.hear(silence(500), signal("question"), silence(800));
  await client.next("response.done");
  const session = cloud.sessions()[0];
  expect(client.types().filter((type) => type === "input_audio_buffer.speech_started")).toHaveLength(1);
  expect(session?.outputRecord.pcm()).toEqual(signal("answer", 2_000));
  expect(correlate(session?.inputRecord.pcm() ?? new Int16Array(), signal("question"))).toMatchObject({
    score: expect.closeTo(1, 1),
    atSample: 12_000,
  });
});

test("a voice that fails is a failed response, not a dead session", async () => {
  let works = false;
  const speech = () => (works ? toneVoicebox.speech("ok", "alloy") : Promise.reject(new Error("out of breath")));
  const cloud = await startCloud({ voicebox: { ...toneVoicebox, speech } });
  const client = await connect(cloud);
  client.say("hi");
  expect(at(await client.next("response.done"), "response.status")).toBe("failed");
  works = true;
  client.say("again");
  expect(at(await client.next("response.done"), "response.status")).toBe("completed");
});
