import type { StreamClient } from "@stream-io/node-sdk";
import { Bridge } from "./bridge.ts";
import { messageOf } from "./errors.ts";
import { createLogger, type Logger } from "./log.ts";
import type { RealtimeClient } from "./realtime/client.ts";

export interface ConnectOpenAiOptions {
  streamClient: StreamClient;
  /** What `streamClient.video.call(type, id)` returns; type and id are enough. */
  call: { type: string; id: string };
  openAiApiKey: string;
  /** Stream user id of the agent; the user is created only if absent. */
  agentUserId: string;
  /** Default: gpt-realtime-2.1. */
  model?: string;
  /** Validity of the agent's call token in seconds. Default: longer than the longest stay. */
  validityInSeconds?: number;
  /** Another OpenAI-compatible server: https, ends in /v1. Default: OPENAI_BASE_URL, else api.openai.com. */
  baseUrl?: string;
  logger?: Logger;
}

/** Session updates made within this time of connecting are in force before the agent hears or says anything. */
const settleMs = 250;

/**
 * Puts an OpenAI Realtime agent into a Stream call, creating the call if nobody has. Resolves once the agent is in the
 * call and its session is ready. `disconnect()` on the result takes it out again; its `close` event tells why it left.
 *
 * @example
 * const client = await connectOpenAi({ streamClient, call, openAiApiKey, agentUserId: "lucy" });
 * client.updateSession({ instructions: "You are a helpful assistant." });
 *
 * Rejects with a BridgeError whose message says what to do: InvalidInputError before anything is opened where an option
 * cannot work, else when Stream or OpenAI refuses, with nothing left open.
 */
export const connectOpenAi = async (options: ConnectOpenAiOptions): Promise<RealtimeClient> => {
  const { streamClient, call, agentUserId, openAiApiKey, model, validityInSeconds } = options;
  const logger = (options.logger ?? createLogger({ level: "warn" })).with({ call: `${call?.type}:${call?.id}` });
  const bridge = await Bridge.connect({
    streamClient,
    call,
    agentUser: { id: agentUserId },
    openAi: { apiKey: openAiApiKey, baseUrl: options.baseUrl || process.env.OPENAI_BASE_URL || undefined, model },
    validityInSeconds,
    logger,
  });
  const settling = setTimeout(() => {
    bridge.settle().catch((error) => bridge.end("internal", messageOf(error)));
  }, settleMs);
  void bridge.leaving.then(() => clearTimeout(settling));
  return bridge.client;
};
