import type { Joins } from "../../bridge-task/agents/agent.ts";
import * as lucy from "../../bridge-task/agents/lucy/joins.ts";

/** An agent, as far as the webhook knows it. */
export interface Candidate {
  /** Folder in bridge-task/agents. */
  name: string;
  /** Its user in the Stream app. */
  userId: string;
  joins: Joins;
}

/** The agents that are asked whether they want a call. The first that does gets it. */
export const candidates: readonly Candidate[] = [{ name: "lucy", userId: lucy.userId, joins: lucy.joins }];
