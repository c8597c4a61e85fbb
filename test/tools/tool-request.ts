import type { ToolRequest } from "../../functions/tools/manifest.ts";

/** What the bridge invokes a tool's function with. */
export const requestOf = (tool: string, args: unknown, more: Partial<ToolRequest> = {}): ToolRequest => ({
  tool,
  arguments: args,
  call: { type: "default", id: "demo", cid: "default:demo" },
  agent: { userId: "lucy", name: "Lucy" },
  data: {},
  idempotencyKey: "default:demo:call_1",
  ...more,
});
