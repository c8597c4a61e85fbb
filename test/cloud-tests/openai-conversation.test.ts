import { EventEmitter, once } from "node:events";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { concat } from "../../bridge-task/audio/pcm.ts";
import type { ConversationEntry } from "../cloud/openai/items.ts";
import type { Session } from "../cloud/openai/session.ts";
import {
  apiKey,
  at,
  chirp,
  connect,
  silence,
  startCloud,
  type TestCloud,
  toneVoicebox,
  type Wire,
} from "./openai-fixture.ts";

/**
 * One whole conversation, held by each of OpenAI's own clients: a spoken question, a tool, a spoken answer, a story that the
 * person cuts short, and an answer after that. What each client heard and what the server keeps must agree in the end.
 */
const waitMs = 5_000;
const storyMs = 8_000;
/** As much of the story as the person has heard when they cut it short. */
const heardOfStoryMs = 200;
const answers = { weather: "It is rain in Oslo.", story: "Once upon a time.", stop: "All right." };
const question = [silence(300), chirp(500), silence(800)];

const startScene = async (): Promise<TestCloud> => {
  const cloud = await startCloud({ settings: { paceFactor: 4 } });
  for (const words of ["how is the weather", "tell me a story", "stop"]) cloud.mind.willHear(words);
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "It is {output}." } },
    { when: { heard: "weather" }, reply: { toolCalls: [{ name: "weather", arguments: { city: "Oslo" } }] } },
    { when: { heard: "story" }, reply: { text: answers.story, speech: { signal: "story", durationMs: storyMs } } },
    { when: { heard: "stop" }, reply: { text: answers.stop } },
  ]);
  return cloud;
};

/** An item in one line: who, what, how it ended. */
const lineOf = (item: ConversationEntry): string => {
  if (item.type === "function_call") return `${item.name}(${item.arguments}) ${item.status}`;
  if (item.type === "function_call_output") return `output ${item.output}`;
  const [part] = item.content;
  return `${item.role} "${part?.transcript ?? part?.text ?? ""}" ${item.status}`;
};

const wholeConversation = [
  'user "how is the weather" completed',
  'weather({"city":"Oslo"}) completed',
  "output rain in Oslo",
  `assistant "${answers.weather}" completed`,
  'user "tell me a story" completed',
  // The words of a cut answer go with its sound: nobody knows which were heard.
  'assistant "" incomplete',
  'user "stop" completed',
  `assistant "${answers.stop}" completed`,
];

/** Not `toEqual`: a difference would be printed sample by sample. */
const expectSameSound = (received: Int16Array | undefined, wanted: Int16Array): void => {
  expect(received?.length).toBe(wanted.length);
  expect(received?.findIndex((sample, index) => sample !== wanted[index])).toBe(-1);
};

/** What the server holds and what the client was given: the answers whole, the story up to where it was cut. */
const expectHeard = async (session: Session | undefined, heard: readonly Int16Array[]): Promise<void> => {
  const [weather, story = new Int16Array(), stop] = heard;
  expect(heard).toHaveLength(3);
  expectSameSound(weather, await toneVoicebox.speech(answers.weather, "alloy"));
  expectSameSound(stop, await toneVoicebox.speech(answers.stop, "alloy"));
  expect(story.length).toBeLessThan(storyMs * 24);
  expectSameSound(story, toneVoicebox.signal("story", storyMs).subarray(0, story.length));
  expect(session?.items()[5]?.audioMs).toBe(heardOfStoryMs);
  expect(heardOfStoryMs).toBeLessThan(story.length / 24);
};

const seen = (cloud: TestCloud, type: string, count = 1) =>
  cloud.log.waitFor(() => cloud.log.since().filter((event) => event.type === type).length >= count, waitMs, type);

const errorsIn = (cloud: TestCloud) => cloud.log.since().filter(({ type }) => type === "server.error");

const pcmOf = (base64: unknown): Int16Array => {
  const bytes = new Uint8Array(Buffer.from(String(base64), "base64"));
  return new Int16Array(bytes.buffer, 0, bytes.length / 2);
};

/** The audio of each answer that has some, in order of arrival. */
const answersIn = (deltas: readonly Wire[]): Int16Array[] => {
  const byItem = Map.groupBy(deltas, ({ item_id }) => item_id);
  return [...byItem.values()].map((group) => concat(group.map(({ delta }) => pcmOf(delta))));
};

