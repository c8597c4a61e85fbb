import type { Task } from "@aws-sdk/client-ecs";
import { type EndReason, exitCodes, jobVariable } from "../../bridge-task/job.ts";

type StoppedTask = Pick<Task, "stopCode" | "containers" | "overrides">;

/** How a task ended that somebody should look at. */
export interface BadEnd {
  /** In ECS's words. */
  stopCode: string | undefined;
  exitCode: number | undefined;
  /** What the bridge said by its exit code; `crashed` where it said nothing, `not_started` where it never ran. */
  reason: EndReason | "crashed" | "not_started";
}

/** Ends with an exit code of their own that calls bring about, and nobody has to mend. */
const ordinary: ReadonlySet<EndReason> = new Set(["backstage", "e2ee", "call_full"]);

/** Somebody, or AWS by arrangement, took the task away: what its container then exits with says nothing. */
const takenAway: ReadonlySet<string> = new Set([
  "UserInitiated",
  "SpotInterruption",
  "TerminationNotice",
  "ServiceSchedulerInitiated",
]);

const reasonOf = (exitCode: number): EndReason | undefined =>
  (Object.keys(exitCodes) as EndReason[]).find((reason) => exitCodes[reason] === exitCode);

/** The bridge is the container that was given a job; beside it there may be containers of the platform's. */
const exitCodesOf = ({ containers = [], overrides }: StoppedTask): (number | undefined)[] => {
  const bridge = overrides?.containerOverrides?.find(({ environment }) =>
    environment?.some(({ name }) => name === jobVariable),
  );
  const own = containers.filter(({ name }) => name === bridge?.name);
  return (own.length > 0 ? own : containers).map(({ exitCode }) => exitCode);
};

/**
 * Whether a stopped task's end is one that an operator should hear of: it never ran, crashed, ran out of memory, or gave up for
 * a reason that will come again (keys, quota, rights, an error nobody foresaw). Undefined for the ends that calls have.
 */
export const badEndOf = (task: StoppedTask): BadEnd | undefined => {
  const { stopCode } = task;
  if (stopCode !== undefined && takenAway.has(stopCode)) return undefined;
  const codes = exitCodesOf(task);
  const exitCode = codes.find((code) => code !== 0);
  if (stopCode === "TaskFailedToStart") return { stopCode, exitCode, reason: "not_started" };
  if (codes.length > 0 && codes.every((code) => code === 0)) return undefined;
  const reason = exitCode === undefined ? undefined : reasonOf(exitCode);
  return reason !== undefined && ordinary.has(reason) ? undefined : { stopCode, exitCode, reason: reason ?? "crashed" };
};
