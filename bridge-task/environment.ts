import { InvalidInputError } from "./errors.ts";
import { type Job, jobVariable, parseJob } from "./job.ts";

/** Everything a bridge task is told from outside, checked. */
export interface BridgeEnvironment {
  job: Job;
  streamApiKey: string;
  streamApiSecret: string;
  /** Another Stream server than the public one. */
  streamBaseUrl: string | undefined;
  openAiApiKey: string;
  /** Another OpenAI-compatible server; https, ends in /v1. */
  openAiBaseUrl: string | undefined;
  /** Name of the DynamoDB table that holds the claims. */
  callsTable: string;
  /** Signs what is posted to the application's URLs. */
  agentsApiKey: string;
  /** Tool name → Lambda function name or ARN. */
  toolFunctions: Readonly<Record<string, string>>;
  /** URLs of tools and events may be plain http on loopback: only where all of the cloud is local. */
  allowLoopbackUrls: boolean;
  /** Where ECS tells the task about itself. */
  metadataUrl: string;
  logLevel: "debug" | "info" | "warn" | "error";
  /** A variable that an agent names among its secrets; undefined where it is missing or empty. */
  secret: (name: string) => string | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

const levels = ["debug", "info", "warn", "error"] as const;

const required = [
  jobVariable,
  "STREAM_API_KEY",
  "STREAM_API_SECRET",
  "OPENAI_API_KEY",
  "CALLS_TABLE",
  "AGENTS_API_KEY",
  "ECS_CONTAINER_METADATA_URI_V4",
];

const isNames = (value: unknown): value is Record<string, string> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((name) => typeof name === "string" && name !== "");

const toolFunctionsOf = (json: string | undefined): Record<string, string> => {
  if (!json) return {};
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Told below, as for any other value that cannot be used.
  }
  if (isNames(value)) return value;
  throw new InvalidInputError(
    `TOOL_FUNCTIONS must be JSON that names a Lambda function for each tool, such as {"get_current_time":"function-name"}, got ${json.slice(0, 200)}`,
  );
};

/** Reads and checks the environment of a bridge task. Throws InvalidInputError that names every variable that is missing. */
export const readEnvironment = (env: Variables): BridgeEnvironment => {
  // As the functions read theirs: a line break at the end of a secret would make two keys of one.
  const text = (name: string): string => env[name]?.trim() ?? "";
  const missing = required.filter((name) => text(name) === "");
  if (missing.length > 0) {
    throw new InvalidInputError(`the bridge task needs ${missing.join(", ")} in its environment: see infra/`);
  }
  const url = (name: string): string | undefined => {
    const value = env[name];
    if (!value) return undefined;
    if (!URL.canParse(value)) throw new InvalidInputError(`${name} must be a URL, got ${JSON.stringify(value)}`);
    return value;
  };
  return {
    job: parseJob(text(jobVariable)),
    streamApiKey: text("STREAM_API_KEY"),
    streamApiSecret: text("STREAM_API_SECRET"),
    streamBaseUrl: url("STREAM_BASE_URL"),
    openAiApiKey: text("OPENAI_API_KEY"),
    openAiBaseUrl: url("OPENAI_BASE_URL"),
    callsTable: text("CALLS_TABLE"),
    agentsApiKey: text("AGENTS_API_KEY"),
    toolFunctions: toolFunctionsOf(env.TOOL_FUNCTIONS),
    allowLoopbackUrls: env.LOOPBACK_URLS === "allowed",
    metadataUrl: url("ECS_CONTAINER_METADATA_URI_V4") ?? "",
    logLevel: levels.find((level) => level === env.LOG_LEVEL) ?? "info",
    secret: (name) => env[name] || undefined,
  };
};
