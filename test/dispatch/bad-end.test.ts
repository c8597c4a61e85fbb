import { expect, it } from "vitest";
import { type EndReason, exitCodes, jobVariable } from "../../bridge-task/job.ts";
import { badEndOf } from "../../functions/dispatch/bad-end.ts";

const exited = (exitCode?: number, stopCode = "EssentialContainerExited") => ({
  stopCode: stopCode as "EssentialContainerExited",
  containers: [{ name: "bridge", ...(exitCode === undefined ? {} : { exitCode }) }],
});

/** Every reason that the bridge knows, and whether somebody should hear of it: a new one has to be decided on here. */
const isBad: Record<EndReason, boolean> = {
  call_ended: false,
  idle: false,
  waited: false,
  disconnected: false,
  max_duration: false,
  stopped: false,
  kicked: false,
  blocked: false,
  removed: false,
  end_call: false,
  left: false,
  replaced: false,
  backstage: false,
  e2ee: false,
  call_full: false,
  internal: true,
  bad_job: true,
  refused: true,
  join_failed: true,
  sfu_lost: true,
  model_refused: true,
  model_lost: true,
  no_permission: true,
};

it.each(Object.entries(isBad) as [EndReason, boolean][])("a task that ended with %s: bad is %s", (reason, bad) => {
  const exitCode = exitCodes[reason];
  expect(badEndOf(exited(exitCode))).toEqual(
    bad ? { stopCode: "EssentialContainerExited", exitCode, reason } : undefined,
  );
});

it.each([
  ["killed for its memory", exited(137), { exitCode: 137, reason: "crashed" }],
  ["a fault of Node's", exited(139), { exitCode: 139, reason: "crashed" }],
  ["an exit code that the bridge does not have", exited(1), { exitCode: 1, reason: "crashed" }],
  ["no exit code", exited(), { exitCode: undefined, reason: "crashed" }],
  ["no word of its containers", { stopCode: "EssentialContainerExited" as const }, { reason: "crashed" }],
  ["no word at all", {}, { stopCode: undefined, reason: "crashed" }],
  ["an image or a secret that could not be read", exited(undefined, "TaskFailedToStart"), { reason: "not_started" }],
])("an end that is bad: %s", (_name, task, end) => {
  expect(badEndOf(task)).toMatchObject(end);
});

it.each(["UserInitiated", "SpotInterruption", "TerminationNotice"])("what %s leaves is not", (stopCode) => {
  expect(badEndOf(exited(137, stopCode))).toBeUndefined();
});

it("what a container of the platform's beside the bridge exits with says nothing", () => {
  const overrides = { containerOverrides: [{ name: "bridge", environment: [{ name: jobVariable, value: "{}" }] }] };
  const beside = (exitCode: number, other: number) => ({
    overrides,
    containers: [
      { name: "agent-of-the-platform", exitCode: other },
      { name: "bridge", exitCode },
    ],
  });
  expect(badEndOf(beside(exitCodes.idle, 137))).toBeUndefined();
  expect(badEndOf(beside(exitCodes.join_failed, 0))).toMatchObject({ reason: "join_failed" });
});
