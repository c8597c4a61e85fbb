import type { Agent } from "../bridge-task/agents/agent.ts";
import { bridgeRuntime } from "./build/bridge-runtime.ts";
import { appName } from "./operate/deployment.ts";
import { accountId, logGroupName, partition, region } from "./places.ts";
import { onlyThese, type Statement, writeLogs } from "./policies.ts";
import type { SecretUse } from "./secret-names.ts";
import type { Secrets } from "./secrets.ts";
import { retentionDays, type Settings } from "./settings.ts";
import type { ToolFunctions } from "./tools.ts";

/** Name of the container: SST calls the only one of a task like the task. */
export const bridgeContainer = "Bridge";

/** The repository that SST makes in every region it deploys to, and pushes images to. */
const imageRepository = "sst-asset";

const ownSecrets = ["STREAM_API_KEY", "STREAM_API_SECRET", "OPENAI_API_KEY", "AGENTS_API_KEY"];

/** Variables of the task that are secret, and whose they are: its own, and those that agents as code name. */
export const bridgeSecrets = (agents: BridgeParts["agents"]): SecretUse[] => [
  ...ownSecrets.map((variable) => ({ by: "the bridge", variable })),
  ...Object.entries(agents).flatMap(([name, { secrets = [] }]) =>
    secrets.map((variable) => ({ by: `the agent "${name}"`, variable })),
  ),
];

export interface BridgeParts {
  cluster: sst.aws.Cluster;
  calls: sst.aws.Dynamo;
  tools: ToolFunctions;
  secrets: Secrets;
  agents: Readonly<Record<string, Agent>>;
  settings: Settings;
}

export interface Bridge {
  task: sst.aws.Task;
  /** Name of its CloudWatch log group. */
  logGroup: string;
}

/** What SST hands over before it builds an image. */
type ImageArgs = Parameters<
  Extract<NonNullable<NonNullable<sst.aws.TaskArgs["transform"]>["image"]>, (...args: never[]) => unknown>
>[0];

/** One container, as ECS has it; what of it is not named here stays as it is. */
interface Container {
  portMappings?: unknown;
  logConfiguration: { options: Record<string, string> };
  [key: string]: unknown;
}

/**
 * SST's container, and what a bridge needs of it: two minutes to say goodbye (the most that Fargate gives), lines without a
 * terminal's line ends, no ports, nothing to write to, and lines that are lost rather than awaited when CloudWatch is slow.
 */
const bridgeContainerOf = ({ portMappings: _, logConfiguration, ...container }: Container): Container => ({
  ...container,
  stopTimeout: 120,
  pseudoTerminal: false,
  readonlyRootFilesystem: true,
  logConfiguration: {
    ...logConfiguration,
    options: { ...logConfiguration.options, mode: "non-blocking", "max-buffer-size": "4m" },
  },
});

const containersOf = (definitions: $util.Input<string>): $util.Output<string> =>
  $util.output(definitions).apply((json) => JSON.stringify((JSON.parse(json) as Container[]).map(bridgeContainerOf)));

/**
 * All stages push to one repository of the account, and removing one deletes its image there: of the same image under another
 * stage's name, too. So the image says whose it is, which makes it another. In production the image stays, like the tables.
 */
const ownImage = (args: ImageArgs, options: $util.CustomResourceOptions): undefined => {
  args.labels = { stage: $app.stage };
  args.tags = $util.output(args.tags).apply((tags = []) => tags.map((tag) => `${tag}-${appName}-${$app.stage}`));
  options.retainOnDelete = $app.stage === "production";
};

const toolArns = (tools: ToolFunctions) => Object.values(tools).map(({ arn }) => arn);

/** What the process itself may do. */
const taskStatements = ({ calls, tools }: BridgeParts): Statement[] => [
  { actions: ["dynamodb:GetItem", "dynamodb:PutItem"], resources: [calls.arn] },
  // IAM takes no statement without a resource.
  ...(toolArns(tools).length > 0 ? [{ actions: ["lambda:InvokeFunction"], resources: toolArns(tools) }] : []),
];

const inRegion = (service: string, resource: string) =>
  $interpolate`arn:${partition()}:${service}:${region()}:${accountId()}:${resource}`;

/** What Fargate may do to start it: fetch the image, read its secrets, write its lines. */
const executionStatements = (secrets: Secrets, variables: readonly string[], logGroup: string): Statement[] => [
  // It is for all repositories or for none.
  { actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
  {
    actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    resources: [inRegion("ecr", `repository/${imageRepository}`)],
  },
  ...secrets.read(variables),
  writeLogs(inRegion("logs", `log-group:${logGroup}`)),
];

/** The task that is in one call for one agent: nothing runs, and nothing costs, where there is no call. */
export const createBridge = (parts: BridgeParts): Bridge => {
  const { cluster, calls, tools, secrets, agents, settings } = parts;
  const variables = [...new Set(bridgeSecrets(agents).map(({ variable }) => variable))];
  const logGroup = logGroupName("Bridge");
  const statements = taskStatements(parts);
  const task = new sst.aws.Task("Bridge", {
    cluster,
    architecture: "arm64",
    ...settings.task,
    // SST's cache would keep all of what the image is built with in the registry; the builder's own cache does without.
    image: { context: ".", dockerfile: "bridge-task/Dockerfile", cache: false },
    environment: {
      ...bridgeRuntime,
      CALLS_TABLE: calls.name,
      TOOL_FUNCTIONS: $jsonStringify(Object.fromEntries(Object.entries(tools).map(([name, { arn }]) => [name, arn]))),
      LOG_LEVEL: settings.logLevel,
    },
    // By name in the task definition, which many may read; the values go from SSM to the process alone.
    ssm: secrets.arns(variables),
    permissions: statements,
    logging: { name: logGroup },
    transform: {
      image: ownImage,
      taskRole: onlyThese("ecs-tasks.amazonaws.com", statements),
      executionRole: onlyThese("ecs-tasks.amazonaws.com", executionStatements(secrets, variables, logGroup)),
      logGroup: { retentionInDays: retentionDays[settings.logRetention] },
      taskDefinition: (args) => {
        args.containerDefinitions = containersOf(args.containerDefinitions);
        return undefined;
      },
    },
  });
  return { task, logGroup };
};
