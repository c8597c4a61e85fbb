import { adviceOn } from "../../bridge-task/record/advice.ts";
import type { Pair, PairEndReason } from "../dispatch/protocol.ts";
import type { AgentView } from "./types.ts";

const sinceMs = ({ state, end, confirmedAtMs, claimedAtMs }: Pair): number => {
  if (state === "ended") return end?.atMs ?? claimedAtMs;
  return state === "running" ? (confirmedAtMs ?? claimedAtMs) : claimedAtMs;
};

/** What to do where a claim ended without its task having a say. */
const ownAdvice: Partial<Record<PairEndReason, string>> = {
  crashed:
    "The task stopped without a word: look at its log and at its stop reason in ECS. It is started again by itself.",
  launch_refused:
    "ECS would not start the task: look at the cluster, the account's Fargate quota and the subnets, then ask for the agent again.",
  over_cap:
    "There were too many agents at once: raise MAX_AGENTS_PER_CALL or MAX_CALLS, or ask for the agent again later.",
  gave_up: "The task stopped three times within ten minutes: look at its log, then ask for the agent again.",
};

const adviceFor = (reason: PairEndReason): string | undefined => {
  switch (reason) {
    case "crashed":
    case "launch_refused":
    case "over_cap":
    case "gave_up":
      return ownAdvice[reason];
    default:
      return adviceOn(reason);
  }
};

const endOf = ({ state, end }: Pair): Pick<AgentView, "reason" | "detail" | "advice"> => {
  if (state !== "ended" || end === undefined) return {};
  const { reason, detail } = end;
  const advice = adviceFor(reason);
  return { reason, ...(detail === undefined ? {} : { detail }), ...(advice === undefined ? {} : { advice }) };
};

/** Told to go, or on its way out. */
const isLeaving = ({ state, wish, leaving, launchId }: Pair): boolean =>
  state === "ended" ? leaving?.launchId === launchId : wish !== undefined;

/** An agent in a call as the API tells of it: what a claim holds, without what only the protocol needs. */
export const viewOf = (userId: string, pair: Pair): AgentView => ({
  userId,
  ...(pair.agent === undefined ? {} : { agent: pair.agent }),
  state: pair.state,
  since: new Date(sinceMs(pair)).toISOString(),
  ...(isLeaving(pair) ? { isLeaving: true as const } : {}),
  ...endOf(pair),
});