test("OpenAIRealtimeWS holds a whole conversation: question, tool, answer, interruption, answer", async () => {
  const cloud = await startScene();
  const client = await connect(cloud, {
    tools: [{ type: "function", name: "weather", parameters: { type: "object" } }],
    audio: { input: { transcription: { model: "gpt-transcribe" } } },
  });
  client.hear(...question);
  const called = await client.next("response.done");
  client.send({
    type: "conversation.item.create",
    item: {
      type: "function_call_output",
      call_id: String(at(called, "response.output.0.call_id")),
      output: "rain in Oslo",
    },
  });
  client.send({ type: "response.create" });
  expect(at(await client.next("response.done"), "response.status")).toBe("completed");

  client.hear(...question);
  for (let delta = 0; delta < 5; delta += 1) await client.next("response.output_audio.delta");
  client.hear(chirp(400));
  const { item_id } = await client.next("response.output_audio.done");
  expect(at(await client.next("response.done"), "response.status_details.reason")).toBe("turn_detected");
  client.send({
    type: "conversation.item.truncate",
    item_id: String(item_id),
    content_index: 0,
    audio_end_ms: heardOfStoryMs,
  });
  await client.next("conversation.item.truncated");
  client.hear(silence(800));
  expect(at(await client.next("response.done"), "response.status")).toBe("completed");

  await seen(cloud, "server.conversation.item.input_audio_transcription.completed", 3);
  const [session] = cloud.sessions();
  expect(session?.items().map(lineOf)).toEqual(wholeConversation);
  expect(session?.items()[5]).toMatchObject({ id: item_id });
  await expectHeard(session, answersIn(client.events.filter(({ type }) => type === "response.output_audio.delta")));
  expect(errorsIn(cloud)).toEqual([]);
});

const weather = tool({
  name: "weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});

/** It takes an answer for heard as far as the clock on the wall has come since it began to arrive, so that clock is ours here. */
const wallClock = () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  return { advance: (ms: number) => vi.setSystemTime(Date.now() + ms) };
};

const countEvents = (client: RealtimeSession) => {
  const counts = new Map<string, number>();
  const emitter = new EventEmitter();
  const count = (type: string) => counts.get(type) ?? 0;
  client.on("transport_event", ({ type }) => {
    counts.set(type, count(type) + 1);
    emitter.emit("counted");
  });
  const received = async (type: string, wanted: number) => {
    const signal = AbortSignal.timeout(waitMs);
    while (count(type) < wanted) await once(emitter, "counted", { signal });
  };
  return { count, received };
};

const arrayBufferOf = (...parts: Int16Array[]): ArrayBuffer => concat(parts).slice().buffer;

test("RealtimeSession of the agents SDK holds a whole conversation: question, tool, answer, interruption, answer", async () => {
  const cloud = await startScene();
  const clock = wallClock();
  const agent = new RealtimeAgent({ name: "Test", instructions: "Be brief.", tools: [weather] });
  const client = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket(), tracingDisabled: true });
  onTestFinished(() => client.close());
  const heard = new Map<string, Int16Array[]>();
  client.on("audio", ({ data, responseId }) => {
    heard.set(responseId, [...(heard.get(responseId) ?? []), new Int16Array(data)]);
  });
  const problems: unknown[] = [];
  client.on("error", (problem) => problems.push(problem));
  let interruptions = 0;
  client.on("audio_interrupted", () => {
    interruptions += 1;
  });
  const { count, received } = countEvents(client);
  await client.connect({ apiKey, url: `${cloud.wsUrl}?model=gpt-realtime-2.1` });

  client.sendAudio(arrayBufferOf(...question));
  await received("response.done", 2);
  clock.advance(5_000);
  const before = count("response.output_audio.delta");
  client.sendAudio(arrayBufferOf(...question));
  await received("response.output_audio.delta", before + 5);
  clock.advance(heardOfStoryMs);
  client.sendAudio(arrayBufferOf(chirp(400)));
  await received("conversation.item.truncated", 1);
  client.sendAudio(arrayBufferOf(silence(1_000)));
  await received("response.done", 4);
  // It asks for each item again whose words or sound have changed: three transcriptions and the cut.
  await received("conversation.item.retrieved", 4);

  const [session] = cloud.sessions();
  const items = session?.items() ?? [];
  expect(items.map(lineOf)).toEqual(wholeConversation);
  await expectHeard(session, [...heard.values()].map(concat));
  // It keeps a call and its output as one item.
  const kept = items.filter(({ type }) => type !== "function_call_output").map(({ id }) => id);
  expect(client.history.map(({ itemId }) => itemId)).toEqual(kept);
  expect(interruptions).toBeGreaterThan(0);
  expect(problems).toEqual([]);
  expect(errorsIn(cloud)).toEqual([]);
});
