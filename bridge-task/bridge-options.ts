import type { StreamClient } from "@stream-io/node-sdk";
import type { AttendanceLimits } from "./attendance.ts";
import type { AttendantOptions } from "./attendant.ts";
import { longestTimerMs } from "./deadline.ts";
import { InvalidInputError } from "./errors.ts";
import type { Logger } from "./log.ts";
import { ModelSession } from "./realtime/model-session.ts";
import type { SessionUpdate } from "./realtime/session/keys.ts";
import type { NewTool } from "./realtime/tools/toolbox.ts";
import type { StreamUser } from "./stream/user.ts";

export interface BridgeOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  /** The Stream user the agent joins as; `custom.agent` is added. */
  agentUser: StreamUser;
  openAi: { apiKey: string; baseUrl?: string | undefined; model?: string | undefined };
  /** See ModelSessionOptions and RealtimeClientOptions. */
  keepAudio?: boolean | undefined;
  betaEventNames?: boolean | undefined;
  session?: SessionUpdate | undefined;
  /** What the model can call from its first word on. */
  tools?: readonly NewTool[] | undefined;
  /** What the agent is told to do when somebody can first hear it; without it, it waits to be spoken to. */
  greeting?: string | undefined;
  limits?: Partial<AttendanceLimits>;
  /** What becomes of the call when the agent leaves because nobody is there. Default: leave. */
  onEmpty?: "leave" | "end-call" | undefined;
  /**
   * Asked before the agent leaves because nobody is there; it stays (and is asked again later) where the answer is false. Where
   * it rejects or takes longer than 3 s, the agent leaves.
   */
  mayLeave?: AttendantOptions["mayLeave"];
  /** How long the agent's call token is valid. Default: an hour longer than the longest stay. */
  validityInSeconds?: number | undefined;
  logger: Logger;
  /** Gives connecting up; once connected, it has no effect. */
  signal?: AbortSignal | undefined;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** Throws InvalidInputError, naming the option and its mend, where the options can never work. */
export const checkOptions = (options: BridgeOptions): void => {
  const { streamClient, call, agentUser, openAi, validityInSeconds, limits = {} } = options;
  if (typeof streamClient?.generateCallToken !== "function") {
    throw new InvalidInputError(
      "streamClient must be a StreamClient: new StreamClient(apiKey, apiSecret) of @stream-io/node-sdk",
    );
  }
  if (!isText(call?.type) || !isText(call?.id)) {
    throw new InvalidInputError('call must have a type and an id: pass streamClient.video.call("default", "call-id")');
  }
  if (!isText(agentUser?.id)) {
    throw new InvalidInputError("agentUserId must be the id of the agent's Stream user, a non-empty string");
  }
  if (validityInSeconds !== undefined && !(Number.isInteger(validityInSeconds) && validityInSeconds > 0)) {
    throw new InvalidInputError(
      `validityInSeconds must be a whole number of seconds above 0, got ${validityInSeconds}`,
    );
  }
  if (openAi?.model !== undefined && !isText(openAi.model)) {
    throw new InvalidInputError(`model must be the name of a Realtime model, or be left out, got ${openAi.model}`);
  }
  for (const [name, limitMs] of Object.entries(limits)) {
    if (limitMs === undefined) continue;
    if (typeof limitMs === "number" && limitMs >= 1 && limitMs <= longestTimerMs) continue;
    throw new InvalidInputError(`${name} must be a number of milliseconds from 1 to ${longestTimerMs}, got ${limitMs}`);
  }
  ModelSession.check(openAi);
};
