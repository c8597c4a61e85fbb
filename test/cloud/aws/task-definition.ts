import { parameterArn, region } from "./arns.ts";
import type { RegisteredTaskDefinition } from "./task-definitions.ts";

export interface TaskDefinition {
  /** Name of its one container. */
  container: string;
  /** Program and arguments: what CMD of the image would be. */
  command: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Variable → name or ARN of an SSM parameter, read when the container starts. */
  secrets?: Readonly<Record<string, string>>;
  /** SIGKILL follows SIGTERM after this long. */
  stopTimeoutSeconds: number;
  /** Working directory; ours unless told. */
  cwd?: string;
  /** Whose requests the task's requests to AWS are; "LOCALTASK" unless told. */
  accessKeyId?: string;
  /** Who reads the secrets: the execution role's; nobody is asked for leave unless told. */
  executionAccessKeyId?: string;
  /** ARNs of its roles; RunTask then needs iam:PassRole for them. */
  taskRoleArn?: string;
  executionRoleArn?: string;
  /** Log group; "/sst/cluster/CLUSTER/Bridge/Bridge" unless told. */
  logGroup?: string;
  /** For those who ask; it runs on our own processor in any case. */
  image?: string;
  /** 1,024 are one vCPU; 512 unless told. */
  cpuUnits?: number;
  /** 1,024 unless told. */
  memoryMb?: number;
  architecture?: "ARM64" | "X86_64";
}

export const logGroupOf = ({ logGroup }: TaskDefinition, cluster: string): string =>
  logGroup ?? `/sst/cluster/${cluster}/Bridge/Bridge`;

const logStreamPrefix = "/service";

/** As the awslogs driver names it: prefix, container, task. */
export const logStreamOf = ({ container }: TaskDefinition, taskId: string): string =>
  `${logStreamPrefix}/${container}/${taskId}`;

/** The task definition as DescribeTaskDefinition tells it. `cluster` names its log group where it has none of its own. */
export const describeTaskDefinition = (registered: RegisteredTaskDefinition, cluster: string) => {
  const { arn, family, revision, status, registeredAtMs, definition } = registered;
  const { cpuUnits = 512, memoryMb = 1_024, architecture = "ARM64", image = "local", secrets = {} } = definition;
  return {
    taskDefinitionArn: arn,
    family,
    revision,
    status,
    registeredAt: registeredAtMs / 1000,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    compatibilities: ["EC2", "FARGATE"],
    cpu: String(cpuUnits),
    memory: String(memoryMb),
    runtimePlatform: { cpuArchitecture: architecture, operatingSystemFamily: "LINUX" },
    taskRoleArn: definition.taskRoleArn,
    executionRoleArn: definition.executionRoleArn,
    containerDefinitions: [
      {
        name: definition.container,
        image,
        cpu: cpuUnits,
        memory: memoryMb,
        essential: true,
        environment: Object.entries(definition.env).map(([name, value]) => ({ name, value })),
        secrets: Object.entries(secrets).map(([name, parameter]) => ({
          name,
          valueFrom: parameter.startsWith("arn:") ? parameter : parameterArn(parameter),
        })),
        stopTimeout: definition.stopTimeoutSeconds,
        logConfiguration: {
          logDriver: "awslogs",
          options: {
            "awslogs-group": logGroupOf(definition, cluster),
            "awslogs-region": region,
            "awslogs-stream-prefix": logStreamPrefix,
          },
        },
      },
    ],
  };
};
