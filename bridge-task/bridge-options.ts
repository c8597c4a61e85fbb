import type { BridgeOptions } from "./bridge.ts";
import { InvalidInputError } from "./errors.ts";
import { ModelSession } from "./realtime/model-session.ts";

/** What a timer can wait, 24.8 days. */
const longestTimerMs = 2 ** 31 - 1;

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
