import { InvalidInputError } from "../errors.ts";
import type { Agent } from "./agent.ts";
import { lucy } from "./lucy/index.ts";

/** Every agent by the name of its folder, which is what a job names. */
export const agents: Readonly<Record<string, Agent>> = { lucy };

/** The agent of a job. Throws InvalidInputError naming the agents that exist. */
export const findAgent = (name: string): Agent => {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  if (agent) return agent;
  throw new InvalidInputError(
    `there is no agent "${name}", only ${Object.keys(agents).join(", ")}: add bridge-task/agents/${name} and list it in agents/index.ts`,
  );
};
