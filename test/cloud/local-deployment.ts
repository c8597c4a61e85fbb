import { randomBytes } from "node:crypto";
import { candidates } from "../../functions/dispatch/agents.ts";
import { callsTableSchema, callsTableTtlAttribute } from "../../functions/dispatch/calls-table-schema.ts";
import type { RegistrationRequest } from "../../functions/registration/types.ts";
import { bridgeRuntime } from "../../infra/build/bridge-runtime.ts";
import type { Bundle, BundleName } from "../../infra/build/bundles.ts";
import { ticketsTableSchema } from "../../infra/build/tickets-table.ts";
import {
  appName,
  type Deployment,
  deploymentParameter,
  parameterNames,
  secretNameOf,
} from "../../infra/operate/deployment.ts";
import { clusterArn, functionArn, region } from "./aws/arns.ts";
import { type AwsCloud, type FunctionDefinition, startAwsCloud } from "./aws/index.ts";
import type { EventLog } from "./event-log.ts";

/** What the local deployment talks to outside AWS: stand-ins, or the live services. */
export interface Services {
  streamApiKey: string;
  streamApiSecret: string;
  openAiApiKey: string;
  /** Another than Stream's own. */
  streamBaseUrl?: string;
  /** Another than OpenAI's own; https, ends in /v1. */
  openAiBaseUrl?: string;
  /** PEM of the authority that signed OpenAI's certificate, where that is not a public one. */
  caFile?: string;
}

export interface LocalDeploymentOptions {
  log: EventLog;
  services: Services;
  /** Of buildBundles(): all of them. */
  bundles: readonly Bundle[];
  /** Each line that a task writes. */
  onOutput?: (line: string, taskId: string) => void;
  /** More environment for the bridge task, and for the functions that dispatch. */
  bridgeEnvironment?: Readonly<Record<string, string>>;
  dispatchEnvironment?: Readonly<Record<string, string>>;
  /** What the bridge task runs; by default Node on the bundle. */
  bridgeCommand?: (bundleFile: string) => string[];
  /** Types of the calls that agents as code join, none for []; the functions' own default unless told. */
  callTypes?: readonly string[];
  /** What the deployment says of its hook, which whoever starts this sees to; "off" unless told. */
  streamWebhook?: Deployment["streamWebhook"];
  /** Key of the HTTP API; a new one unless told. */
  agentsKey?: string;
  /** Value of a variable that a tool names among its secrets; "local" where it has none. */
  toolSecret?: (variable: string) => string | undefined;
}

export interface LocalDeployment {
  aws: AwsCloud;
  /** Of the HTTP API, without a slash at the end. */
  agentsUrl: string;
  agentsKey: string;
  /** Where Stream's events go. Nobody has told Stream: the function `register` would. */
  webhookUrl: string;
  /** As it stands in the parameter `deploymentParameter(localStage)`. */
  deployment: Deployment;
  /** What a deploy ends with, and the first minute after it: the function `register` tells Stream, and the sweeper runs. */
  register(): Promise<void>;
  /** Ends everything, children first. Idempotent. */
  close(): Promise<void>;
}

/** The stage that the local deployment is. The functions are not told: they filter no calls by it. */
export const localStage = "local" as const;

/** Where it is, as its hook says; a deployment's is a hash. */
export const localPlace = "00000000";

const cluster = "local";
const container = "bridge";
const callsTable = "calls";
const ticketsTable = "tickets";
const taskVcpu = 1;
const stopTimeoutSeconds = 120;
const dispatchTimeoutMs = 10_000;
const registerTimeoutMs = 240_000;

/** The sweeper's rate in a deployment. */
const sweepEveryMs = 60_000;

/** Calls with agents at once, which the functions take for granted where MAX_CALLS says nothing. */
const callsAtOnce = 100;

const names = parameterNames(localStage);

const logGroup = (component: string): string => `/${appName}/${localStage}/${component}`;

const bundleFile = (bundles: readonly Bundle[], name: BundleName): string => {
  const found = bundles.find((bundle) => bundle.name === name);
  if (!found) throw new Error(`the bundle "${name}" is missing: pass the result of buildBundles()`);
  return found.file;
};

/** The part of `record` that these names name. */
const only = <Name extends string>(record: Readonly<Record<Name, string>>, ...wanted: Name[]): Record<string, string> =>
  Object.fromEntries(wanted.map((name) => [name, record[name]]));

const toolsOf = (bundles: readonly Bundle[]) => bundles.flatMap(({ tool, file }) => (tool ? [{ ...tool, file }] : []));

