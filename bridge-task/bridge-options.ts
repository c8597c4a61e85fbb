import type { BridgeOptions } from "./bridge.ts";
import { InvalidInputError } from "./errors.ts";
import { ModelSession } from "./realtime/model-session.ts";

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** Throws InvalidInputError, naming the option and its mend, where the options can never work. */
export const checkOptions = ({ streamClient, call, agentUser, openAi, validityInSeconds }: BridgeOptions): void => {
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
  ModelSession.check(openAi);
};
