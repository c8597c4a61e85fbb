import type { Duration } from "./duration.ts";
import { InvalidInputError } from "./errors.ts";
import type { SessionUpdate } from "./realtime/session/keys.ts";

/** The Stream user that an agent is in a call. `custom.agent: true` is added: it tells agents from people. */
export interface AgentUser {
  id: string;
  name?: string;
  image?: string;
  custom?: Record<string, unknown>;
}

/** An endpoint of the application's that the model may call as a tool. */
export interface UrlTool {
  name: string;
  description?: string;
  /** JSON Schema of an object. */
  parameters?: Record<string, unknown>;
  /** https. It gets `{ tool, arguments, call, agent, data, idempotencyKey }`, signed; any 2xx JSON is the result. */
  url: string;
  /** Default: "30 seconds". */
  timeout?: Duration;
  /** Said when the tool takes longer than a second. */
  speaking?: string;
}

/** Everything that can be said of an agent as JSON: in its definition, in the answer of `joins`, in a POST. */
export interface AgentSettings {
  /** A Realtime model. Default: gpt-realtime-2.1. */
  model?: string;
  /** Keys of a realtime session. */
  session?: SessionUpdate;
  /** What it is told to do when somebody can first hear it. Without it, it waits to be spoken to. */
  greeting?: string;
  /** Names of function tools, "end_call", "leave", URLs, MCP servers (`{ type: "mcp", … }`). */
  tools?: readonly (string | UrlTool | ({ type: "mcp" } & Record<string, unknown>))[];
  /** `first-person`: waits outside, and enters when a person is in the call. Default: now. */
  join?: "now" | "first-person";
  /** How long it waits for the first person. Default: "2 minutes". */
  waitFor?: Duration;
  /** How long it stays after the last person left. Default: "15 seconds". */
  idleTimeout?: Duration;
  /** What it does when it leaves because nobody is there. Default: leave. */
  onEmpty?: "leave" | "end-call";
  /** The longest stay. Default: "4 hours". */
  maxDuration?: Duration;
  /** What people in the call are shown besides the agent's state. Default: neither. */
  inCall?: { captions?: boolean; tools?: boolean };
  /** Where the application's backend is told what happens; https. */
  events?: { url: string };
}

/** An agent for one call: what the task reads when it starts. Stored with the claim, beside the pair. */
export interface Assignment extends AgentSettings {
  /** Name of a folder in bridge-task/agents, whose definition the rest is laid over. Without it, the rest is all. */
  agent?: string;
  /** Its `id` is half of the pair that is claimed. */
  user: AgentUser;
  /** For tools and `connected`; never shown to the model. */
  data?: Record<string, unknown>;
}

/** What a task is told: which claim it is to confirm. Small, without secrets: it travels in a RunTask override (8,192 characters in all). */
export interface Job {
  version: 2;
  call: { type: string; id: string };
  /** Stream user id under which the agent joins. */
  agentUserId: string;
  /** The launch that this task is; the pair's item must name it, or another task took over. */
  launchId: string;
}

/** Environment variable of the bridge task that holds the job as JSON. */
export const jobVariable = "AGENT_JOB";

/** Why a stay ended for the agent. Each reason is an exit code of the task, so that ECS alone tells what happened. */
export const exitCodes = {
  /** The call ended, or its session did. */
  call_ended: 0,
  /** The last person left and nobody came back in time. */
  idle: 0,
  /** No person came in time. */
  waited: 0,
  /** The application called disconnect(). */
  disconnected: 0,
  /** The longest allowed stay was reached. */
  max_duration: 0,
  /** SIGTERM or SIGINT: the platform stopped the task. */
  stopped: 0,
  /** Somebody removed the agent from the call. */
  kicked: 0,
  /** Somebody blocked the agent's user in the call. */
  blocked: 0,
  /** DELETE on the HTTP API. */
  removed: 0,
  /** The agent ended the call for everybody: its tool end_call, or `onEmpty: "end-call"`. */
  end_call: 0,
  /** The agent left by its tool leave. */
  left: 0,
  /** Another launch has this pair, or the claim was withdrawn: this task never joined, or left at once. */
  replaced: 0,
  /** An error nobody foresaw. */
  internal: 70,
  /** The job, the assignment or the environment cannot be used. */
  bad_job: 78,
  /** Stream told the agent, in the call, to leave it for good. */
  refused: 79,
  /** Stream refused the join, or could not be reached. */
  join_failed: 80,
  /** The SFU was lost while the call went on. */
  sfu_lost: 81,
  /** The model refused the session for good: key, quota, model. */
  model_refused: 82,
  /** The model server was lost while the call went on. */
  model_lost: 83,
  /** The agent's user may not speak in the call, and could not be allowed to. */
  no_permission: 84,
  /** The call is in backstage; call.live_started brings the agent. */
  backstage: 85,
  /** The call is end-to-end encrypted: a server cannot take part. */
  e2ee: 86,
  /** The call has all the participants that it may have. */
  call_full: 87,
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
  if (job.version !== 2) {
    throw new InvalidInputError(
      `${jobVariable}.version must be 2, got ${JSON.stringify(job.version)}: deploy webhook and bridge together`,
    );
  }
  const call = (job.call ?? {}) as Record<string, unknown>;
  return {
    version: 2,
    call: { type: text(call.type, "call.type"), id: text(call.id, "call.id") },
    agentUserId: text(job.agentUserId, "agentUserId"),
    launchId: text(job.launchId, "launchId"),
  };
};

export const serializeJob = (job: Job): string => JSON.stringify(job);
