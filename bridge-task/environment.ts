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
  logLevel: "debug" | "info" | "warn" | "error";
}

const levels = ["debug", "info", "warn", "error"] as const;

/** Reads and checks the environment of a bridge task. Throws InvalidInputError that names every variable that is missing. */
export const readEnvironment = (env: Readonly<Record<string, string | undefined>>): BridgeEnvironment => {
  const required = [jobVariable, "STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY"];
  const missing = required.filter((name) => !env[name]);
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
    job: parseJob(env[jobVariable] ?? ""),
    streamApiKey: env.STREAM_API_KEY ?? "",
    streamApiSecret: env.STREAM_API_SECRET ?? "",
    streamBaseUrl: url("STREAM_BASE_URL"),
    openAiApiKey: env.OPENAI_API_KEY ?? "",
    openAiBaseUrl: url("OPENAI_BASE_URL"),
    logLevel: levels.find((level) => level === env.LOG_LEVEL) ?? "info",
  };
};
