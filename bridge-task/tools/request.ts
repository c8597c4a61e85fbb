import type { ToolRequest } from "../../functions/tools/manifest.ts";
import type { ToolContext } from "../realtime/tools/toolbox.ts";
import type { CallContext } from "./context.ts";

/** What a tool outside of this process is sent. */
export const toolRequestOf = (
  tool: string,
  args: Record<string, unknown>,
  { callId }: Pick<ToolContext, "callId">,
  { call, agent, data }: CallContext,
): ToolRequest => ({
  tool,
  arguments: args,
  call,
  agent,
  data: data(),
  // The model's call, not our attempt: who does a thing once per key does it once.
  idempotencyKey: `${call.cid}:${callId}`,
});
