import {
  ConflictException,
  type ECSClient,
  type ECSClientConfig,
  RunTaskCommand,
  type RunTaskCommandInput,
} from "@aws-sdk/client-ecs";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import type { BridgeTarget } from "../config.ts";
import type { Launch } from "./decide.ts";
import { answerOf, outlived, type RunTaskAnswer, runTaskInput, tokensOf } from "./run-task.ts";

/** ECS did not start the task, or did not say that it did. Delivering the event again is safe. */
export class LaunchError extends BridgeError {
  constructor(message: string, options: { cause?: unknown; data?: Record<string, unknown> } = {}) {
    super("launch_failed", message, { retryable: true, ...options });
  }
}

export interface LaunchResult {
  taskArn: string;
}

/** Starts the task of a launch, or finds the one that was started before. Rejects with LaunchError. */
export type LaunchTask = (launch: Launch) => Promise<LaunchResult>;

/** Stream gives up after 6 s: two tries of 2 s, and never more than this in all. */
const budgetMs = 4_500;

export const ecsClientConfig: ECSClientConfig = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

const runTask = async (
  ecs: ECSClient,
  input: RunTaskCommandInput,
  abortSignal: AbortSignal,
): Promise<RunTaskAnswer> => {
  try {
    return answerOf(await ecs.send(new RunTaskCommand(input), { abortSignal }));
  } catch (error) {
    // Same token, other parameters: a deploy came between two deliveries. The task is there.
    const taskArn = error instanceof ConflictException ? error.resourceIds?.[0] : undefined;
    if (taskArn !== undefined) return { kind: "task", taskArn, stoppedAtMs: undefined };
    throw new LaunchError(`ECS did not answer RunTask: ${messageOf(error)}`, { cause: error });
  }
};

export const createLaunchTask =
  (ecs: ECSClient, target: BridgeTarget): LaunchTask =>
  async (launch) => {
    const abortSignal = AbortSignal.timeout(budgetMs);
    const runWith = (token: string) => runTask(ecs, runTaskInput(launch.job, target, token), abortSignal);
    const { first, next } = tokensOf(launch);
    let answer = await runWith(first);
    if (next !== undefined && outlived(answer, launch)) answer = await runWith(next);
    if (answer.kind === "task") return { taskArn: answer.taskArn };
    throw new LaunchError(
      `ECS refused the task (${answer.reason}): look at the cluster's capacity, the account's Fargate quota and the subnets`,
      { data: { reason: answer.reason } },
    );
  };
