import type { AgentState } from "../realtime/turn/types.ts";
import type { ShownState } from "./events.ts";

/** What people are shown: who speaks is speaking; else tools that run say more than what the model does meanwhile. */
export const shownState = (
  state: AgentState,
  runningTools: readonly string[],
): { state: ShownState; tool?: string } => {
  const tool = runningTools.at(-1);
  return tool === undefined || state === "speaking" ? { state } : { state: "using_tool", tool };
};
