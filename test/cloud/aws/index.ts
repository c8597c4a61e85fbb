import type { CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { EventLog } from "../event-log.ts";
import { region } from "./arns.ts";
import { createAwsControl, type TaskView, viewOf } from "./control.ts";
import { startDynamoDb } from "./dynamodb.ts";
import { Ecs } from "./ecs.ts";
import { createEcsApi } from "./ecs-api.ts";
import { EventBridge } from "./event-bridge.ts";
import type { FunctionDefinition, Invocation } from "./execution-environment.ts";
import { Faults, type PlannedFault } from "./faults.ts";
import { createFunctionUrl } from "./function-url.ts";
import { createLambdaApi } from "./lambda-api.ts";
import { LambdaFunction } from "./lambda-function.ts";
import { createMetadata } from "./metadata.ts";
import { type LoopbackServer, serveOnLoopback } from "./server.ts";
import type { TaskDefinition } from "./task.ts";

export type { TaskView } from "./control.ts";
export type { FunctionDefinition } from "./execution-environment.ts";
export type { PlannedFault } from "./faults.ts";
export type { TaskDefinition } from "./task.ts";

export interface AwsCloudOptions {
  log: EventLog;
  functions: Readonly<Record<string, FunctionDefinition>>;
  /** By family. */
  taskDefinitions: Readonly<Record<string, TaskDefinition>>;
  /** DynamoDB's tables; none unless told. */
  tables?: readonly CreateTableCommandInput[];
  /** Name of the function that EventBridge tells of every task that stopped. */
  onTaskStopped?: string;
  /** A function that is invoked at a rate. */
  schedule?: { functionName: string; everyMs: number };
  /** Name of the one cluster; "local" unless told. */
  cluster?: string;
  /** Each line that a task writes. */
  onOutput?: (line: string, taskId: string) => void;
  /** From RunTask to RUNNING; 0 unless told. Fargate takes 15 to 30 s. */
  launchDelayMs?: number;
  /** Processes per function; 4 unless told. */
  maxEnvironments?: number;
  /** Events per function that wait for a process; 100 unless told. */
  maxWaiting?: number;
}

export interface AwsCloud {
  /** What AWS_ENDPOINT_URL_ECS and AWS_ENDPOINT_URL_LAMBDA point to. */
  endpointUrl: string;
  /** What AWS_ENDPOINT_URL_DYNAMODB points to. */
  dynamoDbUrl: string;
  dynamoDb: DynamoDBClient;
  events: EventBridge;
  cluster: string;
  /** Ends in a slash, as Function URLs do. Throws for a name that is no function. */
  functionUrl(name: string): string;
  /** To be mounted where tests reach it. */
  control: Hono;
  tasks(): TaskView[];
  /** Sends SIGTERM and then SIGKILL; resolves when the task has stopped. */
  stopTask(taskIdOrArn: string, reason?: string): Promise<TaskView>;
  planFault(fault: PlannedFault): void;
  /** Runs a function on JSON, as Invoke does. Throws for a name that is no function. */
  invoke(functionName: string, payload?: unknown): Promise<Invocation>;
  /** Stops every task (SIGTERM, SIGKILL after `graceMs`, 3 s unless told) and function. Idempotent; leaves nothing running. */
  close(graceMs?: number): Promise<void>;
}

/**
 * ECS and Lambda on loopback, for the official SDKs: tasks and functions are real processes with the environment they
 * would have. It stands in for AWS in tests and demos; what AWS does beyond that, it does not prove.
 */
export const startAwsCloud = async (options: AwsCloudOptions): Promise<AwsCloud> => {
  const { log, taskDefinitions, cluster = "local", launchDelayMs = 0, maxEnvironments = 4, maxWaiting = 100 } = options;
  const closing = new AbortController();
  const faults = new Faults();
  const api = new Hono<{ Bindings: HttpBindings }>();
  const server = await serveOnLoopback(api);
  const dynamoDb = await startDynamoDb(options.tables ?? []);
  const endpoints = {
    AWS_ENDPOINT_URL_ECS: server.url,
    AWS_ENDPOINT_URL_LAMBDA: server.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpointUrl,
  };

  const ecs: Ecs = new Ecs({
    log,
    cluster,
    taskDefinitions,
    launchDelayMs,
    onOutput: options.onOutput,
    onStopped: (task) => events.taskStopped(task),
    platformEnv: (taskId) => ({
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_EXECUTION_ENV: "AWS_ECS_FARGATE",
      ECS_CONTAINER_METADATA_URI_V4: `${server.url}/v4/${taskId}`,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.url}/v4/${taskId}/credentials`,
      ...endpoints,
    }),
  });
  const functions = new Map(
    Object.entries(options.functions).map(([name, definition]) => [
      name,
      new LambdaFunction({ log, name, definition, platformEnv: endpoints, maxEnvironments, maxWaiting }),
    ]),
  );
  const { onTaskStopped, schedule } = options;
  const events: EventBridge = new EventBridge({ log, functions, onTaskStopped, schedule });
  api.route("/", createEcsApi(ecs, faults, closing.signal));
  api.route("/", createLambdaApi(functions));
  api.route("/", createMetadata(ecs, cluster));

  const urlServers = new Map<string, LoopbackServer>();
  for (const [name, called] of functions) urlServers.set(name, await serveOnLoopback(createFunctionUrl(called)));
  const functionUrl = (name: string): string => {
    const found = urlServers.get(name);
    if (!found) throw new Error(`there is no function "${name}", only ${[...urlServers.keys()].join(", ")}`);
    return `${found.url}/`;
  };

  return {
    endpointUrl: server.url,
    dynamoDbUrl: dynamoDb.endpointUrl,
    dynamoDb: dynamoDb.client,
    events,
    cluster,
    functionUrl,
    control: createAwsControl({
      ecs,
      faults,
      events,
      functions: [...functions.values()].map((called) => ({ called, url: functionUrl(called.name) })),
    }),
    tasks: () => ecs.tasks().map(viewOf),
    stopTask: async (taskIdOrArn, reason = "Stopped by the test") => {
      const task = ecs.task(taskIdOrArn);
      if (!task) throw new Error(`there is no task ${taskIdOrArn}`);
      await task.stop(reason);
      return viewOf(task);
    },
    planFault: (fault) => faults.plan(fault),
    invoke: async (functionName, payload = {}) => {
      const called = functions.get(functionName);
      if (!called) throw new Error(`there is no function "${functionName}", only ${[...functions.keys()].join(", ")}`);
      return called.invoke(JSON.stringify(payload));
    },
    close: async (graceMs = 3_000) => {
      if (closing.signal.aborted) return;
      closing.abort();
      // Nothing new first: then what runs, and last the address that it talks to.
      await Promise.all([...urlServers.values()].map((urlServer) => urlServer.close()));
      await Promise.all([...functions.values()].map((called) => called.close()));
      await events.close();
      await ecs.close(graceMs);
      await dynamoDb.close();
      await server.close();
    },
  };
};
