import type { AgentsClient, AgentView, CallAddress } from "../../../functions/api/client.ts";
import { cidOf } from "./call-id.ts";
import { CommandError, exitCodes, usageError } from "./failure.ts";

export const notThere = (userId: string, call: CallAddress): CommandError =>
  new CommandError(
    exitCodes.notFound,
    `${userId} is not in ${cidOf(call)}. Who is: npm run agents -- list ${cidOf(call)}`,
  );

const told = (agents: readonly AgentView[]): string =>
  agents.map(({ userId, state }) => `${userId} (${state})`).join(", ");

/** The agent that is meant: the one that is named, else the only one that is `wanted`. Rejects with CommandError. */
export const agentOf = async (
  agents: AgentsClient,
  call: CallAddress,
  named: string | undefined,
  wanted: "live" | "any",
): Promise<string> => {
  if (named !== undefined) return named;
  const all = await agents.list(call);
  const candidates = wanted === "any" ? all : all.filter(({ state }) => state !== "ended");
  const [only, ...others] = candidates;
  if (only === undefined) {
    const past = all.length === 0 ? "" : `; there was: ${told(all)}`;
    throw new CommandError(
      exitCodes.notFound,
      `no agent is in ${cidOf(call)}${past}. Bring one: npm run agents -- join ${cidOf(call)}`,
    );
  }
  if (others.length === 0) return only.userId;
  throw usageError(`several agents are in ${cidOf(call)}: ${told(candidates)}. Say which with --user`);
};
