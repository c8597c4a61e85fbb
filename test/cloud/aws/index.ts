import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { EventLog } from "../event-log.ts";
import { region } from "./arns.ts";
import { createAwsControl, type TaskView, viewOf } from "./control.ts";
import { Ecs } from "./ecs.ts";
import { createEcsApi } from "./ecs-api.ts";
import type { FunctionDefinition } from "./execution-environment.ts";
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
  cluster: string;
  /** Ends in a slash, as Function URLs do. Throws for a name that is no function. */
  functionUrl(name: string): string;
  /** To be mounted where tests reach it. */
  control: Hono;
  tasks(): TaskView[];
  /** Sends SIGTERM and then SIGKILL; resolves when the task has stopped. */
  stopTask(taskIdOrArn: string, reason?: string): Promise<TaskView>;
  planFault(fault: PlannedFault): void;
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
  const endpoints = { AWS_ENDPOINT_URL_ECS: server.url, AWS_ENDPOINT_URL_LAMBDA: server.url };

  const ecs = new Ecs({
    log,
    cluster,
    taskDefinitions,
    launchDelayMs,
    onOutput: options.onOutput,
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
    cluster,
    functionUrl,
    control: createAwsControl(
      ecs,
      faults,
      [...functions.values()].map((called) => ({ called, url: functionUrl(called.name) })),
    ),
    tasks: () => ecs.tasks().map(viewOf),
    stopTask: async (taskIdOrArn, reason = "Stopped by the test") => {
      const task = ecs.task(taskIdOrArn);
      if (!task) throw new Error(`there is no task ${taskIdOrArn}`);
      await task.stop(reason);
      return viewOf(task);
    },
    planFault: (fault) => faults.plan(fault),
    close: async (graceMs = 3_000) => {
      if (closing.signal.aborted) return;
      closing.abort();
      // Nothing new first: then what runs, and last the address that it talks to.
      await Promise.all([...urlServers.values()].map((urlServer) => urlServer.close()));
      await Promise.all([...functions.values()].map((called) => called.close()));
      await ecs.close(graceMs);
      await server.close();
    },
  };
};
