import type { Agent } from "../../bridge-task/agents/agent.ts";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { builtInNames } from "../../bridge-task/tools/built-in.ts";
import type { ToolManifest } from "../../functions/tools/manifest.ts";

/** Throws InvalidInputError that names every tool which an agent's definition names and nobody wrote. */
export const checkAgents = (agents: Readonly<Record<string, Pick<Agent, "tools">>>, manifest: ToolManifest): void => {
  const known: readonly string[] = [...manifest.map(({ name }) => name), ...builtInNames];
  const wrong = Object.entries(agents).flatMap(([agent, { tools = [] }]) =>
    tools.flatMap((tool) =>
      typeof tool === "string" && !known.includes(tool) ? `bridge-task/agents/${agent} names the tool "${tool}"` : [],
    ),
  );
  if (wrong.length === 0) return;
  throw new InvalidInputError(`${wrong.join("; ")}: write it into functions/tools, or name one of ${known.join(", ")}`);
};
