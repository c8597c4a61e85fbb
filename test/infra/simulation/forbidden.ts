import { type Deployment, parameterNames } from "../../../infra/operate/deployment.ts";
import { accountId, region } from "../../cloud/aws/index.ts";

export interface Forbidden {
  /** The role, by the component it belongs to. */
  role: string;
  action: string;
  /** Whose the resource is. */
  of: string;
  resource(deployment: Deployment): string;
  context?(deployment: Deployment): Record<string, string>;
}

const arnOf = (service: string, rest: string): string => `arn:aws:${service}:${region}:${accountId}:${rest}`;
const functionArn = (name: string): string => arnOf("lambda", `function:${name}`);
const tableArn = (name: string): string => arnOf("dynamodb", `table/${name}`);
const parameterArn = (name: string): string => arnOf("ssm", `parameter${name}`);

const inCluster = ({ cluster }: Deployment) => ({ "ecs:cluster": cluster });

/** What a role would have to ask for to do more than it is there for: each has to be refused. */
export const forbidden: readonly Forbidden[] = [
  {
    role: "BridgeTaskRole",
    action: "lambda:InvokeFunction",
    of: "the webhook",
    resource: ({ functions }) => functionArn(functions.webhook),
  },
  {
    role: "BridgeTaskRole",
    action: "ssm:GetParameter",
    of: "its own key",
    resource: ({ stage }) => parameterArn(parameterNames(stage).OPENAI_API_KEY),
  },
  {
    role: "BridgeTaskRole",
    action: "ecs:RunTask",
    of: "another bridge",
    resource: ({ taskDefinition }) => taskDefinition,
    context: inCluster,
  },
  {
    role: "BridgeTaskRole",
    action: "dynamodb:DeleteItem",
    of: "calls",
    resource: ({ callsTable }) => tableArn(callsTable),
  },
  { role: "BridgeTaskRole", action: "dynamodb:GetItem", of: "another table", resource: () => tableArn("another") },
  {
    role: "BridgeExecutionRole",
    action: "ssm:GetParameters",
    of: "another stage",
    resource: () => parameterArn(parameterNames("production").OPENAI_API_KEY),
  },
  {
    role: "WebhookRole",
    action: "ssm:GetParameters",
    of: "the bridge",
    resource: ({ stage }) => parameterArn(parameterNames(stage).OPENAI_API_KEY),
  },
  {
    role: "WebhookRole",
    action: "lambda:InvokeFunction",
    of: "a tool",
    resource: ({ functions }) => functionArn(Object.values(functions.tools)[0] ?? ""),
  },
  {
    role: "WebhookRole",
    action: "ecs:RunTask",
    of: "another program",
    resource: () => arnOf("ecs", "task-definition/another:1"),
    context: inCluster,
  },
  {
    role: "WebhookRole",
    action: "ecs:RunTask",
    of: "another cluster",
    resource: ({ taskDefinition }) => taskDefinition,
    context: () => ({ "ecs:cluster": arnOf("ecs", "cluster/another") }),
  },
  {
    role: "WebhookRole",
    action: "iam:PassRole",
    of: "an administrator",
    resource: () => `arn:aws:iam::${accountId}:role/administrator`,
    context: () => ({ "iam:PassedToService": "ecs-tasks.amazonaws.com" }),
  },
  {
    role: "ToolGetCurrentTimeRole",
    action: "dynamodb:PutItem",
    of: "calls",
    resource: ({ callsTable }) => tableArn(callsTable),
  },
  {
    role: "ToolSubmitSupportTicketRole",
    action: "dynamodb:PutItem",
    of: "calls",
    resource: ({ callsTable }) => tableArn(callsTable),
  },
  {
    role: "ToolSubmitSupportTicketRole",
    action: "ssm:GetParameters",
    of: "the bridge",
    resource: ({ stage }) => parameterArn(parameterNames(stage).STREAM_API_SECRET),
  },
  {
    role: "TaskStoppedRole",
    action: "ssm:GetParameters",
    of: "the HTTP API",
    resource: ({ stage }) => parameterArn(parameterNames(stage).AGENTS_API_KEY),
  },
  {
    role: "SweepRole",
    action: "ssm:GetParameters",
    of: "the HTTP API",
    resource: ({ stage }) => parameterArn(parameterNames(stage).AGENTS_API_KEY),
  },
  {
    role: "RegisterRole",
    action: "ssm:GetParameters",
    of: "the HTTP API",
    resource: ({ stage }) => parameterArn(parameterNames(stage).AGENTS_API_KEY),
  },
  {
    role: "RegisterRole",
    action: "ecs:ListTasks",
    of: "another cluster",
    resource: () => "*",
    context: () => ({ "ecs:cluster": arnOf("ecs", "cluster/another") }),
  },
  {
    role: "RegisterRole",
    action: "ecs:StopTask",
    of: "another cluster",
    resource: () => arnOf("ecs", "task/another/0123456789abcdef"),
    context: () => ({ "ecs:cluster": arnOf("ecs", "cluster/another") }),
  },
  {
    role: "RegisterRole",
    action: "ecs:RunTask",
    of: "the bridge",
    resource: ({ taskDefinition }) => taskDefinition,
    context: inCluster,
  },
  {
    role: "SweepScheduleRole",
    action: "lambda:InvokeFunction",
    of: "the webhook",
    resource: ({ functions }) => functionArn(functions.webhook),
  },
];
