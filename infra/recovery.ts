import { type DispatchParts, dispatchEnvironment, dispatchSecrets, dispatchStatements } from "./dispatch.ts";
import { createFunction } from "./function.ts";

const createDispatchFunction = (
  name: string,
  parts: DispatchParts,
  told: { file: string; description: string; timeoutSeconds: number },
) =>
  createFunction(
    name,
    {
      ...told,
      memoryMb: 512,
      environment: dispatchEnvironment(parts, dispatchSecrets),
      permissions: dispatchStatements(parts, dispatchSecrets),
    },
    parts.settings,
  );

/** ECS tells of each task of this cluster that has ended: an agent whose task crashed is launched again. */
export const createTaskStopped = (parts: DispatchParts) => {
  const made = createDispatchFunction("TaskStopped", parts, {
    file: "functions/task-stopped.ts",
    description: "Agents whose tasks have ended",
    timeoutSeconds: 10,
  });
  const rule = new aws.cloudwatch.EventRule("TaskStoppedRule", {
    description: "Tasks of the agents that have ended",
    eventPattern: $jsonStringify({
      source: ["aws.ecs"],
      "detail-type": ["ECS Task State Change"],
      detail: { clusterArn: [parts.cluster.nodes.cluster.arn], lastStatus: ["STOPPED"] },
    }),
  });
  const permission = new aws.lambda.Permission("TaskStoppedPermission", {
    action: "lambda:InvokeFunction",
    function: made.fn.name,
    principal: "events.amazonaws.com",
    sourceArn: rule.arn,
  });
  new aws.cloudwatch.EventTarget("TaskStoppedTarget", { rule: rule.name, arn: made.fn.arn }, { dependsOn: permission });
  return made;
};

/** Every minute: makes up for answers and events that were lost. */
export const createSweep = (parts: DispatchParts) => {
  const made = createDispatchFunction("Sweep", parts, {
    file: "functions/sweep.ts",
    description: "Makes up for lost events, every minute",
    timeoutSeconds: 60,
  });
  new sst.aws.CronV2("SweepSchedule", { schedule: "rate(1 minute)", function: made.fn.arn });
  return made;
};
