import { InvalidInputError } from "../bridge-task/errors.ts";
import type { ToolManifest, ToolManifestEntry } from "../functions/tools/manifest.ts";
import { createFunction } from "./function.ts";
import type { SecretUse } from "./secret-names.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { toolAccess } from "./tool-access.ts";

/** Tool → its function. */
export type ToolFunctions = Readonly<Record<string, sst.aws.Function>>;

/** Lambda runs nothing for longer. */
const longestSeconds = 900;
/** After the tool's own time is up it still says so, in its log and to the model. */
const graceSeconds = 2;

/** "get_current_time" → "ToolGetCurrentTime". */
export const toolComponent = (name: string): string =>
  `Tool${name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join("")}`;

/** Variables of the tools that are secret, and whose they are. */
export const toolSecrets = (tools: ToolManifest): SecretUse[] =>
  tools.flatMap(({ name, secrets }) => secrets.map((variable) => ({ by: `the tool "${name}"`, variable })));

/** Throws InvalidInputError that names two tools whose functions would have the same name, but for capitals. */
const checkNames = (tools: ToolManifest): void => {
  const taken = new Map<string, string>();
  for (const { name } of tools) {
    const component = toolComponent(name);
    const other = taken.get(component.toLowerCase());
    if (other !== undefined) {
      throw new InvalidInputError(
        `Nothing was changed: the tools "${other}" and "${name}" are both ${component} in AWS: rename one of them`,
      );
    }
    taken.set(component.toLowerCase(), name);
  }
};

/** Throws InvalidInputError that names each tool which has access to something and is not there. */
const checkAccess = (tools: ToolManifest): void => {
  const names = tools.map(({ name }) => name);
  const unknown = Object.keys(toolAccess).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new InvalidInputError(
    `Nothing was changed: infra/tool-access.ts names ${unknown.map((name) => `"${name}"`).join(", ")}, and no tool in functions/tools bears that name (there are ${names.join(", ") || "none"}). Rename the key in infra/tool-access.ts to what the tool is called now; its table would be deleted otherwise. If that is what you want, delete the entry`,
  );
};

/** Throws InvalidInputError where a stage with these tools could be made in part only, or would lose something. */
export const checkTools = (tools: ToolManifest): void => {
  checkNames(tools);
  checkAccess(tools);
};

const createTool = (
  { name, file, timeoutMs, secrets: names }: ToolManifestEntry,
  secrets: Secrets,
  settings: Settings,
) => {
  const access = Object.hasOwn(toolAccess, name) ? toolAccess[name]?.() : undefined;
  const options = {
    file,
    description: `Tool ${name} of the agents`,
    timeoutSeconds: Math.min(longestSeconds, Math.ceil(timeoutMs / 1_000) + graceSeconds),
    memoryMb: 512 as const,
    environment: { ...secrets.environment(names), ...access?.environment },
    permissions: [...secrets.read(names), ...(access?.permissions ?? [])],
  };
  return createFunction(toolComponent(name), options, settings).fn;
};

/** A function for each tool, with a role of its own and only the secrets that it names. */
export const createTools = (tools: ToolManifest, secrets: Secrets, settings: Settings): ToolFunctions =>
  Object.fromEntries(tools.map((tool) => [tool.name, createTool(tool, secrets, settings)]));
