import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";
import { deferred } from "../../../bridge-task/deadline.ts";
import { toolName } from "./script.ts";
import { type ConnectTurnClient, toolResult } from "./turn-client.ts";

const bytesPerSample = 2;

/**
 * This client takes an answer for heard as far as the wall clock has come since it began to arrive. Answers come faster than
 * anybody can listen here, so its clock is put forward by each one: it then takes them for heard, as ours is told that they
 * were, and neither cuts them short.
 */
const advanceClock = (() => {
  const realNow = Date.now;
  let aheadMs = 0;
  Date.now = () => realNow() + aheadMs;
  return (ms: number): void => {
    aheadMs += ms;
  };
})();

/** OpenAI's agents SDK, with its own defaults. */
export const connectPeer: ConnectTurnClient = async ({ baseUrl, onResponseDone }) => {
  let heardSamples = 0;
  let toolCalls = 0;
  let advancedSamples = 0;
  const lookUp = tool({
    name: toolName,
    description: "Where an order is.",
    parameters: z.object({ order: z.string(), fields: z.array(z.string()) }),
    execute: async () => {
      toolCalls += 1;
      return JSON.stringify(toolResult);
    },
  });
  const agent = new RealtimeAgent({ name: "Clerk", instructions: "You help customers of a shop.", tools: [lookUp] });
  const session = new RealtimeSession(agent, { transport: "websocket", tracingDisabled: true });
  const failed = deferred<never>();
  failed.promise.catch(() => undefined);
  session.on("error", failed.reject);
  session.on("audio", ({ data }) => {
    heardSamples += data.byteLength / bytesPerSample;
  });
  session.transport.on("audio_done", () => {
    advanceClock((heardSamples - advancedSamples) / 24);
    advancedSamples = heardSamples;
  });
  session.transport.on("turn_done", onResponseDone);
  const updated = deferred<void>();
  session.transport.on("session.updated", () => updated.resolve());
  const url = `${baseUrl.replace(/^https/, "wss")}/realtime?model=gpt-realtime-2.1`;
  await session.connect({ apiKey: "sk-bench", url });
  await Promise.race([updated.promise, failed.promise]);
  return {
    append: (frame) => session.sendAudio(frame.slice().buffer),
    get heardSamples() {
      return heardSamples;
    },
    get toolCalls() {
      return toolCalls;
    },
    close: async () => session.close(),
  };
};