type Tools = ReturnType<typeof toolsOf>;

/** SSM_PARAMETERS: which variable stands in which parameter. */
const fromParameters = (parameters: Readonly<Record<string, string>>): Record<string, string> =>
  Object.keys(parameters).length === 0 ? {} : { SSM_PARAMETERS: JSON.stringify(parameters) };

const toolParameter = (variable: string): string => `/${appName}/${localStage}/${secretNameOf(variable)}`;

const streamSecrets = ["STREAM_API_KEY", "STREAM_API_SECRET"] as const;

/** What the process of a call and the functions that dispatch have in common. */
const sharedEnvironment = ({ streamBaseUrl }: Services): Record<string, string> => ({
  ...(streamBaseUrl === undefined ? {} : { STREAM_BASE_URL: streamBaseUrl }),
  CALLS_TABLE: callsTable,
  LOOPBACK_URLS: "allowed",
});

const putParameters = (
  aws: AwsCloud,
  { services, toolSecret = () => undefined }: LocalDeploymentOptions,
  agentsKey: string,
  tools: Tools,
): void => {
  aws.parameters.put(names.STREAM_API_KEY, services.streamApiKey, "SecureString");
  aws.parameters.put(names.STREAM_API_SECRET, services.streamApiSecret, "SecureString");
  aws.parameters.put(names.OPENAI_API_KEY, services.openAiApiKey, "SecureString");
  aws.parameters.put(names.AGENTS_API_KEY, agentsKey, "SecureString");
  // A tool starts with all of its secrets or not at all: here each of its own has something in it.
  for (const variable of new Set(tools.flatMap(({ secrets }) => secrets))) {
    const parameter = toolParameter(variable);
    if (aws.parameters.get(parameter) !== undefined) continue;
    aws.parameters.put(parameter, toolSecret(variable) || "local", "SecureString");
  }
};

/** Returns the ARN of its revision. */
const putBridge = (aws: AwsCloud, options: LocalDeploymentOptions, tools: Tools): string => {
  const { services, bundles } = options;
  const file = bundleFile(bundles, "bridge");
  return aws.putTaskDefinition("bridge", {
    container,
    command: options.bridgeCommand?.(file) ?? [process.execPath, file],
    env: {
      ...sharedEnvironment(services),
      ...(services.openAiBaseUrl === undefined ? {} : { OPENAI_BASE_URL: services.openAiBaseUrl }),
      ...(services.caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: services.caFile }),
      TOOL_FUNCTIONS: JSON.stringify(
        Object.fromEntries(tools.map(({ name, functionName }) => [name, functionArn(functionName)])),
      ),
      ...bridgeRuntime,
      ...options.bridgeEnvironment,
    },
    secrets: names,
    stopTimeoutSeconds,
    cpuUnits: taskVcpu * 1_024,
    memoryMb: 2_048,
    logGroup: logGroup("Bridge"),
  });
};

const putFunctions = (aws: AwsCloud, options: LocalDeploymentOptions, tools: Tools, taskDefinition: string): void => {
  const { services, bundles, callTypes, dispatchEnvironment } = options;
  const put = (name: BundleName, component: string, definition: Omit<FunctionDefinition, "bundleFile">) =>
    aws.putFunction(name, { bundleFile: bundleFile(bundles, name), logGroup: logGroup(component), ...definition });
  const dispatcher = {
    timeoutMs: dispatchTimeoutMs,
    env: {
      ...sharedEnvironment(services),
      ...fromParameters(only(names, ...streamSecrets)),
      BRIDGE_CLUSTER: clusterArn(cluster),
      BRIDGE_TASK_DEFINITION: taskDefinition,
      BRIDGE_CONTAINER: container,
      BRIDGE_SUBNETS: "subnet-local",
      BRIDGE_SECURITY_GROUPS: "sg-local",
      TOOL_NAMES: tools.map(({ name }) => name).join(","),
      ...(callTypes === undefined ? {} : { CALL_TYPES: callTypes.join() || "none" }),
      ...dispatchEnvironment,
    },
  };
  const webhookSecrets = fromParameters(only(names, ...streamSecrets, "AGENTS_API_KEY"));
  put("webhook", "Webhook", { ...dispatcher, env: { ...dispatcher.env, ...webhookSecrets } });
  put("task-stopped", "TaskStopped", dispatcher);
  put("sweep", "Sweep", dispatcher);
  const { STREAM_BASE_URL } = sharedEnvironment(services);
  put("register", "Register", {
    timeoutMs: registerTimeoutMs,
    env: {
      ...(STREAM_BASE_URL === undefined ? {} : { STREAM_BASE_URL }),
      ...fromParameters(only(names, ...streamSecrets)),
      BRIDGE_CLUSTER: clusterArn(cluster),
    },
  });
  for (const { functionName, timeoutMs, secrets } of tools) {
    const parameters = Object.fromEntries(secrets.map((variable) => [variable, toolParameter(variable)]));
    put(functionName, functionName, { timeoutMs, env: { TICKETS_TABLE: ticketsTable, ...fromParameters(parameters) } });
  }
};

