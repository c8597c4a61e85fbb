import { messageOf } from "../../../bridge-task/errors.ts";
import { parameterArn } from "./arns.ts";
import { checkNeeds, type Guard, type Need, writingNeeds } from "./authorization.ts";
import type { LogGroups } from "./log-groups.ts";
import type { Parameters } from "./parameters.ts";
import { logGroupOf, logStreamOf, type TaskDefinition } from "./task-definition.ts";

export interface TaskStartParts {
  parameters: Parameters;
  logs: LogGroups;
  guard: Guard;
}

/** What Fargate does with the execution role before the container starts; it does it where the definition names its key. */
const checkExecution = (guard: Guard, accessKeyId: string | undefined, needs: readonly Need[], what: string): void => {
  if (accessKeyId === undefined) return;
  try {
    checkNeeds(guard, accessKeyId, needs);
  } catch (error) {
    throw new Error(`${what}: AccessDeniedException: ${messageOf(error)}`);
  }
};

const noSecrets =
  "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm";

const noLogStream =
  "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream";

/**
 * What a task's container gets before it starts: the values of its definition's secrets, and a log stream. Throws with what
 * Fargate says where a parameter is missing, or its execution role may not read it or may not write lines.
 */
export const prepareTask = (
  definition: TaskDefinition,
  { taskId, cluster }: { taskId: string; cluster: string },
  { parameters, logs, guard }: TaskStartParts,
): Record<string, string> => {
  const { secrets = {}, executionAccessKeyId } = definition;
  const wanted = Object.entries(secrets).map(([variable, parameter]) => ({
    variable,
    parameter,
    found: parameters.get(parameter),
  }));
  const readNeeds = wanted.map(({ parameter }) => ({
    action: "ssm:GetParameters",
    resource: parameter.startsWith("arn:") ? parameter : parameterArn(parameter),
  }));
  checkExecution(guard, executionAccessKeyId, readNeeds, noSecrets);
  const missing = wanted.filter(({ found }) => found === undefined).map(({ parameter }) => parameter);
  if (missing.length > 0) throw new Error(`${noSecrets}: invalid ssm parameters: ${missing.join(", ")}`);
  const group = logGroupOf(definition, cluster);
  if (executionAccessKeyId !== undefined && !logs.has(group)) {
    throw new Error(`${noLogStream}: ResourceNotFoundException: The specified log group does not exist.`);
  }
  const writeNeeds = writingNeeds(group, logStreamOf(definition, taskId));
  checkExecution(guard, executionAccessKeyId, writeNeeds, noLogStream);
  return Object.fromEntries(wanted.flatMap(({ variable, found }) => (found ? [[variable, found.value]] : [])));
};
