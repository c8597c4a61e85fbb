import { InvalidInputError } from "../bridge-task/errors.ts";

/** Where tasks are started. */
export interface BridgeTarget {
  /** Name or ARN. */
  cluster: string;
  /** family, family:revision or ARN. */
  taskDefinition: string;
  /** Name of the bridge's container in the task definition. */
  container: string;
  subnets: string[];
  securityGroups: string[];
  /** "spot" costs less, and AWS may take a task away with two minutes' notice. */
  capacity: "on-demand" | "spot";
}

/** Which calls events bring agents to, where several deployments hear of the same calls. */
export interface StageFilter {
  /** A call whose `custom.agentStage` names another stage is left to that one. */
  stage: string;
  /** "own": a call that names no stage is left alone too. */
  callsOf: "all" | "own";
}

/** Bounds on what may run. */
export interface Caps {
  /** Agents in one call; 4 unless told. */
  agentsPerCall: number;
  /** Calls with agents at the same time; 100 unless told. */
  callsAtOnce: number;
}

/** The settings of each function that dispatches: webhook, task-stopped and sweep. */
export interface DispatchConfig {
  streamApiKey: string;
  /** Signs the webhooks, and our requests to Stream. */
  streamApiSecret: string;
  /** Another server than Stream's own. */
  streamBaseUrl: string | undefined;
  /** Name of the DynamoDB table. */
  callsTable: string;
  bridge: BridgeTarget;
  /** Call types whose calls the agents' `joins` are asked about; "default" unless told, and empty for "none". */
  callTypes: string[];
  /** Undefined: every call is ours. What a POST asks for is never filtered. */
  stageFilter: StageFilter | undefined;
  caps: Caps;
  /** Names of the tools that are functions, for requests that name one; undefined: not known here. */
  functionTools: string[] | undefined;
  /** Only in the local cloud: tool and event URLs may be http on loopback. */
  allowLoopbackUrls: boolean;
}

/** Those of the webhook. */
export interface WebhookConfig extends DispatchConfig {
  /** The bearer key of the HTTP API. */
  agentsApiKey: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const listOf = (value: string): string[] => value.split(",").flatMap((part) => part.trim() || []);

const isBaseUrl = (value: string): boolean => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

/** `more` is asked for what one function has beside the others; what it misses is named with the rest. */
const read = <More extends object>(
  environment: Environment,
  more: (text: (name: string) => string) => More,
): DispatchConfig & More => {
  const missing: string[] = [];
  const wrong: string[] = [];
  const given = (name: string): string => environment[name]?.trim() ?? "";
  const text = (name: string): string => {
    if (given(name) === "") missing.push(name);
    return given(name);
  };
  const list = (name: string): string[] => {
    const values = listOf(given(name));
    if (values.length === 0) missing.push(name);
    return values;
  };
  const count = (name: string, otherwise: number): number => {
    const value = given(name);
    if (value === "") return otherwise;
    if (!/^[1-9]\d{0,5}$/.test(value)) wrong.push(`${name} must be a whole number from 1 to 999999, got "${value}"`);
    return Number(value);
  };
  const oneOf = <Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]): Choice => {
    const value = given(name);
    const choice = value === "" ? choices[0] : choices.find((one) => one === value);
    if (choice === undefined) wrong.push(`${name} must be ${choices.join(" or ")}, got "${value}"`);
    return choice ?? choices[0];
  };
  const callsOf = oneOf("CALLS_OF", ["all", "own"]);
  const stage = given("STAGE");
  if (callsOf === "own" && stage === "") wrong.push("STAGE must be set where CALLS_OF is own");
  const named = given("CALL_TYPES") === "" ? ["default"] : listOf(given("CALL_TYPES"));
  const callTypes = named.join() === "none" ? [] : named;
  if (named.length === 0) {
    wrong.push("CALL_TYPES must be names of call types with commas between them, or none");
  }
  const streamBaseUrl = given("STREAM_BASE_URL") || undefined;
  if (streamBaseUrl !== undefined && !isBaseUrl(streamBaseUrl)) wrong.push("STREAM_BASE_URL must be an http(s) URL");
  const config = {
    streamApiKey: text("STREAM_API_KEY"),
    streamApiSecret: text("STREAM_API_SECRET"),
    streamBaseUrl,
    callsTable: text("CALLS_TABLE"),
    bridge: {
      cluster: text("BRIDGE_CLUSTER"),
      taskDefinition: text("BRIDGE_TASK_DEFINITION"),
      container: text("BRIDGE_CONTAINER"),
      subnets: list("BRIDGE_SUBNETS"),
      securityGroups: list("BRIDGE_SECURITY_GROUPS"),
      capacity: oneOf("BRIDGE_CAPACITY", ["on-demand", "spot"]),
    },
    callTypes,
    stageFilter: stage === "" ? undefined : { stage, callsOf },
    caps: { agentsPerCall: count("MAX_AGENTS_PER_CALL", 4), callsAtOnce: count("MAX_CALLS", 100) },
    functionTools: environment.TOOL_NAMES === undefined ? undefined : listOf(environment.TOOL_NAMES),
    allowLoopbackUrls: given("LOOPBACK_URLS") === "allowed",
    ...more(text),
  };
  if (missing.length > 0) wrong.unshift(`${missing.join(", ")} must be set`);
  if (wrong.length > 0) {
    throw new InvalidInputError(
      `the function's environment cannot be used: ${wrong.join("; ")}. Mend it and deploy again`,
    );
  }
  return config;
};

/**
 * The functions' settings: this file is the one place that reads their environment.
 * Throws InvalidInputError that names every variable that is missing or wrong, and no value but those of numbers and choices.
 */
export const readConfig = (environment: Environment): DispatchConfig => read(environment, () => ({}));

/** The webhook's settings. Throws InvalidInputError like readConfig. */
export const readWebhookConfig = (environment: Environment): WebhookConfig =>
  read(environment, (text) => ({ agentsApiKey: text("AGENTS_API_KEY") }));

/** The cluster whose tasks go with the stage. Throws InvalidInputError like readConfig. */
export const readBridgeCluster = (environment: Environment): string => {
  const cluster = environment.BRIDGE_CLUSTER?.trim() ?? "";
  if (cluster !== "") return cluster;
  throw new InvalidInputError(
    "the function's environment cannot be used: BRIDGE_CLUSTER must be set. Mend it and deploy again",
  );
};

/** What it takes to speak to Stream as a server. */
export interface StreamKeys {
  apiKey: string;
  apiSecret: string;
  /** Another server than Stream's own. */
  baseUrl: string | undefined;
}

/** The settings of the function that registers with Stream: it has no others but the cluster. Throws InvalidInputError like readConfig. */
export const readStreamKeys = (environment: Environment): StreamKeys => {
  const text = (name: string): string => environment[name]?.trim() ?? "";
  const missing = ["STREAM_API_KEY", "STREAM_API_SECRET"].filter((name) => text(name) === "");
  const baseUrl = text("STREAM_BASE_URL") || undefined;
  if (missing.length > 0 || (baseUrl !== undefined && !isBaseUrl(baseUrl))) {
    const wrong = missing.length > 0 ? `${missing.join(", ")} must be set` : "STREAM_BASE_URL must be an http(s) URL";
    throw new InvalidInputError(`the function's environment cannot be used: ${wrong}. Mend it and deploy again`);
  }
  return { apiKey: text("STREAM_API_KEY"), apiSecret: text("STREAM_API_SECRET"), baseUrl };
};
