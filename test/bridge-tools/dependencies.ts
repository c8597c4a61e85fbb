import type { ToolContext } from "../../bridge-task/realtime/tools/toolbox.ts";
import type { ToolDependencies } from "../../bridge-task/tools/context.ts";
import { createToolLambda } from "../../bridge-task/tools/function-tool.ts";

export const key = "the key of the deployment";

export const callContext = {
  call: { type: "default", id: "c1", cid: "default:c1" },
  agent: { userId: "lucy", name: "Lucy" },
};

/** Of the local Lambda; where there is none, of nobody. */
export const lambdaSettings = (endpoint = "http://127.0.0.1:9") => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "x", secretAccessKey: "y" },
});

/** A client as the task makes it. */
export const lambdaAt = (endpoint?: string) => createToolLambda(lambdaSettings(endpoint));

export const dependencies = (more: Partial<ToolDependencies> = {}): ToolDependencies => ({
  manifest: [],
  functionNames: {},
  context: { ...callContext, data: () => ({ customer: 7 }) },
  lambda: lambdaAt(),
  key,
  urlPolicy: { allowLoopback: true },
  control: { endCall: async () => {}, leave: async () => {} },
  ...more,
});

/** A call of the model's. */
export const calledAs = (callId = "call_1", signal = new AbortController().signal): ToolContext => ({ callId, signal });

/** What a handler rejects with. */
export const failureOf = async (handled: unknown): Promise<unknown> => {
  try {
    await handled;
  } catch (error) {
    return error;
  }
  throw new Error("it was accepted");
};
