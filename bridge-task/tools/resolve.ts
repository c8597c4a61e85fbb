import type { InProcessTool, McpTool } from "../agents/agent.ts";
import { requiredDurationMs } from "../duration.ts";
import { InvalidInputError } from "../errors.ts";
import type { UrlTool } from "../job.ts";
import { defaultToolTimeoutMs } from "../realtime/tools/toolbox.ts";
import { builtInNames, builtInTool, isBuiltIn } from "./built-in.ts";
import type { ResolvedTool, ToolDependencies } from "./context.ts";
import { functionHandler } from "./function-tool.ts";
import { checkUrlTool, urlHandler } from "./url-tool.ts";

/** One entry of `tools`, in an agent's definition, the answer of its `joins`, or a POST. */
export type ToolEntry = string | UrlTool | InProcessTool | McpTool | ({ type: "mcp" } & Record<string, unknown>);

export interface ResolvedTools {
  /** Added to the session, each with its handler. */
  tools: ResolvedTool[];
  /** Told to the model as they are: remote MCP servers, which the model's own server runs. */
  declared: McpTool[];
}

const named = (name: string, dependencies: ToolDependencies): ResolvedTool => {
  const { manifest, functionNames, control } = dependencies;
  if (isBuiltIn(name)) return builtInTool(name, control);
  const entry = manifest.find((known) => known.name === name);
  if (entry === undefined) {
    const known = [...manifest.map((each) => each.name), ...builtInNames].join(", ");
    throw new InvalidInputError(
      `there is no tool "${name}": it must be one of ${known}, or add a file for it to functions/tools and deploy`,
    );
  }
  const functionName = Object.hasOwn(functionNames, name) ? functionNames[name] : undefined;
  if (functionName === undefined) {
    throw new InvalidInputError(`tool "${name}" has no function in TOOL_FUNCTIONS: deploy bridge and tools together`);
  }
  const { description, parameters, timeoutMs, speaking } = entry;
  return {
    definition: { name, description, parameters },
    handler: functionHandler(entry, functionName, dependencies),
    timeoutMs,
    ...(speaking === undefined ? {} : { speaking }),
  };
};

const timeoutMsOf = ({ name, timeout }: UrlTool | InProcessTool): number =>
  timeout === undefined ? defaultToolTimeoutMs : requiredDurationMs(timeout, `timeout of tool "${name}"`);

const described = (tool: UrlTool | InProcessTool, dependencies: ToolDependencies): ResolvedTool => {
  const { name, description, parameters, speaking } = tool;
  const timeoutMs = timeoutMsOf(tool);
  let handler: ResolvedTool["handler"];
  if ("handler" in tool) handler = tool.handler;
  else {
    checkUrlTool(tool, dependencies);
    handler = urlHandler(tool, timeoutMs, dependencies);
  }
  const definition = {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
  return { definition, handler, timeoutMs, ...(speaking === undefined ? {} : { speaking }) };
};

const isMcp = (entry: ToolEntry): entry is McpTool =>
  typeof entry === "object" && "type" in entry && entry.type === "mcp";

/**
 * Makes of an agent's `tools` what its session is given. Throws InvalidInputError that names the entry and its mend: a name
 * that no tool has, a URL that is never posted to, a name that two of them have.
 */
export const resolveTools = ({
  entries,
  ...dependencies
}: ToolDependencies & { entries: readonly ToolEntry[] }): ResolvedTools => {
  const tools: ResolvedTool[] = [];
  const declared: McpTool[] = [];
  const names = new Set<string>();
  for (const entry of entries) {
    if (isMcp(entry)) {
      declared.push(entry);
      continue;
    }
    const tool = typeof entry === "string" ? named(entry, dependencies) : described(entry as UrlTool, dependencies);
    const { name } = tool.definition;
    if (names.has(name)) throw new InvalidInputError(`there are two tools "${name}": leave one of them out`);
    names.add(name);
    tools.push(tool);
  }
  return { tools, declared };
};
