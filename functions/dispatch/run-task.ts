import type { RunTaskCommandInput, RunTaskCommandOutput, Task } from "@aws-sdk/client-ecs";
import { type Job, jobVariable, serializeJob } from "../../bridge-task/job.ts";
import type { BridgeTarget } from "../config.ts";

/** startedBy takes letters, digits, "-", "/" and "_", at most 128; it is there for people and for filters. */
const startedByOf = ({ call }: Job): string =>
  `${call.type}/${call.id}`.replaceAll(/[^A-Za-z0-9/_-]/g, "_").slice(0, 128);

/** Tag values take letters, digits, spaces and + - = . _ : / @, at most 256. */
const tagValue = (text: string): string => text.replaceAll(/[^A-Za-z0-9 +\-=._:/@]/g, "_").slice(0, 256);

/**
 * A pure function of job and target, whose client token is the launch: ECS starts nothing for a token that it knows and
 * answers the task of the first request, so a launch may be asked for as often as anybody likes.
 */
export const runTaskInput = (job: Job, target: BridgeTarget): RunTaskCommandInput => ({
  cluster: target.cluster,
  taskDefinition: target.taskDefinition,
  clientToken: job.launchId,
  count: 1,
  // One or the other: ECS takes no launch type beside a strategy.
  ...(target.capacity === "spot"
    ? { capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }] }
    : { launchType: "FARGATE" as const }),
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
    { key: "agent", value: tagValue(job.agentUserId) },
  ],
});

/** A task that is no more. */
export interface TaskEnd {
  /** Somebody stopped it by name: it is not to come back by itself. */
  isByOperator: boolean;
  /** Why, in ECS's words. */
  detail: string;
}

/** What ECS said to a RunTask. */
export type RunTaskAnswer =
  /** `end`: the launch was made before, and is over. */
  | { kind: "task"; taskArn: string; end: TaskEnd | undefined }
  /** It answered, and started nothing. */
  | { kind: "refused"; reason: string };

type StoppedTask = Pick<Task, "stopCode" | "stoppedReason" | "containers">;

/** How a stopped task ended. Every container's exit code is named: it tells what the bridge thought. */
export const taskEndOf = ({ stopCode, stoppedReason, containers = [] }: StoppedTask): TaskEnd => {
  const exits = containers.flatMap(({ name, exitCode, reason }) => [
    exitCode === undefined ? undefined : `${name} exited with ${exitCode}`,
    reason,
  ]);
  const detail = [stopCode, stoppedReason, ...exits].filter(Boolean).join("; ");
  return { isByOperator: stopCode === "UserInitiated", detail: detail || "no reason given" };
};

export const answerOf = ({
  tasks = [],
  failures = [],
}: Pick<RunTaskCommandOutput, "tasks" | "failures">): RunTaskAnswer => {
  const [task] = tasks;
  if (task?.taskArn !== undefined) {
    const end = task.lastStatus === "STOPPED" ? taskEndOf(task) : undefined;
    return { kind: "task", taskArn: task.taskArn, end };
  }
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
  return { kind: "refused", reason: reasons.join("; ") || "neither a task nor a failure" };
};
