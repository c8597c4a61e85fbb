import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { apiKey, at, chirp, silence, startCloud, type TestCloud } from "./openai-fixture.ts";

const waitMs = 5_000;

const weather = tool({
  name: "weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});

/** OpenAI's agents SDK over plain ws, with its errors collected. */
const startAgent = async (cloud: TestCloud) => {
  const agent = new RealtimeAgent({ name: "Test", instructions: "Be brief.", tools: [weather] });
  const session = new RealtimeSession(agent, {
    transport: new OpenAIRealtimeWebSocket(),
    tracingDisabled: true,
    historyStoreAudio: true,
  });
  const errors: unknown[] = [];
  session.on("error", (error) => errors.push(error));
  onTestFinished(() => session.close());
  await session.connect({ apiKey, url: `${cloud.wsUrl}?model=gpt-realtime-2.1` });
  return { session, errors };
};

/** Waits for the server to have sent or received it. */
const seen = (cloud: TestCloud, type: string, count = 1) =>
  cloud.log.waitFor(() => cloud.log.since().filter((event) => event.type === type).length >= count, waitMs, type);

const buffer = (...parts: Int16Array[]): ArrayBuffer => {
  const bytes = Buffer.concat(parts.map((pcm) => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)));
  return new Uint8Array(bytes).buffer;
};

test("the agents SDK runs a tool and speaks about its result", async () => {
  const cloud = await startCloud();
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "I see {output}." } },
    { when: { heard: "weather" }, reply: { toolCalls: [{ name: "weather", arguments: { city: "Oslo" } }] } },
  ]);
  const { session, errors } = await startAgent(cloud);
  let audioBytes = 0;
  session.on("audio", ({ data }) => {
    audioBytes += data.byteLength;
  });
  const { promise: spoken, resolve } = Promise.withResolvers<string>();
  session.on("agent_end", (_context, _agent, output) => output !== "" && resolve(output));
  session.sendMessage("how is the weather?");
  expect(await withDeadline(spoken, waitMs, "the answer about the tool's result")).toBe("I see rain in Oslo.");
  expect(audioBytes / 2).toBe(cloud.sessions()[0]?.outputRecord.pcm().length);
  const types = session.history.map((item) => ("role" in item ? item.role : item.type));
  expect(types).toEqual(["user", "function_call", "assistant"]);
  expect(errors).toEqual([]);
});

test("the agents SDK is interrupted, truncates what was not heard and goes on", async () => {
  const cloud = await startCloud({ settings: { paceFactor: 5 } });
  cloud.mind.willHear("stop");
  cloud.mind.add([
    { when: { heard: "stop" }, reply: { text: "All right." } },
    {
      when: { heard: "story" },
      reply: { text: "Once upon a time, there was a call that went on and on. And on it went." },
    },
  ]);
  const { session, errors } = await startAgent(cloud);
  let interruptions = 0;
  session.on("audio_interrupted", () => {
    interruptions += 1;
  });
  session.sendMessage("tell me a story");
  await seen(cloud, "server.response.output_audio.delta", 6);
  session.sendAudio(buffer(silence(300), chirp(500), silence(1_000)));
  await seen(cloud, "server.conversation.item.truncated");
  await seen(cloud, "server.response.done", 2);
  await seen(cloud, "server.conversation.item.retrieved", 2);
  expect(interruptions).toBe(1);
  const done = cloud.log.since().filter(({ type }) => type === "server.response.done");
  expect(done.map(({ data }) => at(data, "event.response.status"))).toEqual(["cancelled", "completed"]);
  expect(at(done[1]?.data, "event.response.output.0.content.0.transcript")).toBe("All right.");
  expect(cloud.log.since().filter(({ type }) => type === "client.response.cancel")).toHaveLength(0);
  expect(errors).toEqual([]);
});
