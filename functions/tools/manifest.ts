// What the bridge, the build and the infrastructure know of the tools: types only, so whoever imports this holds no tool.

/** One tool in functions/tools, as its definition says. The build writes it; nobody else does. */
export interface ToolManifestEntry {
  /** What the model calls it. */
  name: string;
  description: string;
  /** JSON Schema of an object, for the model. */
  parameters: Record<string, unknown>;
  /** How long a call may take, in milliseconds. */
  timeoutMs: number;
  /** Said when the tool takes longer than a second. */
  speaking?: string;
  /** Names of the function's environment variables that hold its secrets. */
  secrets: readonly string[];
  /** Logical name of its Lambda function: of the bundle, of the resource, of the function in the local cloud. */
  functionName: `tool-${string}`;
  /** Its source, relative to the project, with forward slashes. */
  file: string;
}

/** All tools, sorted by name. */
export type ToolManifest = readonly ToolManifestEntry[];

/** What a tool's function is invoked with. Nothing of it but `arguments` comes from the model. */
export interface ToolRequest {
  tool: string;
  /** As the model wrote them: the function checks them again. */
  arguments: unknown;
  call: { type: string; id: string /** `type:id`. */; cid: string };
  agent: { userId: string; name?: string };
  /** From `joins`, or from the POST that asked for the agent; never shown to the model. */
  data: Record<string, unknown>;
  /** `callCid:toolCallId`: the same for every try of one call of the model's. */
  idempotencyKey: string;
}
