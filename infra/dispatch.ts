import type { ToolManifest } from "../functions/tools/manifest.ts";
import { type Bridge, bridgeContainer } from "./bridge.ts";
import type { Statement } from "./policies.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { liveIndexArn } from "./tables.ts";

/** What the functions that dispatch are made of: webhook, task-stopped and sweep. */
export interface DispatchParts {
  cluster: sst.aws.Cluster;
  calls: sst.aws.Dynamo;
  bridge: Bridge;
  secrets: Secrets;
  tools: ToolManifest;
  settings: Settings;
}

/** Secrets of each of them. The key of the HTTP API is the webhook's alone. */
export const dispatchSecrets = ["STREAM_API_KEY", "STREAM_API_SECRET"];

export const dispatchEnvironment = (
  { calls, bridge: { task }, secrets, tools, settings }: DispatchParts,
  variables: readonly string[],
): Record<string, $util.Input<string>> => ({
  ...secrets.environment(variables),
  CALLS_TABLE: calls.name,
  BRIDGE_CLUSTER: task.cluster,
  BRIDGE_TASK_DEFINITION: task.taskDefinition,
  BRIDGE_CONTAINER: bridgeContainer,
  BRIDGE_SUBNETS: $util.all([task.subnets]).apply(([subnets]) => subnets.join()),
  BRIDGE_SECURITY_GROUPS: $util.all([task.securityGroups]).apply(([groups]) => groups.join()),
  BRIDGE_CAPACITY: settings.capacity,
  CALL_TYPES: settings.callTypes.join() || "none",
  CALLS_OF: settings.calls,
  MAX_AGENTS_PER_CALL: String(settings.agentsPerCall),
  MAX_CALLS: String(settings.callsAtOnce),
  STAGE: $app.stage,
  TOOL_NAMES: tools.map(({ name }) => name).join(),
});

/** Start and find this stage's tasks, keep its table, and read these secrets: no more. */
export const dispatchStatements = (
  { cluster, calls, bridge: { task }, secrets }: DispatchParts,
  variables: readonly string[],
): Statement[] => {
  const clusterArn = cluster.nodes.cluster.arn;
  const tasks = clusterArn.apply((arn) => `${arn.replace(":cluster/", ":task/")}/*`);
  return [
    {
      actions: ["ecs:RunTask"],
      // Any revision: while a deploy goes on, a function of before it still starts what it knows.
      resources: [task.taskDefinition.apply((arn) => `${arn.replace(/:\d+$/, "")}:*`)],
      conditions: [{ test: "ArnEquals", variable: "ecs:cluster", values: [clusterArn] }],
    },
    {
      actions: ["ecs:TagResource"],
      resources: [tasks],
      conditions: [{ test: "StringEquals", variable: "ecs:CreateAction", values: ["RunTask"] }],
    },
    { actions: ["ecs:DescribeTasks"], resources: [tasks] },
    {
      actions: ["iam:PassRole"],
      resources: [task.nodes.taskRole.arn, task.nodes.executionRole.arn],
      conditions: [{ test: "StringEquals", variable: "iam:PassedToService", values: ["ecs-tasks.amazonaws.com"] }],
    },
    {
      actions: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      resources: [calls.arn],
    },
    { actions: ["dynamodb:Query"], resources: [liveIndexArn(calls)] },
    ...secrets.read(variables),
  ];
};
