import { parseArgs } from "node:util";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import { type LiveKeys, type ReadKeysOptions, readKeys, readVariables } from "./keys.ts";

/** What `npm start -- --live` is told from outside, checked. */
export interface LiveSettings extends LiveKeys {
  /** Types of the calls which the agents as code are asked about; empty: none, agents come by POST only. */
  callTypes: string[];
  /** A variable that a tool names among its secrets; empty where it is missing. */
  secret: (name: string) => string;
}

export interface LiveArguments {
  help: boolean;
  /** Agents come by POST only. */
  postsOnly: boolean;
}

/** Throws InvalidInputError for an argument that is none of ours. */
export const readLiveArguments = (args: readonly string[]): LiveArguments => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { "posts-only": { type: "boolean", default: false }, help: { type: "boolean", default: false } },
    });
    return { help: values.help, postsOnly: values["posts-only"] };
  } catch (cause) {
    throw new InvalidInputError(messageOf(cause), { cause });
  }
};

/** Throws InvalidInputError that says what is missing or wrong, and never the value of a key. */
export const readLiveSettings = (
  { postsOnly }: Pick<LiveArguments, "postsOnly">,
  options: Omit<ReadKeysOptions, "services"> = {},
): LiveSettings => {
  const keys = readKeys(options);
  const secret = readVariables(options);
  const named = (secret("CALL_TYPES") || "default").split(",").flatMap((type) => type.trim() || []);
  if (named.length === 0) {
    throw new InvalidInputError("CALL_TYPES must be names of call types with commas between them, or none");
  }
  return { ...keys, callTypes: postsOnly || named.join() === "none" ? [] : named, secret };
};
