import {
  ConflictException,
  DescribeTasksCommand,
  type ECSClient,
  type ECSClientConfig,
  ECSServiceException,
  RunTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import type { Job } from "../../bridge-task/job.ts";
import type { BridgeTarget } from "../config.ts";
import { answerOf, type RunTaskAnswer, runTaskInput, type TaskEnd, taskEndOf } from "./run-task.ts";

/** ECS did not start the task, or did not say that it did. Asking again is safe: the claim stands, or was ended by name. */
export class LaunchError extends BridgeError {
  constructor(message: string, options: { cause?: unknown; data?: Record<string, unknown> } = {}) {
    super("launch_failed", message, { retryable: true, ...options });
  }
}

/** Stream gives up after 6 s: two tries of 2 s. */
export const ecsClientConfig: ECSClientConfig = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

/** What ECS knows of a task: `missing` when it has forgotten it, about an hour after it stopped. */
export type TaskState = { kind: "alive" } | { kind: "stopped"; end: TaskEnd } | { kind: "missing" };

/** ECS, as far as dispatch needs it. */
export interface TaskRunner {
  /** Starts the task of a launch, or finds the one that was started before. Rejects with LaunchError when nobody knows. */
  run(job: Job, signal?: AbortSignal): Promise<RunTaskAnswer>;
  /** By ARN. Rejects with BridgeError. */
  describe(taskArns: readonly string[], signal?: AbortSignal): Promise<Map<string, TaskState>>;
  /** All that ECS tells of a task; undefined when it does not know it. */
  task(taskArn: string, signal?: AbortSignal): Promise<Task | undefined>;
}

/**
 * The cluster that a task is in. After a deploy that renamed it, tasks of the old one are still in calls, and the new one has never
 * heard of them: they would count as gone, and others would take their place beside them.
 */
const clusterOf = (taskArn: string): string | undefined => /:task\/([^/]+)\//.exec(taskArn)?.[1];

/** DescribeTasks takes so many at once. */
const describeLimit = 100;

const throttled = /Throttling|TooManyRequests|RequestLimitExceeded/;

/** ECS answered, and what it answered means that it started nothing. Throttling passes: the same request is good later. */
const isRefusal = (error: unknown): error is ECSServiceException =>
  error instanceof ECSServiceException &&
  (error.$metadata.httpStatusCode ?? 500) < 500 &&
  !throttled.test(error.name) &&
  !(error instanceof ConflictException);

export const createTaskRunner = (ecs: ECSClient, target: BridgeTarget): TaskRunner => {
  /** All of one cluster. */
  const describeSome = async (tasks: string[], abortSignal: AbortSignal | undefined): Promise<Task[]> => {
    const cluster = clusterOf(tasks[0] ?? "") ?? target.cluster;
    const command = new DescribeTasksCommand({ cluster, tasks });
    try {
      return (await ecs.send(command, abortSignal === undefined ? {} : { abortSignal })).tasks ?? [];
    } catch (cause) {
      throw new BridgeError("ecs_failed", `ECS did not answer DescribeTasks: ${messageOf(cause)}`, {
        retryable: true,
        cause,
      });
    }
  };
  /** Undefined too where ECS does not answer: then the task counts as there, and the sweeper asks again. */
  const endIfKnown = async (taskArn: string, abortSignal: AbortSignal | undefined): Promise<TaskEnd | undefined> => {
    const [task] = await describeSome([taskArn], abortSignal).catch(() => []);
    return task?.lastStatus === "STOPPED" ? taskEndOf(task) : undefined;
  };
  return {
    run: async (job, abortSignal) => {
      const command = new RunTaskCommand(runTaskInput(job, target));
      try {
        return answerOf(await ecs.send(command, abortSignal === undefined ? {} : { abortSignal }));
      } catch (error) {
        // Same token, other parameters: a deploy came between two requests. The task was started; it may have ended since.
        const taskArn = error instanceof ConflictException ? error.resourceIds?.[0] : undefined;
        if (taskArn !== undefined) return { kind: "task", taskArn, end: await endIfKnown(taskArn, abortSignal) };
        if (isRefusal(error)) return { kind: "refused", reason: `${error.name}: ${error.message}` };
        throw new LaunchError(`ECS did not answer RunTask: ${messageOf(error)}`, { cause: error });
      }
    },
    describe: async (taskArns, abortSignal) => {
      const states = new Map<string, TaskState>(taskArns.map((taskArn) => [taskArn, { kind: "missing" }]));
      const requests = [...Map.groupBy(taskArns, clusterOf).values()].flatMap((ofCluster) =>
        Array.from({ length: Math.ceil(ofCluster.length / describeLimit) }, (_, index) =>
          ofCluster.slice(index * describeLimit, (index + 1) * describeLimit),
        ),
      );
      for (const request of requests) {
        for (const task of await describeSome(request, abortSignal)) {
          if (task.taskArn === undefined) continue;
          const isStopped = task.lastStatus === "STOPPED";
          states.set(task.taskArn, isStopped ? { kind: "stopped", end: taskEndOf(task) } : { kind: "alive" });
        }
      }
      return states;
    },
    task: async (taskArn, abortSignal) => (await describeSome([taskArn], abortSignal))[0],
  };
};
