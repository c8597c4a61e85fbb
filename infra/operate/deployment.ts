import { createHash } from "node:crypto";

/** What the infrastructure calls itself: first part of the names of parameters, log groups and roles. */
export const appName = "stream-agent-bridge";

/** Names of the SSM parameters of a stage. The first three hold what `sst secret set` was told, the fourth the deploy makes. */
export const parameterNames = (stage: string) => ({
  STREAM_API_KEY: `/${appName}/${stage}/StreamApiKey`,
  STREAM_API_SECRET: `/${appName}/${stage}/StreamApiSecret`,
  OPENAI_API_KEY: `/${appName}/${stage}/OpenAiApiKey`,
  AGENTS_API_KEY: `/${appName}/${stage}/AgentsApiKey`,
});

/** "CRM_KEY" → "CrmKey": what `sst secret set` calls the secret that a tool, or an agent, finds in this variable. */
export const secretNameOf = (variable: string): string => {
  const known: Readonly<Record<string, string>> = parameterNames("");
  if (Object.hasOwn(known, variable)) return known[variable]?.split("/").at(-1) ?? variable;
  return variable
    .split("_")
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1).toLowerCase()}`)
    .join("");
};

/** Name of the SSM parameter that holds a stage's Deployment as JSON (type String: nothing in it is secret). */
export const deploymentParameter = (stage: string): string => `/${appName}/${stage}/Deployment`;

/** Where a stage is, short, and without telling the account to whom it does not concern: 8 hexadecimal digits. */
export const placeOf = (accountId: string, region: string): string =>
  createHash("sha256").update(`${accountId}/${region}`).digest("hex").slice(0, 8);

/** What was deployed, for whoever operates it: all that `npm run agents` has to know. */
export interface Deployment {
  stage: string;
  region: string;
  /** Of `placeOf`: the same stage name elsewhere is another stage. */
  place: string;
  /** Of the HTTP API, without a slash at the end; Stream's hook points to `/webhooks/stream` below it. */
  agentsUrl: string;
  streamWebhook: "register" | "off";
  calls: "all" | "own";
  callTypes: string[];
  callsTable: string;
  /** ARN. */
  cluster: string;
  /** ARN of the revision. */
  taskDefinition: string;
  container: string;
  capacity: "on-demand" | "spot";
  /** Of one task, in vCPU. */
  taskVcpu: number;
  callsAtOnce: number;
  /** Names of CloudWatch log groups. */
  logGroups: { bridge: string; webhook: string; taskStopped: string; sweep: string };
  /** Names of Lambda functions; a tool's under its own name. */
  functions: { webhook: string; taskStopped: string; sweep: string; tools: Record<string, string> };
  /** Users of the agents as code. */
  agentUsers: string[];
  /** Only in the local cloud: others than the services' own. */
  streamBaseUrl?: string;
  openAiBaseUrl?: string;
}
