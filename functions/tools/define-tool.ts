import type * as z from "zod";
import { type Duration, requiredDurationMs } from "../../bridge-task/duration.ts";
import { BridgeError, InvalidInputError } from "../../bridge-task/errors.ts";
import { createLogger } from "../../bridge-task/log.ts";
import { parametersVariable, withParameters } from "../parameters.ts";
import type { ToolRequest } from "./manifest.ts";

/** A tool as the model, the bridge and the build see it. */
export interface ToolDefinition<Input extends z.ZodObject = z.ZodObject, Secret extends string = string> {
  /** What the model calls it: 1 to 64 letters, digits, "_" or "-". */
  name: string;
  /** For the model: what the tool does, and when to use it. */
  description: string;
  /** The model's arguments. `describe()` its fields: the model reads that. */
  input: Input;
  /** How long a call may take; after that the model gets an error. */
  timeout: Duration;
  /** Said when the tool takes longer than a second, e.g. "One moment, I am filing that." */
  speaking?: string;
  /** Names of the function's environment variables that hold its secrets; the handler gets their values. */
  secrets?: readonly Secret[];
}

/** What a handler gets besides its input. None of it comes from the model. */
export interface ToolCallContext<Secret extends string = string> {
  call: ToolRequest["call"];
  /** The agent that called the tool. */
  agent: ToolRequest["agent"];
  /** From `joins`, or from the POST that asked for the agent: who is calling, which order it is about. */
  data: Record<string, unknown>;
  /** The same for every try of one call of the model's: what was done under it once is not to be done again. */
  idempotencyKey: string;
  secrets: Readonly<Record<Secret, string>>;
  /** Aborted when the tool's time is up: nobody waits for the result any more. */
  signal: AbortSignal;
}

/**
 * Does the work. What it returns goes to the model as JSON; the message of what it throws goes there as an error, but for errors
 * of the AWS SDK: they name accounts and resources, and go to the function's log.
 */
export type ToolImplementation<Input extends z.ZodObject, Secret extends string> = (
  input: z.output<Input>,
  context: ToolCallContext<Secret>,
) => unknown;

/** The arguments are not what the tool takes. The message is for the model: which field, and what is wrong with it. */
export class ToolInputError extends BridgeError {
  constructor(tool: string, problems: readonly string[]) {
    super(
      "tool_input",
      `${tool} cannot use these arguments. ${problems.join(" ")} Ask for what is missing and call it again.`,
    );
  }
}

/** AWS refused something, or did not answer. Who talks to the model hears of no accounts; the cause is in the log. */
class ToolUnavailableError extends BridgeError {
  constructor(tool: string, cause: unknown) {
    super("tool_unavailable", `${tool} could not do its work. It may succeed later.`, { retryable: true, cause });
  }
}

/** Errors of the AWS clients tell of the exchange that they come from. */
const isOfAws = (error: unknown): boolean => error instanceof Error && "$metadata" in error;

/**
 * Defines a tool. A file in functions/tools that exports `definition` and `handler` is all that a tool needs.
 *
 * @example
 * export const definition = defineTool({
 *   name: "order_status",
 *   description: "Says where an order is. Use it when the caller asks about an order.",
 *   input: z.object({ order: z.string().describe("The order's number, e.g. A-1042") }),
 *   timeout: "10 seconds",
 * });
 *
 * export const handler = toolHandler(definition, async ({ order }, { signal }) => lookUp(order, signal));
 */
export const defineTool = <Input extends z.ZodObject, const Secret extends string = never>(
  definition: ToolDefinition<Input, Secret>,
): ToolDefinition<Input, Secret> => definition;

const problemsOf = (error: z.ZodError): string[] =>
  error.issues.map(({ path, message }) => `${path.length === 0 ? "The arguments" : path.join(".")}: ${message}.`);

type Environment = Readonly<Record<string, string | undefined>>;

let filled: Promise<Environment> | undefined;

/** The environment with the secrets that stand in SSM: read when they are first needed, and kept once they were read. */
const filledEnvironment = (): Promise<Environment> => {
  filled ??= withParameters(process.env).catch((error: unknown) => {
    filled = undefined;
    throw error;
  });
  return filled;
};

/** What is in the environment itself is taken as it is now. */
const environmentFor = async (names: readonly string[]): Promise<Environment> =>
  names.every((name) => (process.env[name] ?? "") !== "") || !process.env[parametersVariable]
    ? process.env
    : filledEnvironment();

const secretsOf = <Secret extends string>(
  names: readonly Secret[],
  environment: Environment,
): Readonly<Record<Secret, string>> => {
  const values = names.map((name) => [name, environment[name] ?? ""] as const);
  const missing = values.filter(([, value]) => value === "").map(([name]) => name);
  if (missing.length > 0) {
    throw new InvalidInputError(
      `the tool's function needs ${missing.join(", ")} in its environment: set it and deploy again`,
    );
  }
  return Object.fromEntries(values) as Record<Secret, string>;
};

/**
 * The Lambda handler of a tool: takes a ToolRequest, checks the arguments, runs `run`, returns what the model gets.
 * Rejects with ToolInputError when the arguments are not what the tool takes, with ToolUnavailableError when AWS failed it.
 */
export const toolHandler =
  <Input extends z.ZodObject, Secret extends string>(
    definition: ToolDefinition<Input, Secret>,
    run: ToolImplementation<Input, Secret>,
  ): ((request: ToolRequest) => Promise<unknown>) =>
  async ({ arguments: args, call, agent, data, idempotencyKey }) => {
    const input = await definition.input.safeParseAsync(args);
    if (!input.success) throw new ToolInputError(definition.name, problemsOf(input.error));
    const signal = AbortSignal.timeout(requiredDurationMs(definition.timeout, `timeout of ${definition.name}`));
    const unavailable = (error: unknown): ToolUnavailableError => {
      createLogger().error("tool_failed", { tool: definition.name, callCid: call.cid, error });
      return new ToolUnavailableError(definition.name, error);
    };
    const names = definition.secrets ?? [];
    // Where SSM does not tell, the error names parameters and roles.
    const environment = await environmentFor(names).catch((error: unknown) => {
      throw unavailable(error);
    });
    const secrets = secretsOf(names, environment);
    try {
      return await run(input.data, { call, agent, data, idempotencyKey, secrets, signal });
    } catch (error) {
      throw isOfAws(error) ? unavailable(error) : error;
    }
  };
