import type { Task } from "@aws-sdk/client-ecs";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { type Job, jobVariable, parseJob } from "../../bridge-task/job.ts";
import { type BadEnd, badEndOf } from "./bad-end.ts";
import { type TaskEnd, taskEndOf } from "./run-task.ts";

/** What a task state change tells: which task, whose, and how it ended. */
export interface StoppedTask {
  taskArn: string;
  /** Undefined where the event does not carry it. */
  job: Job | undefined;
  end: TaskEnd;
  /** Undefined where it ended as calls end. */
  badEnd: BadEnd | undefined;
}

/** The launch of a task stands in its overrides. Undefined for tasks that are none of ours. */
export const jobOf = (task: Pick<Task, "overrides"> | undefined): Job | undefined => {
  const environment = (task?.overrides?.containerOverrides ?? []).flatMap((container) => container.environment ?? []);
  const value = environment.find(({ name }) => name === jobVariable)?.value;
  if (value === undefined) return undefined;
  try {
    return parseJob(value);
  } catch (error) {
    // A task of an older release, which had no claims: there is no pair that waits for its end.
    if (error instanceof InvalidInputError) return undefined;
    throw error;
  }
};

/** Reads the detail of "ECS Task State Change"; undefined when it tells of no stopped task. */
export const stoppedTaskOf = (detail: unknown): StoppedTask | undefined => {
  if (typeof detail !== "object" || detail === null) return undefined;
  // The event has the shape of DescribeTasks' tasks.
  const task = detail as Task;
  if (task.lastStatus !== "STOPPED" || typeof task.taskArn !== "string") return undefined;
  return { taskArn: task.taskArn, job: jobOf(task), end: taskEndOf(task), badEnd: badEndOf(task) };
};
