import type { AwsCloud } from "../../aws/index.ts";
import type { Properties } from "../protocol.ts";
import type { Roles } from "../roles.ts";
import { type Handlers, physicalName, textOf, type Wanted } from "./handler.ts";

export interface EcsParts {
  aws: AwsCloud;
  roles: Roles;
  /** Runs in the place of the image's command: no image can be built here. */
  command: readonly string[];
  /** Added to every task's environment. */
  environment: Readonly<Record<string, string>>;
}

interface ContainerDefinition {
  name: string;
  image: string;
  environment?: { name: string; value: string }[];
  secrets?: { name: string; valueFrom: string }[];
  stopTimeout?: number;
  logConfiguration?: { options?: Record<string, string> };
}

const oneContainer = (inputs: Properties): ContainerDefinition => {
  const [container, ...others] = JSON.parse(textOf(inputs, "containerDefinitions")) as ContainerDefinition[];
  if (container === undefined || others.length > 0) throw new Error("a task has one container here");
  return container;
};

/** ECS's default. */
const stopTimeoutSeconds = 30;

const optional = <K extends string>(key: K, value: unknown): { [P in K]?: string } =>
  (typeof value === "string" ? { [key]: value } : {}) as { [P in K]?: string };

export const ecsHandlers = ({ aws, roles, command, environment }: EcsParts): Handlers => {
  const register = ({ inputs }: Wanted) => {
    const container = oneContainer(inputs);
    const family = textOf(inputs, "family");
    const platform = (inputs.runtimePlatform ?? {}) as { cpuArchitecture?: "ARM64" | "X86_64" };
    const [taskRoleArn, executionRoleArn] = [textOf(inputs, "taskRoleArn"), textOf(inputs, "executionRoleArn")];
    const arn = aws.putTaskDefinition(family, {
      container: container.name,
      command,
      env: {
        ...Object.fromEntries((container.environment ?? []).map(({ name, value }) => [name, value])),
        ...environment,
      },
      secrets: Object.fromEntries((container.secrets ?? []).map(({ name, valueFrom }) => [name, valueFrom])),
      stopTimeoutSeconds: container.stopTimeout ?? stopTimeoutSeconds,
      taskRoleArn,
      accessKeyId: roles.accessKeyOf(taskRoleArn),
      executionRoleArn,
      executionAccessKeyId: roles.accessKeyOf(executionRoleArn),
      image: container.image,
      cpuUnits: Number(inputs.cpu),
      memoryMb: Number(inputs.memory),
      architecture: platform.cpuArchitecture ?? "X86_64",
      ...optional("logGroup", container.logConfiguration?.options?.["awslogs-group"]),
    });
    return { id: arn, outputs: { arn, revision: Number(arn.split(":").at(-1)) } };
  };
  return {
    "aws:ecs/cluster:Cluster": {
      replaceOn: ["name"],
      create: (wanted) => {
        const name = physicalName(wanted);
        const arn = aws.putCluster(name);
        return { id: arn, outputs: { name, arn } };
      },
      delete: ({ outputs }) => {
        const name = textOf(outputs, "name");
        const left = aws
          .tasks()
          .filter(({ taskArn, status }) => taskArn.includes(`:task/${name}/`) && status !== "STOPPED");
        if (left.length > 0) {
          throw new Error("ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.");
        }
        aws.removeCluster(name);
      },
    },
    // A revision cannot be changed: the next one is made, and then the former one is put out of use.
    "aws:ecs/taskDefinition:TaskDefinition": {
      replaceOn: "any",
      create: register,
      delete: ({ outputs }) => aws.removeTaskDefinition(textOf(outputs, "arn")),
    },
  };
};
