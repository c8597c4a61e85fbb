import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobVariable, parseJob } from "../../bridge-task/job.ts";
import { answerOf, runTaskInput } from "../../functions/dispatch/run-task.ts";
import { stoppedTaskOf } from "../../functions/dispatch/task-state.ts";

const target = {
  cluster: "local",
  taskDefinition: "bridge",
  container: "bridge",
  subnets: ["subnet-1"],
  securityGroups: ["sg-1"],
  capacity: "on-demand" as const,
};
const job = {
  version: 2,
  call: { type: "default", id: "demo" },
  agentUserId: "lucy",
  launchId: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
} as const;

describe("RunTask parameters", () => {
  it("carry the job to the container and nothing secret, under the launch as client token", () => {
    const input = runTaskInput(job, target);
    const [override] = input.overrides?.containerOverrides ?? [];
    expect(override?.environment?.map(({ name }) => name)).toEqual([jobVariable]);
    expect(parseJob(override?.environment?.[0]?.value ?? "")).toEqual(job);
    expect(input).toMatchObject({ clientToken: job.launchId, startedBy: "default/demo" });
    expect(input.networkConfiguration?.awsvpcConfiguration?.assignPublicIp).toBe("ENABLED");
  });

  it("ask for Fargate, or for Fargate Spot, by what ECS takes one at a time", () => {
    const onDemand = runTaskInput(job, target);
    expect(onDemand).toMatchObject({ launchType: "FARGATE" });
    expect(onDemand).not.toHaveProperty("capacityProviderStrategy");
    const { capacityProviderStrategy, ...spot } = runTaskInput(job, { ...target, capacity: "spot" });
    expect(capacityProviderStrategy).toEqual([{ capacityProvider: "FARGATE_SPOT", weight: 1 }]);
    expect(spot).not.toHaveProperty("launchType");
    expect({ ...spot, launchType: "FARGATE" }).toEqual(onDemand);
  });

  it("are the same for equal jobs, and keep ECS's limits for any call", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: "binary" }), (id) => {
        const odd = { ...job, call: { type: "default", id }, agentUserId: id };
        const input = runTaskInput(odd, target);
        expect(input).toEqual(runTaskInput(structuredClone(odd), structuredClone(target)));
        expect(input.startedBy).toMatch(/^[A-Za-z0-9/_-]{1,128}$/);
        for (const { value } of input.tags ?? []) expect(value).toMatch(/^[\p{L}\p{N}\p{Zs}+\-=._:/@]{1,256}$/u);
      }),
    );
  });
});

describe("what ECS answers", () => {
  it("is a task that is there, or one that is over and why", () => {
    expect(answerOf({ tasks: [{ taskArn: "arn", lastStatus: "RUNNING" }] })).toEqual({
      kind: "task",
      taskArn: "arn",
      end: undefined,
    });
    const containers = [{ name: "bridge", exitCode: 70 }];
    const stopped = {
      taskArn: "arn",
      lastStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      containers,
    } as const;
    expect(answerOf({ tasks: [stopped] })).toMatchObject({
      end: { isByOperator: false, detail: "EssentialContainerExited; bridge exited with 70" },
    });
    expect(answerOf({ tasks: [{ ...stopped, stopCode: "UserInitiated" }] })).toMatchObject({
      end: { isByOperator: true },
    });
  });

  it("without a task is a refusal that says why", () => {
    expect(answerOf({ tasks: [], failures: [{ reason: "RESOURCE:CPU", detail: "no room" }] })).toEqual({
      kind: "refused",
      reason: "RESOURCE:CPU: no room",
    });
    expect(answerOf({})).toMatchObject({ kind: "refused" });
  });
});

describe("a task state change", () => {
  const environment = [
    { name: "OTHER", value: "1" },
    { name: jobVariable, value: JSON.stringify(job) },
  ];
  const detail = { taskArn: "arn", lastStatus: "STOPPED", overrides: { containerOverrides: [{ environment }] } };

  it("names the launch by the job in its overrides", () => {
    expect(stoppedTaskOf(detail)).toEqual({
      taskArn: "arn",
      job,
      end: { isByOperator: false, detail: "no reason given" },
      badEnd: { stopCode: undefined, exitCode: undefined, reason: "crashed" },
    });
  });

  it("of a task without a job, or of a release before claims, names none", () => {
    expect(stoppedTaskOf({ ...detail, overrides: {} })?.job).toBeUndefined();
    const old = { name: jobVariable, value: JSON.stringify({ ...job, version: 1 }) };
    const overrides = { containerOverrides: [{ environment: [old] }] };
    expect(stoppedTaskOf({ ...detail, overrides })?.job).toBeUndefined();
  });

  it.each([[{ ...detail, lastStatus: "RUNNING" }], [{ lastStatus: "STOPPED" }], [null], ["STOPPED"], [undefined]])(
    "is none: %j",
    (given) => {
      expect(stoppedTaskOf(given)).toBeUndefined();
    },
  );
});
