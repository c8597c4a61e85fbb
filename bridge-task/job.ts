import { InvalidInputError } from "./errors.ts";

/** What a task is told: which call to join, as whom. Small, without secrets: it travels in a RunTask override (8,192 characters in all). */
export interface Job {
  version: 1;
  call: { type: string; id: string };
  /** Name of a folder in bridge-task/agents. */
  agent: string;
  /** Stream user id under which the agent joins. */
  agentUserId: string;
}

/** Environment variable of the bridge task that holds the job as JSON. */
export const jobVariable = "AGENT_JOB";

/** Why a call ended for the agent. Each reason is an exit code of the task, so that ECS alone tells what happened. */
export const exitCodes = {
  /** The call ended, or its session did. */
  call_ended: 0,
  /** The last person left and nobody came back in time. */
  idle: 0,
  /** No person came in time. */
  waited: 0,
  /** The application called disconnect(). */
  disconnected: 0,
  /** The longest allowed call was reached. */
  max_duration: 0,
  /** SIGTERM or SIGINT: the platform stopped the task. */
  stopped: 0,
  /** Somebody removed the agent from the call. */
  kicked: 0,
  /** Stream told the agent, in the call, to leave it for good. */
  refused: 79,
  /** An error nobody foresaw. */
  internal: 70,
  /** The job or the environment cannot be used. */
  bad_job: 78,
  /** Stream refused the join, or could not be reached. */
  join_failed: 80,
  /** The SFU was lost while the call went on. */
  sfu_lost: 81,
  /** The model refused the session for good: key, quota, model. */
  model_refused: 82,
  /** The model server was lost while the call went on. */
  model_lost: 83,
} as const;

export type EndReason = keyof typeof exitCodes;

const text = (value: unknown, name: string): string => {
  if (typeof value === "string" && value !== "") return value;
  throw new InvalidInputError(
    `${jobVariable}.${name} must be a non-empty string, got ${JSON.stringify(value)}: start the task through the webhook`,
  );
};

/** Reads a job from JSON. Throws InvalidInputError that names the bad field. */
export const parseJob = (json: string): Job => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new InvalidInputError(`${jobVariable} is not JSON: start the task through the webhook`, { cause });
  }
  const job = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (job.version !== 1) {
    throw new InvalidInputError(
      `${jobVariable}.version must be 1, got ${JSON.stringify(job.version)}: deploy webhook and bridge together`,
    );
  }
  const call = (job.call ?? {}) as Record<string, unknown>;
  return {
    version: 1,
    call: { type: text(call.type, "call.type"), id: text(call.id, "call.id") },
    agent: text(job.agent, "agent"),
    agentUserId: text(job.agentUserId, "agentUserId"),
  };
};

export const serializeJob = (job: Job): string => JSON.stringify(job);
