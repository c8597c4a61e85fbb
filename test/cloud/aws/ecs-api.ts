import { clusterArn, lastPart, taskArn, taskDefinitionArn } from "./arns.ts";
import type { Need } from "./authorization.ts";
import type { Ecs } from "./ecs.ts";
import { type Json, jsonsOf, textsOf } from "./json.ts";
import type { JsonService } from "./json-service.ts";

/** The ARN of a cluster that a request names, whether or not there is one. */
const clusterArnOf = ({ cluster }: Json): string => clusterArn(lastPart(String(cluster ?? "default")));

const runTaskNeeds = (ecs: Ecs, input: Json): Need[] => {
  const cluster = clusterArnOf(input);
  const named = String(input.taskDefinition ?? "");
  const found = ecs.definitions.find(named);
  const { taskRoleArn, executionRoleArn } = found?.definition ?? {};
  const passed = [executionRoleArn, taskRoleArn].filter((role) => role !== undefined);
  return [
    {
      action: "ecs:RunTask",
      resource: found?.arn ?? taskDefinitionArn(lastPart(named), 1),
      context: { "ecs:cluster": cluster },
    },
    ...(jsonsOf(input.tags).length === 0
      ? []
      : [
          {
            action: "ecs:TagResource",
            resource: taskArn(lastPart(cluster), "*"),
            context: { "ecs:CreateAction": "RunTask", "ecs:cluster": cluster },
          },
        ]),
    ...[...new Set(passed)].map((role) => ({
      action: "iam:PassRole",
      resource: role,
      context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
    })),
  ];
};

/** By ARN where a request names tasks by their ids. */
const taskNeeds = (action: string, input: Json, tasks: readonly string[]): Need[] => {
  const cluster = clusterArnOf(input);
  return tasks.map((task) => ({
    action,
    resource: task.startsWith("arn:") ? task : taskArn(lastPart(cluster), task),
    context: { "ecs:cluster": cluster },
  }));
};

export const createEcsApi = (ecs: Ecs): JsonService => ({
  target: "AmazonEC2ContainerServiceV20141113",
  actions: {
    RunTask: { needs: (input) => runTaskNeeds(ecs, input), perform: (input) => ecs.runTask(input) },
    DescribeTasks: {
      needs: (input) => taskNeeds("ecs:DescribeTasks", input, textsOf(input.tasks)),
      perform: (input) => ecs.describeTasks(input),
    },
    ListTasks: {
      needs: (input) => [{ action: "ecs:ListTasks", resource: "*", context: { "ecs:cluster": clusterArnOf(input) } }],
      perform: (input) => ecs.listTasks(input),
    },
    StopTask: {
      needs: (input) => taskNeeds("ecs:StopTask", input, [String(input.task ?? "")]),
      perform: (input) => ecs.stopTask(input),
    },
    DescribeTaskDefinition: {
      needs: () => [{ action: "ecs:DescribeTaskDefinition", resource: "*" }],
      perform: (input) => ecs.describeTaskDefinition(input),
    },
    DescribeClusters: {
      needs: (input) =>
        textsOf(input.clusters ?? ["default"]).map((cluster) => ({
          action: "ecs:DescribeClusters",
          resource: clusterArnOf({ cluster }),
        })),
      perform: (input) => ecs.describeClusters(input),
    },
  },
});
