import type { CallControl, ResolvedTool } from "./context.ts";

/** Names of the tools that every agent may have and no file defines. */
export const builtInNames = ["end_call", "leave"] as const;
export type BuiltInName = (typeof builtInNames)[number];

export const isBuiltIn = (name: string): name is BuiltInName => (builtInNames as readonly string[]).includes(name);

const descriptions: Readonly<Record<BuiltInName, string>> = {
  end_call:
    "Ends the call for everybody. Use it when the conversation is over, or when you are asked to hang up. Say goodbye in the same response, before you call this.",
  leave:
    "Takes you out of the call; the others stay in it. Use it when you are asked to leave, or are not needed any more. Say goodbye in the same response, before you call this.",
};

const timeoutMs = 10_000;

/**
 * A tool that ends the agent's part in the call. It answers at once, so that the model may still say goodbye; `control` lets
 * the agent finish what it is saying and then acts.
 */
export const builtInTool = (name: BuiltInName, control: CallControl): ResolvedTool => ({
  definition: { name, description: descriptions[name], parameters: { type: "object", properties: {} } },
  timeoutMs,
  isFarewell: true,
  handler: () => {
    const acted = name === "end_call" ? control.endCall() : control.leave();
    // Nobody waits for it: the task's own record tells how the call ended.
    acted.catch(() => undefined);
    return { ok: true, note: "Say goodbye now, if you have not: nothing else is heard after this." };
  },
});
