import * as z from "zod";
import { durationAdvice, durationMs } from "../../bridge-task/duration.ts";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import { isBuiltIn } from "../../bridge-task/tools/built-in.ts";
import type { ToolManifest, ToolManifestEntry } from "../../functions/tools/manifest.ts";

/** A file of functions/tools as it was loaded, or why it could not be and what to do about it. */
export type ToolModule =
  | { file: string; exports: Readonly<Record<string, unknown>> }
  | { file: string; loadError: string };

/** What the Realtime server takes as a function's name. */
const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Names of environment variables that Lambda lets be set. */
const secretPattern = /^(?!AWS_|_)[A-Za-z][A-Za-z0-9_]*$/;

/** Lambda runs nothing for longer. */
const longestTimeoutMs = 15 * 60_000;

const textOf = (value: unknown, name: string, what: string): string => {
  if (typeof value === "string" && value.trim() !== "") return value;
  throw new InvalidInputError(`definition.${name} must be ${what}, got ${JSON.stringify(value) ?? "nothing"}`);
};

const nameOf = (value: unknown): string => {
  const name = textOf(value, "name", "what the model calls the tool");
  if (!namePattern.test(name)) {
    throw new InvalidInputError(
      `definition.name "${name}" must have 1 to 64 letters, digits, "_" or "-" and nothing else`,
    );
  }
  if (isBuiltIn(name)) throw new InvalidInputError(`"${name}" is built in: give the tool another name`);
  return name;
};

/**
 * A JSON Schema for the model, in which less says more: the expression behind a format and the bounds of all whole numbers
 * are for validators.
 */
const forModel = ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
};

const parametersOf = (input: unknown): Record<string, unknown> => {
  const type = (input as { _zod?: { def?: { type?: unknown } } } | null | undefined)?._zod?.def?.type;
  if (type !== "object") {
    const found = type === undefined ? "something else" : `z.${type}()`;
    throw new InvalidInputError(
      `definition.input must be z.object({ … }), got ${found}: the model always passes an object; transform it in the handler`,
    );
  }
  const { $schema, ...parameters } = jsonSchemaOf(input as z.ZodObject);
  if (parameters.type === "object") return parameters;
  // With an id, the schema is but a reference to itself.
  throw new InvalidInputError(
    `definition.input has the id ${JSON.stringify((input as z.ZodObject).meta()?.id)}: leave it out, so that the schema begins with its fields`,
  );
};

const jsonSchemaOf = (input: z.ZodObject): z.core.JSONSchema.BaseSchema => {
  try {
    return z.toJSONSchema(input, { io: "input", override: forModel });
  } catch (error) {
    throw new InvalidInputError(
      `definition.input has no JSON Schema (${messageOf(error)}): take what JSON can say, z.iso.datetime() in place of z.date()`,
    );
  }
};

const timeoutMsOf = (value: unknown): number => {
  const ms = durationMs(value);
  if (ms === undefined) {
    throw new InvalidInputError(`definition.timeout ${durationAdvice}, got ${JSON.stringify(value) ?? "nothing"}`);
  }
  if (ms <= longestTimeoutMs) return ms;
  throw new InvalidInputError(
    `definition.timeout must be at most "15 minutes", got "${value}": Lambda runs nothing for longer`,
  );
};

const secretsOf = (value: unknown): string[] => {
  const names = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return names.map((name) => {
    if (typeof name === "string" && secretPattern.test(name)) return name;
    throw new InvalidInputError(
      `definition.secrets must name environment variables such as "CRM_KEY" (none begins with AWS_), got ${JSON.stringify(name)}`,
    );
  });
};

const entryOf = (module: ToolModule): ToolManifestEntry => {
  if ("loadError" in module) throw new InvalidInputError(module.loadError);
  const { definition, handler } = module.exports;
  if (typeof definition !== "object" || definition === null) {
    throw new InvalidInputError(
      "has no export `definition`: export const definition = defineTool({ … }), or move a file that is no tool into a folder below",
    );
  }
  if (typeof handler !== "function") {
    throw new InvalidInputError(
      "has no export `handler`: export const handler = toolHandler(definition, async (input, context) => …)",
    );
  }
  const { speaking, ...told } = definition as Record<string, unknown>;
  const name = nameOf(told.name);
  return {
    name,
    description: textOf(
      told.description,
      "description",
      "a sentence for the model: what the tool does and when to use it",
    ),
    parameters: parametersOf(told.input),
    timeoutMs: timeoutMsOf(told.timeout),
    ...(speaking === undefined ? {} : { speaking: textOf(speaking, "speaking", "a sentence to be said") }),
    secrets: secretsOf(told.secrets),
    functionName: `tool-${name}`,
    file: module.file,
  };
};

/**
 * The manifest of all tools. A pure function of the loaded files.
 * Throws InvalidInputError with one line for each file that is no tool: the file, what is wrong, how to mend it.
 */
export const manifestOf = (modules: readonly ToolModule[]): ToolManifest => {
  const entries: ToolManifestEntry[] = [];
  const problems: string[] = [];
  for (const module of modules) {
    try {
      const entry = entryOf(module);
      const taken = entries.find(({ name }) => name === entry.name);
      if (taken) throw new InvalidInputError(`is called "${entry.name}" like ${taken.file}: rename one of them`);
      entries.push(entry);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      problems.push(`${module.file}: ${error.message}`);
    }
  }
  if (problems.length > 0) throw new InvalidInputError(`Not every tool can be used.\n${problems.join("\n")}`);
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
};
