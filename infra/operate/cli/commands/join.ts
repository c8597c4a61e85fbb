import { readFile } from "node:fs/promises";
import { messageOf } from "../../../../bridge-task/errors.ts";
import type { CallAddress, JoinRequest } from "../../../../functions/api/client.ts";
import { candidates } from "../../../../functions/dispatch/agents.ts";
import { cidOf } from "../call-id.ts";
import { usageError } from "../failure.ts";
import type { Operator } from "../operator.ts";
import { printJson } from "../terminal.ts";

export interface JoinOptions {
  agent?: string;
  user?: string;
  name?: string;
  /** A text, or @ and the file that has it. */
  instructions?: string;
  greeting?: string;
  voice?: string;
  model?: string;
  tool?: string[];
}

const instructionsOf = async (given: string | undefined): Promise<string | undefined> => {
  if (given === undefined || !given.startsWith("@")) return given;
  const file = given.slice(1);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw usageError(`--instructions @${file} cannot be read (${messageOf(error)}): name a text file after the @`);
  }
};

/** Which agent as code is meant where nothing is said: the only one. */
const onlyAgent = (): string => {
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only.name;
  const names = candidates.map(({ name }) => name).join(", ") || "none is defined";
  throw usageError(
    `which agent? --agent with one of: ${names}; or --user with --instructions for one that is only said here`,
  );
};

/** The request that the options say. Throws CommandError where they contradict each other. */
export const joinRequestOf = async (options: JoinOptions): Promise<JoinRequest> => {
  const { agent, user, name, greeting, voice, model, tool } = options;
  const instructions = await instructionsOf(options.instructions);
  const session = {
    ...(instructions === undefined ? {} : { instructions }),
    ...(voice === undefined ? {} : { voice }),
  };
  const settings = {
    ...(Object.keys(session).length === 0 ? {} : { session }),
    ...(model === undefined ? {} : { model }),
    ...(greeting === undefined ? {} : { greeting }),
    ...(tool === undefined ? {} : { tools: tool }),
  };
  const named = name === undefined ? {} : { name };
  if (agent === undefined && user !== undefined) {
    if (instructions === undefined) {
      throw usageError("--user without --agent needs --instructions: a text, or @ and a file that has it");
    }
    return { user: { id: user, ...named }, ...settings };
  }
  const changed = { ...(user === undefined ? {} : { id: user }), ...named };
  return {
    agent: agent ?? onlyAgent(),
    ...(Object.keys(changed).length === 0 ? {} : { user: changed }),
    ...settings,
  };
};

export const joinCall = async (operator: Operator, call: CallAddress, options: JoinOptions): Promise<void> => {
  const { terminal, isJson } = operator;
  const request = await joinRequestOf(options);
  const answer = await (await operator.agents()).join(call, request);
  if (isJson) return printJson(terminal, answer);
  const { userId } = answer.agent;
  terminal.out(
    answer.outcome === "launched"
      ? `${userId} is on its way to ${cidOf(call)}\n`
      : `${userId} is in ${cidOf(call)} already, or on its way, with the settings of then\n`,
  );
};
