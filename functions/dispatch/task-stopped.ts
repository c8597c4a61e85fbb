import { randomUUID } from "node:crypto";
import { crashRecordOf, diedSilently } from "./crash-record.ts";
import { type DispatchParts, type Place, startTask } from "./launcher.ts";
import type { Pair } from "./protocol.ts";
import type { TaskEnd } from "./run-task.ts";
import { jobOf, stoppedTaskOf } from "./task-state.ts";

export type StoppedOutcome =
  /** Not ours, not stopped, or known already. */
  | "ignored"
  | "noted"
  /** Another task goes on in its place. */
  | "relaunched"
  /** It stopped again and again; nobody goes on. */
  | "gave_up";

/** Best effort: what matters is that the agent comes back. */
const recordCrash = async (
  { table, logger, now }: DispatchParts,
  place: Place,
  before: Pair,
  task: { launchId: string; detail: string },
) => {
  const record = crashRecordOf(place, before, { ...task, nowMs: now() });
  const { cid, userId } = place;
  try {
    await table.putRecord(cid, userId, record.startedAt, record);
  } catch (error) {
    logger.warn("record_not_written", { callCid: cid, agentUserId: userId, launchId: record.launchId, error });
  }
};

/** ECS's word that the task of a launch is gone; where the protocol wants it, a new one is started at once. */
export const launchStopped = async (
  parts: DispatchParts,
  place: Place,
  launchId: string,
  { isByOperator, detail }: TaskEnd,
): Promise<StoppedOutcome> => {
  const { table, logger } = parts;
  const { cid, userId } = place;
  const input = {
    type: "stopped" as const,
    launchId,
    newLaunchId: randomUUID(),
    operatorStopped: isByOperator,
    detail,
  };
  let before: Pair | undefined;
  const { step, pair } = await table.change(cid, userId, (found) => {
    before = found;
    return input;
  });
  if (before !== undefined && diedSilently(before, launchId))
    await recordCrash(parts, place, before, { launchId, detail });
  const fields = { callCid: cid, agentUserId: userId, launchId, detail };
  if (step.answer.type === "gave_up") {
    logger.error("agent_gave_up", { ...fields, launchedAtMs: pair?.launchedAtMs });
    return "gave_up";
  }
  if (!step.runTask || pair === undefined) return step.answer.type === "noted" ? "noted" : "ignored";
  await table.keepConfig(cid, pair.configId);
  const started = await startTask(parts, place, pair, { isNew: true, isAskedAgain: true });
  logger.warn("agent_relaunched", { ...fields, newLaunchId: pair.launchId, outcome: started.outcome });
  return started.outcome === "started" ? "relaunched" : "noted";
};

/** The detail of an ECS "Task State Change" event; one that comes twice, late or out of order is taken as it comes. */
export const taskStopped = async (parts: DispatchParts, detail: unknown): Promise<StoppedOutcome> => {
  const stopped = stoppedTaskOf(detail);
  if (stopped === undefined) return "ignored";
  const job = stopped.job ?? jobOf(await parts.tasks.task(stopped.taskArn, parts.signal));
  if (job === undefined) return "ignored";
  const place = { cid: `${job.call.type}:${job.call.id}`, userId: job.agentUserId };
  const { badEnd, end, taskArn } = stopped;
  if (badEnd !== undefined) {
    const fields = { callCid: place.cid, agentUserId: place.userId, launchId: job.launchId, taskArn };
    parts.logger.error("task_ended_badly", { ...fields, ...badEnd, detail: end.detail });
  }
  return launchStopped(parts, place, job.launchId, end);
};
