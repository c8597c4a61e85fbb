import type { Agent } from "../bridge-task/agents/agent.ts";
import type { Candidate } from "../functions/dispatch/agents.ts";
import type { RegisteredUser } from "../functions/registration/types.ts";

/** Name and picture of a user that is a function of the call are told when the call is there; its id is the same in every call. */
const userOf = (name: string, { user }: Pick<Agent, "user">, candidates: readonly Candidate[]): RegisteredUser[] => {
  if (typeof user !== "function") {
    const { id, name: shownName, image } = user;
    return [{ id, ...(shownName === undefined ? {} : { name: shownName }), ...(image === undefined ? {} : { image }) }];
  }
  return candidates.flatMap((candidate) => (candidate.name === name ? [{ id: candidate.userId }] : []));
};

/** The users that the agents as code are in calls. */
export const agentUsers = (
  agents: Readonly<Record<string, Pick<Agent, "user">>>,
  candidates: readonly Candidate[],
): RegisteredUser[] => Object.entries(agents).flatMap(([name, agent]) => userOf(name, agent, candidates));
