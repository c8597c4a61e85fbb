import type { StreamClient } from "@stream-io/node-sdk";
import type { AgentClient } from "./agent-client.ts";
import { Bridge } from "./bridge.ts";
import { BridgeError, InvalidInputError, messageOf } from "./errors.ts";
import { FrozenRuntimeError, frozenRuntimeOf } from "./hosting.ts";
import { createLogger, type Logger } from "./log.ts";

export interface ConnectOpenAiOptions {
  streamClient: StreamClient;
  /** What `streamClient.video.call(type, id)` returns; type and id are enough. */
  call: { type: string; id: string };
  openAiApiKey: string;
  /** Stream user id of the agent; the user is created only if absent. */
  agentUserId: string;
  /** Default: gpt-realtime-2.1. */
  model?: string | undefined;
  /** Validity of the agent's call token in seconds. Default: longer than the longest stay. */
  validityInSeconds?: number | undefined;
  /** Another OpenAI-compatible server: https, ends in /v1. Default: OPENAI_BASE_URL, else api.openai.com. */
  baseUrl?: string | undefined;
  /** How long the agent waits for the first person. Default: 120,000. */
  waitForMs?: number | undefined;
  /** How long it stays after the last person left. Default: 15,000. */
  idleTimeoutMs?: number | undefined;
  /** The longest stay. Default: 14,400,000 (4 h). */
  maxDurationMs?: number | undefined;
  /** Keep the sound of every item in `item.formatted.audio` (2.9 MB a minute). Default: false. */
  keepAudio?: boolean | undefined;
  /** `realtime.event` tells a renamed server event a second time, under the name that it had in the beta. Default: false. */
  betaEventNames?: boolean | undefined;
  /** This process outlives the request that it serves, although its host usually freezes it. Default: false. */
  processLivesOn?: boolean | undefined;
  logger?: Logger | undefined;
}

/** Session updates made within this time of connecting are in force before the agent hears or says anything. */
const settleMs = 250;

/** Agents that this process has in calls, or on their way: a second one of the same user would answer everything twice. */
const present = new Set<string>();

/** Warnings and errors, as JSON lines on stderr: stdout belongs to the application. */
const defaultLogger = (): Logger => createLogger({ level: "warn", write: (line) => process.stderr.write(`${line}\n`) });

const checkLogger = (logger: Logger | undefined): void => {
  const methods = ["debug", "info", "warn", "error", "with"] as const;
  if (logger === undefined || methods.every((name) => typeof logger?.[name] === "function")) return;
  throw new InvalidInputError(`logger needs the methods ${methods.join(", ")}: make one with createLogger({ write })`);
};

/**
 * Puts an OpenAI Realtime agent into a Stream call, creating the call if nobody has. Resolves once the agent is in the
 * call and its session is ready. `disconnect()` on the result takes it out again; its `close` event tells why it left.
 *
 * @example
 * const client = await connectOpenAi({ streamClient, call, openAiApiKey, agentUserId: "lucy" });
 * client.updateSession({ instructions: "You are a helpful assistant." });
 *
 * Rejects with a BridgeError whose message says what to do: InvalidInputError or FrozenRuntimeError before anything is opened
 * where an option or the host cannot work, else when Stream or OpenAI refuses, with nothing left open.
 */
export const connectOpenAi = async (options: ConnectOpenAiOptions): Promise<AgentClient> => {
  const { streamClient, call, agentUserId } = options;
  const cid = `${call?.type}:${call?.id}`;
  const runtime = options.processLivesOn === true ? undefined : frozenRuntimeOf(process.env);
  if (runtime !== undefined) throw new FrozenRuntimeError(runtime, cid);
  checkLogger(options.logger);
  const agent = `${streamClient?.apiKey} ${cid} ${agentUserId}`;
  if (present.has(agent)) {
    throw new BridgeError(
      "agent_present",
      `${agentUserId} is in ${cid} already, or on the way: use the client that you have, or disconnect() it first.`,
    );
  }
  present.add(agent);
  try {
    const bridge = await connect(options, cid);
    void bridge.ended.then(() => present.delete(agent));
    return bridge.client;
  } catch (error) {
    present.delete(agent);
    throw error;
  }
};

const connect = async (options: ConnectOpenAiOptions, cid: string): Promise<Bridge> => {
  const { streamClient, call, agentUserId, openAiApiKey, model, validityInSeconds, keepAudio, betaEventNames } =
    options;
  const { waitForMs, idleTimeoutMs, maxDurationMs } = options;
  const limits = Object.entries({ waitForMs, idleTimeoutMs, maxDurationMs }).filter(([, limit]) => limit !== undefined);
  const bridge = await Bridge.connect({
    streamClient,
    call,
    agentUser: { id: agentUserId },
    openAi: { apiKey: openAiApiKey, baseUrl: options.baseUrl || process.env.OPENAI_BASE_URL || undefined, model },
    validityInSeconds,
    keepAudio,
    betaEventNames,
    limits: Object.fromEntries(limits),
    logger: (options.logger ?? defaultLogger()).with({ call: cid }),
  });
  // From here on what happens in the call is told; what the application does next may count on it.
  await bridge.participant.watching;
  if (bridge.left !== undefined) {
    const { reason, detail } = await bridge.ended;
    const message = `The agent's stay in ${cid} ended while it joined (${reason}). ${detail}`;
    throw new BridgeError("ended_while_joining", message);
  }
  const settling = setTimeout(() => {
    bridge.settle().catch((error) => bridge.end("internal", messageOf(error)));
  }, settleMs);
  void bridge.leaving.then(() => clearTimeout(settling));
  return bridge;
};
