import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { ToolManifest, ToolRequest } from "../../functions/tools/manifest.ts";
import type { UrlPolicy } from "../outgoing/url-policy.ts";
import type { ToolDefinition, ToolHandler } from "../realtime/tools/toolbox.ts";

/** A tool as the session gets it: `addTool(definition, handler, { timeoutMs, speaking, isFarewell })`. */
export interface ResolvedTool {
  definition: ToolDefinition;
  handler: ToolHandler;
  timeoutMs: number;
  /** Said when the tool takes longer than a second. */
  speaking?: string;
  /** See ToolOptions. */
  isFarewell?: boolean;
}

/** What a tool is told besides the model's arguments. */
export interface CallContext {
  call: ToolRequest["call"];
  agent: ToolRequest["agent"];
  /** As it is when the tool is called: the application may change it during the call. */
  data: () => Record<string, unknown>;
}

/** What built-in tools do to the call. Both let the agent finish what it is saying (10 s at most), then act. */
export interface CallControl {
  /** Ends the call for everybody. */
  endCall(): Promise<unknown>;
  /** The agent leaves, the call goes on. */
  leave(): Promise<unknown>;
}

/** All that tools of any kind need. */
export interface ToolDependencies {
  manifest: ToolManifest;
  /** Tool name → name or ARN of its Lambda function. */
  functionNames: Readonly<Record<string, string>>;
  context: CallContext;
  /** With `maxAttempts: 1`: what was invoked once may have been done. See `createToolLambda`. */
  lambda: Pick<LambdaClient, "send">;
  /** The API key of the deployment: signs what is posted. */
  key: string;
  urlPolicy: UrlPolicy;
  control: CallControl;
}