const register = async (
  aws: AwsCloud,
  { stage, place, calls, agentUsers }: Deployment,
  webhookUrl: string,
): Promise<void> => {
  const users = agentUsers.map((id) => ({ id }));
  const request: RegistrationRequest = { stage, place, calls, webhookUrl, users };
  for (const [name, event] of [
    ["register", request],
    ["sweep", {}],
  ] as const) {
    const { functionError, payload } = await aws.invoke(name, event);
    if (functionError !== undefined) throw new Error(`the function "${name}" failed: ${payload}`);
  }
};

const addEvents = (aws: AwsCloud): void => {
  aws.addRule({
    name: "task-stopped",
    pattern: {
      source: ["aws.ecs"],
      "detail-type": ["ECS Task State Change"],
      detail: { clusterArn: [clusterArn(cluster)], lastStatus: ["STOPPED"] },
    },
    functionName: "task-stopped",
  });
  aws.addSchedule({ name: "sweep", functionName: "sweep", everyMs: sweepEveryMs });
};

/**
 * Our part of the cloud on loopback, wired as a deployment wires it: the functions with their secrets in SSM, the webhook's
 * URL, the bridge's task definition, the tables, the rule and the schedule, and what `npm run agents` has to know.
 */
export const startLocalDeployment = async (options: LocalDeploymentOptions): Promise<LocalDeployment> => {
  const { log, services, bundles, onOutput, callTypes = ["default"] } = options;
  const tools = toolsOf(bundles);
  const agentsKey = options.agentsKey ?? randomBytes(24).toString("hex");
  const aws = await startAwsCloud({ log, cluster, ...(onOutput ? { onOutput } : {}) });
  try {
    await aws.createTable(
      { ...callsTableSchema, TableName: callsTable },
      { timeToLiveAttribute: callsTableTtlAttribute },
    );
    await aws.createTable({ ...ticketsTableSchema, TableName: ticketsTable });
    putParameters(aws, options, agentsKey, tools);
    const taskDefinition = putBridge(aws, options, tools);
    putFunctions(aws, options, tools, taskDefinition);
    addEvents(aws);
    // A new account has room for six: this one was told to allow as many as the functions do.
    aws.quotas.set("L-3032A538", callsAtOnce * taskVcpu);
    const agentsUrl = (await aws.addFunctionUrl("webhook")).replace(/\/$/, "");
    const deployment: Deployment = {
      stage: localStage,
      region,
      place: localPlace,
      agentsUrl,
      streamWebhook: options.streamWebhook ?? "off",
      calls: "all",
      callTypes: [...callTypes],
      callsTable,
      cluster: clusterArn(cluster),
      taskDefinition,
      container,
      capacity: "on-demand",
      taskVcpu,
      callsAtOnce,
      logGroups: {
        bridge: logGroup("Bridge"),
        webhook: logGroup("Webhook"),
        taskStopped: logGroup("TaskStopped"),
        sweep: logGroup("Sweep"),
      },
      functions: {
        webhook: "webhook",
        taskStopped: "task-stopped",
        sweep: "sweep",
        tools: Object.fromEntries(tools.map(({ name, functionName }) => [name, functionName])),
      },
      agentUsers: candidates.map(({ userId }) => userId),
      ...(services.streamBaseUrl === undefined ? {} : { streamBaseUrl: services.streamBaseUrl }),
      ...(services.openAiBaseUrl === undefined ? {} : { openAiBaseUrl: services.openAiBaseUrl }),
    };
    aws.parameters.put(deploymentParameter(localStage), JSON.stringify(deployment), "String");
    const webhookUrl = `${agentsUrl}/webhooks/stream`;
    return {
      aws,
      agentsUrl,
      agentsKey,
      webhookUrl,
      deployment,
      register: () => register(aws, deployment, webhookUrl),
      close: () => aws.close(),
    };
  } catch (error) {
    await aws.close();
    throw error;
  }
};
