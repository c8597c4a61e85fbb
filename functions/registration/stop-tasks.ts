import { setTimeout as sleep } from "node:timers/promises";
import {
  ClusterNotFoundException,
  DescribeTasksCommand,
  type ECSClient,
  type ECSClientConfig,
  InvalidParameterException,
  ListTasksCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import type { Logger } from "../../bridge-task/log.ts";

export interface StopTasksOptions {
  ecs: ECSClient;
  /** Name or ARN. */
  cluster: string;
  /** What ECS tells of why they were stopped. */
  reason: string;
  logger: Logger;
  /** Ends the waiting; what is left then is left. */
  signal: AbortSignal;
  /** Between two looks, in milliseconds; 2,000 unless told. */
  pauseMs?: number;
  /** Tasks that ECS is asked for at once, and so many it takes at most; 100 unless told. */
  pageSize?: number;
}

/** Nobody waits for a single answer; throttling passes. */
export const stoppingClientConfig: ECSClientConfig = {
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
};

/** Pages in one look: what is on later ones is found by the next. */
const maxPages = 20;
/** StopTask at the same time: ECS allows a burst of 40 in an account. */
const stopsAtOnce = 10;

const chunksOf = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));

/** The few requests that it takes, all of one cluster. */
const clusterTasks = ({ ecs, cluster, reason, signal, pageSize = 100 }: StopTasksOptions) => ({
  list: async (desiredStatus: "RUNNING" | "STOPPED"): Promise<string[]> => {
    const found: string[] = [];
    let nextToken: string | undefined;
    for (let page = 0; page < maxPages && (page === 0 || nextToken !== undefined); page++) {
      const command = new ListTasksCommand({ cluster, desiredStatus, maxResults: pageSize, nextToken });
      const answer = await ecs.send(command, { abortSignal: signal });
      found.push(...(answer.taskArns ?? []));
      nextToken = answer.nextToken;
    }
    return found;
  },
  /** Those of them that have not ended. ECS forgets a task some time after its end. */
  alive: async (tasks: readonly string[]): Promise<string[]> => {
    const alive: string[] = [];
    for (const some of chunksOf(tasks, pageSize)) {
      const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks: some }), { abortSignal: signal });
      alive.push(
        ...(answer.tasks ?? []).flatMap((task) => (task.lastStatus === "STOPPED" ? [] : (task.taskArn ?? []))),
      );
    }
    return alive;
  },
  stop: async (task: string): Promise<void> => {
    try {
      await ecs.send(new StopTaskCommand({ cluster, task, reason }), { abortSignal: signal });
    } catch (error) {
      // It ended, and was forgotten, since it was listed.
      if (!(error instanceof InvalidParameterException)) throw error;
    }
  },
});

/**
 * Stops a cluster's tasks, and waits until none is left: ECS does not delete a cluster that has any, and each says goodbye to its
 * call before it goes. Never rejects: what could not be stopped is told in the log, and by ECS when the cluster is deleted.
 */
export const stopTasks = async (options: StopTasksOptions): Promise<{ stopped: number }> => {
  const { logger, signal, pauseMs = 2_000 } = options;
  const tasks = clusterTasks(options);
  const told = new Set<string>();
  let leaving: string[] | undefined;
  try {
    for (;;) {
      const running = await tasks.list("RUNNING");
      const fresh = running.filter((task) => !told.has(task));
      // Beside those that we stop, those that were about to end anyway.
      leaving ??= await tasks.list("STOPPED");
      for (const some of chunksOf(fresh, stopsAtOnce)) await Promise.all(some.map(tasks.stop));
      for (const task of fresh) told.add(task);
      leaving = await tasks.alive([...new Set([...leaving, ...running])]);
      if (leaving.length === 0 && running.length === 0) return { stopped: told.size };
      await sleep(pauseMs, undefined, { signal });
    }
  } catch (error) {
    // Somebody deleted it: so it has no tasks.
    if (error instanceof ClusterNotFoundException) return { stopped: told.size };
    logger.warn("tasks_not_stopped", {
      stopped: told.size,
      tasks: leaving ?? [],
      detail: signal.aborted
        ? "tasks are left: stop them in ECS, and run npx sst remove again"
        : "ECS did not do what it was asked for: stop the cluster's tasks in ECS, and run npx sst remove again",
      error,
    });
    return { stopped: told.size };
  }
};
