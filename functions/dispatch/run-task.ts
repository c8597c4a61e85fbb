import { createHash } from "node:crypto";
import type { RunTaskCommandInput, RunTaskCommandOutput } from "@aws-sdk/client-ecs";
import { type Job, jobVariable, serializeJob } from "../../bridge-task/job.ts";
import type { BridgeTarget } from "../config.ts";
import type { Launch } from "./decide.ts";

/**
 * ECS itself keeps duplicates apart: RunTask with a known client token starts nothing and answers the task of the first.
 *
 * `first` is made of what call.created and call.session_started of one call share, so duplicates, retries and that pair
 * start one task. A token outlives its task, so a call that is used again would only ever be answered with its dead task:
 * then, and only then, a session has a token of its own (`next`, see `outlived`).
 *
 * What this cannot do, and the claim in DynamoDB will: ECS forgets tokens (after 24 hours, perhaps an hour after the task
 * stopped), so a delivery that late starts a second task; a session that starts while the old task is just leaving gets
 * none; and a crashed task is not brought back within its session.
 */
export const tokensOf = ({
  job,
  callCreatedAtSeconds,
  sessionId,
}: Launch): { first: string; next: string | undefined } => {
  // Whole seconds: the two events may print the same instant with different precision.
  const scope = [job.call.type, job.call.id, callCreatedAtSeconds, job.agentUserId];
  const token = (parts: unknown[]) => createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return { first: token(scope), next: sessionId === undefined ? undefined : token([...scope, sessionId]) };
};

/** startedBy takes letters, digits, "-", "/" and "_", at most 128; it is there for people and for filters. */
const startedByOf = ({ call }: Job): string =>
  `${call.type}/${call.id}`.replaceAll(/[^A-Za-z0-9/_-]/g, "_").slice(0, 128);

/** Tag values take letters, digits, spaces and + - = . _ : / @, at most 256. */
const tagValue = (text: string): string => text.replaceAll(/[^A-Za-z0-9 +\-=._:/@]/g, "_").slice(0, 256);

/** A pure function of job and target: ECS answers ConflictException to a known token with other parameters. */
export const runTaskInput = (job: Job, target: BridgeTarget, clientToken: string): RunTaskCommandInput => ({
  cluster: target.cluster,
  taskDefinition: target.taskDefinition,
  clientToken,
  count: 1,
  launchType: "FARGATE",
  networkConfiguration: {
    // A public address and no NAT gateway: media goes out to Stream's SFU, nothing comes in uninvited.
    awsvpcConfiguration: { subnets: target.subnets, securityGroups: target.securityGroups, assignPublicIp: "ENABLED" },
  },
  overrides: {
    containerOverrides: [{ name: target.container, environment: [{ name: jobVariable, value: serializeJob(job) }] }],
  },
  startedBy: startedByOf(job),
  tags: [
    { key: "call", value: tagValue(`${job.call.type}:${job.call.id}`) },
    { key: "agent", value: tagValue(job.agent) },
  ],
});

/** What ECS said to a RunTask. */
export type RunTaskAnswer =
  | { kind: "task"; taskArn: string; stoppedAtMs: number | undefined }
  /** It answered, and started nothing. */
  | { kind: "refused"; reason: string };

export const answerOf = ({
  tasks = [],
  failures = [],
}: Pick<RunTaskCommandOutput, "tasks" | "failures">): RunTaskAnswer => {
  const [task] = tasks;
  if (task?.taskArn !== undefined) {
    const stoppedAtMs = task.lastStatus === "STOPPED" ? task.stoppedAt?.getTime() : undefined;
    return { kind: "task", taskArn: task.taskArn, stoppedAtMs };
  }
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
  return { kind: "refused", reason: reasons.join("; ") || "neither a task nor a failure" };
};

/**
 * Whether the task that a token stands for was over before the event happened: its session is a new one. An event from
 * before the task's end is a late duplicate, and must not start a second voice.
 */
export const outlived = (answer: RunTaskAnswer, { eventAtMs }: Launch): boolean =>
  answer.kind === "task" && answer.stoppedAtMs !== undefined && answer.stoppedAtMs < eventAtMs;
