import { inParallel } from "./bounded.ts";
import type { TaskState } from "./ecs.ts";
import { type DispatchParts, startTask } from "./launcher.ts";
import { type Pair, sweepNeeds } from "./protocol.ts";
import type { TaskEnd } from "./run-task.ts";
import { launchStopped } from "./task-stopped.ts";

export interface SweepOutcome {
  liveCount: number;
  /** RunTask was sent again for a launch that nobody heard of. */
  askedAgainCount: number;
  /** Tasks that had stopped without anybody being told. */
  stoppedCount: number;
  /** Pairs that could not be looked after this time. */
  failedCount: number;
}

/** Pairs that are looked after at the same time: ECS takes 20 RunTask a second. */
const parallelPairs = 8;

/** ECS forgets a task about an hour after it stopped; one that confirmed and is unknown has stopped. */
const endOf = (state: TaskState | undefined): TaskEnd | undefined => {
  if (state === undefined || state.kind === "alive") return undefined;
  return state.kind === "stopped" ? state.end : { isByOperator: false, detail: "ECS no longer knows the task" };
};

/** Makes up for answers and events that were lost: asks ECS again for launches, and about tasks that fell silent. */
export const sweep = async (parts: DispatchParts): Promise<SweepOutcome> => {
  const { table, tasks, logger, now, signal } = parts;
  const outcome: SweepOutcome = { liveCount: 0, askedAgainCount: 0, stoppedCount: 0, failedCount: 0 };
  // The others are not to wait for it; a minute later it is looked at again.
  const failed = (fields: Record<string, unknown>, error: unknown) => {
    outcome.failedCount += 1;
    logger.error("sweep_failed", { ...fields, error });
  };
  const live = await table.live((callCid, agentUserId, error) => failed({ callCid, agentUserId }, error));
  outcome.liveCount = live.length;
  const needy = live.map((one) => ({ ...one, needs: sweepNeeds(one.pair, now()) }));
  const taskArns = new Set(needy.flatMap(({ needs }) => needs.askEcs.map(({ taskArn }) => taskArn)));
  const states = await tasks.describe([...taskArns], signal).catch((error: unknown) => {
    // Launches that nobody heard of need no answer to this.
    failed({ taskCount: taskArns.size }, error);
    return new Map<string, TaskState>();
  });

  const lookAfter = async ({ cid, userId, pair, needs }: (typeof needy)[number]): Promise<void> => {
    const place = { cid, userId };
    for (const { launchId, taskArn } of needs.askEcs) {
      const end = endOf(states.get(taskArn));
      if (end === undefined) continue;
      outcome.stoppedCount += 1;
      await launchStopped(parts, place, launchId, end);
    }
    if (!needs.runTask) return;
    outcome.askedAgainCount += 1;
    await askAgain(cid, userId, pair);
  };
  const askAgain = async (cid: string, userId: string, pair: Pair): Promise<void> => {
    const started = await startTask(parts, { cid, userId }, pair, { isNew: false, isAskedAgain: true });
    const fields = { callCid: cid, agentUserId: userId, launchId: pair.launchId };
    logger.warn("launch_asked_again", { ...fields, outcome: started.outcome });
  };

  await inParallel(needy, parallelPairs, (one) =>
    lookAfter(one).catch((error: unknown) => failed({ callCid: one.cid, agentUserId: one.userId }, error)),
  );
  return outcome;
};
