import { type Deferred, deferred } from "../../../bridge-task/deadline.ts";
import { createLogger } from "../../../bridge-task/log.ts";
import { RealtimeClient } from "../../../bridge-task/realtime/client.ts";
import { ModelSession } from "../../../bridge-task/realtime/model-session.ts";
import type { AudioPart, SpokenPart, Voice } from "../../../bridge-task/realtime/voice.ts";
import { toolName } from "./script.ts";
import { type ConnectTurnClient, toolResult } from "./turn-client.ts";

/** A mouth that has said everything as soon as it has it whole: answers come faster than anybody could listen here. */
class InstantVoice implements Voice {
  heardSamples = 0;
  #speaking: Deferred<void> | undefined;

  append(_part: AudioPart, pcm: Int16Array): void {
    this.heardSamples += pcm.length;
    this.#speaking ??= deferred();
  }

  finish(): void {
    this.#speaking?.resolve();
    this.#speaking = undefined;
  }

  cut(): SpokenPart[] {
    this.finish();
    return [];
  }

  drained(): Promise<void> {
    return this.#speaking?.promise ?? Promise.resolve();
  }
}

/** The client that `connectOpenAi` returns, with the logger that production has. */
export const connectOurs: ConnectTurnClient = async ({ baseUrl, onResponseDone }) => {
  let toolCalls = 0;
  const voice = new InstantVoice();
  const logger = createLogger({ level: "info", write: () => {} });
  const session = await ModelSession.open({ apiKey: "sk-bench", baseUrl, voice, logger });
  const client = new RealtimeClient({ session, disconnect: () => session.close(), logger });
  client.updateSession({ instructions: "You help customers of a shop." });
  const parameters = {
    type: "object",
    properties: { order: { type: "string" }, fields: { type: "array", items: { type: "string" } } },
    required: ["order", "fields"],
  };
  client.addTool({ name: toolName, description: "Where an order is.", parameters }, async () => {
    toolCalls += 1;
    return toolResult;
  });
  client.on("response.done", onResponseDone);
  await client.updatesSettled();
  session.audio.listen();
  return {
    append: (frame) => session.audio.append(frame),
    get heardSamples() {
      return voice.heardSamples;
    },
    get toolCalls() {
      return toolCalls;
    },
    close: () => client.disconnect(),
  };
};
