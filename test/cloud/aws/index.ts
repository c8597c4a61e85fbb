import type { CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { EventLog } from "../event-log.ts";
import { region } from "./arns.ts";
import type { Authorize, Guard } from "./authorization.ts";
import { createAwsControl, type TaskView, viewOf } from "./control.ts";
import { startDynamoDb } from "./dynamodb.ts";
import { Ecs } from "./ecs.ts";
import { EventBridge, type Rule, type Schedule, stoppedTasks } from "./event-bridge.ts";
import type { FunctionDefinition, Invocation } from "./execution-environment.ts";
import { Faults, type PlannedFault } from "./faults.ts";
import { Functions } from "./functions.ts";
import { createGateway } from "./gateway.ts";
import { LogGroups } from "./log-groups.ts";
import { createMetadata } from "./metadata.ts";
import { Parameters } from "./parameters.ts";
import { Quotas } from "./quotas.ts";
import { serveOnLoopback } from "./server.ts";
import { logGroupOf, logStreamOf, type TaskDefinition } from "./task-definition.ts";
import { prepareTask } from "./task-start.ts";

export { accountId, region } from "./arns.ts";
export type { Authorize } from "./authorization.ts";
export type { TaskView } from "./control.ts";
export type { Rule, Schedule } from "./event-bridge.ts";
export type { FunctionDefinition } from "./execution-environment.ts";
export type { PlannedFault } from "./faults.ts";
export type { LogGroups } from "./log-groups.ts";
export type { Parameter, Parameters, ParameterType } from "./parameters.ts";
export type { Quotas } from "./quotas.ts";
export type { TaskDefinition } from "./task-definition.ts";

export interface AwsCloudOptions {
  log: EventLog;
  /** Each gets a URL. */
  functions?: Readonly<Record<string, FunctionDefinition>>;
  /** By family. */
  taskDefinitions?: Readonly<Record<string, TaskDefinition>>;
  /** DynamoDB's tables; none unless told. */
  tables?: readonly CreateTableCommandInput[];
  /** Name of the function that EventBridge tells of every task that stopped. */
  onTaskStopped?: string;
  /** A function that is invoked at a rate. */
  schedule?: { functionName: string; everyMs: number };
  /** Name of the cluster that is there from the beginning; "local" unless told. */
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
  /** What AWS_ENDPOINT_URL points to: one address for every service. */
  endpointUrl: string;
  /** DynamoDB alone, where nobody is asked for leave. */
  dynamoDbUrl: string;
  dynamoDb: DynamoDBClient;
  events: EventBridge;
  /** SSM's. */
  parameters: Parameters;
  /** CloudWatch's: what functions and tasks write is there as well. */
  logs: LogGroups;
  quotas: Quotas;
  /** Name of the cluster that is there from the beginning. */
  cluster: string;
  /** Asked for each API request but STS's; undefined allows everything. Processes that run already keep their way to DynamoDB. */
  authorize: Authorize | undefined;
  /** Ends in a slash, as Function URLs do. Throws for a function that has none. */
  functionUrl(name: string): string;
  /** To be mounted where tests reach it. */
  control: Hono;
  tasks(): TaskView[];
  /** Sends SIGTERM and then SIGKILL; resolves when the task has stopped. */
  stopTask(taskIdOrArn: string, reason?: string): Promise<TaskView>;
  planFault(fault: PlannedFault): void;
  /** Runs a function on JSON, as Invoke does. Throws for a name that is no function. */
  invoke(functionName: string, payload?: unknown): Promise<Invocation>;

  /** Makes a function, or gives one another definition: its next event is for a new process. Returns its ARN. */
  putFunction(name: string, definition: FunctionDefinition): string;
  removeFunction(name: string): Promise<void>;
  /** Returns the URL, which ends in a slash. */
  addFunctionUrl(name: string): Promise<string>;
  removeFunctionUrl(name: string): Promise<void>;
  /** The first revision of a family, or its next. Returns its ARN. */
  putTaskDefinition(family: string, definition: TaskDefinition): string;
  /** A family, or one revision of it; what was removed is INACTIVE. */
  removeTaskDefinition(familyOrRevision: string): void;
  /** Returns its ARN. */
  putCluster(name: string): string;
  removeCluster(name: string): void;
  createTable(input: CreateTableCommandInput, options?: { timeToLiveAttribute?: string }): Promise<void>;
  deleteTable(name: string): Promise<void>;
  addRule(rule: Rule): void;
  removeRule(name: string): void;
  addSchedule(schedule: Schedule): void;
  removeSchedule(name: string): void;
  /** Stops every task (SIGTERM, SIGKILL after `graceMs`, 3 s unless told) and function. Idempotent; leaves nothing running. */
  close(graceMs?: number): Promise<void>;
}

/**
 * AWS on loopback, for the official SDKs: tasks and functions are real processes with the environment they would have.
 * It stands in for AWS in tests and demos; what AWS does beyond that, it does not prove.
 */
export const startAwsCloud = async (options: AwsCloudOptions): Promise<AwsCloud> => {
  const { log, cluster = "local", launchDelayMs = 0, maxEnvironments = 4, maxWaiting = 100 } = options;
  const closing = new AbortController();
  const faults = new Faults();
  const guard: Guard = { authorize: undefined };
  const parameters = new Parameters();
  const logs = new LogGroups();
  const quotas = new Quotas();
  const api = new Hono<{ Bindings: HttpBindings }>();
  const server = await serveOnLoopback(api);
  const dynamoDb = await startDynamoDb(options.tables ?? []);
  /** Straight to DynamoDB as long as nobody has to be asked for leave: that spares each request a way. */
  const endpoints = () => ({
    AWS_ENDPOINT_URL: server.url,
    AWS_ENDPOINT_URL_ECS: server.url,
    AWS_ENDPOINT_URL_LAMBDA: server.url,
    AWS_ENDPOINT_URL_DYNAMODB: guard.authorize === undefined ? dynamoDb.endpointUrl : server.url,
  });

  const ecs: Ecs = new Ecs({
    log,
    cluster,
    launchDelayMs,
    prepare: ({ definition, id: taskId, cluster }) =>
      prepareTask(definition, { taskId, cluster }, { parameters, logs, guard }),
    onOutput: (line, task) => {
      logs.put(logGroupOf(task.definition, task.cluster), logStreamOf(task.definition, task.id), line);
      options.onOutput?.(line, task.id);
    },
    onStatus: (task) => events.taskChanged(task),
    platformEnv: (taskId) => ({
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_EXECUTION_ENV: "AWS_ECS_FARGATE",
      ECS_CONTAINER_METADATA_URI_V4: `${server.url}/v4/${taskId}`,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.url}/v4/${taskId}/credentials`,
      ...endpoints(),
    }),
  });
  const functions = new Functions({ log, logs, guard, platformEnv: endpoints, maxEnvironments, maxWaiting });
  const events: EventBridge = new EventBridge({ log, functions });
  for (const [family, definition] of Object.entries(options.taskDefinitions ?? {})) {
    ecs.definitions.put(family, definition);
  }
  for (const [name, definition] of Object.entries(options.functions ?? {})) {
    functions.put(name, definition);
    await functions.addUrl(name);
  }
  const { onTaskStopped, schedule } = options;
  if (onTaskStopped) events.addRule({ name: "task-stopped", pattern: stoppedTasks, functionName: onTaskStopped });
  if (schedule) events.addSchedule({ name: "schedule", ...schedule });
  api.route("/", createMetadata(ecs));
  api.route(
    "/",
    createGateway({ ecs, functions, parameters, logs, quotas, dynamoDb, faults, guard, closing: closing.signal }),
  );

  return {
    endpointUrl: server.url,
    dynamoDbUrl: dynamoDb.endpointUrl,
    dynamoDb: dynamoDb.client,
    events,
    parameters,
    logs,
    quotas,
    cluster,
    get authorize() {
      return guard.authorize;
    },
    set authorize(authorize) {
      guard.authorize = authorize;
    },
    functionUrl: (name) => functions.url(name),
    control: createAwsControl({ ecs, faults, events, functions, logs, quotas }),
    tasks: () => ecs.tasks().map(viewOf),
    stopTask: async (taskIdOrArn, reason = "Stopped by the test") => {
      const task = ecs.task(taskIdOrArn);
      if (!task) throw new Error(`there is no task ${taskIdOrArn}`);
      await task.stop(reason);
      return viewOf(task);
    },
    planFault: (fault) => faults.plan(fault),
    invoke: async (functionName, payload = {}) => functions.get(functionName).invoke(JSON.stringify(payload)),
    putFunction: (name, definition) => functions.put(name, definition),
    removeFunction: (name) => functions.remove(name),
    addFunctionUrl: (name) => functions.addUrl(name),
    removeFunctionUrl: (name) => functions.removeUrl(name),
    putTaskDefinition: (family, definition) => ecs.definitions.put(family, definition),
    removeTaskDefinition: (familyOrRevision) => ecs.definitions.remove(familyOrRevision),
    putCluster: (name) => ecs.putCluster(name),
    removeCluster: (name) => ecs.removeCluster(name),
    createTable: (input, { timeToLiveAttribute } = {}) => dynamoDb.createTable(input, timeToLiveAttribute),
    deleteTable: (name) => dynamoDb.deleteTable(name),
    addRule: (rule) => events.addRule(rule),
    removeRule: (name) => events.removeRule(name),
    addSchedule: (added) => events.addSchedule(added),
    removeSchedule: (name) => events.removeSchedule(name),
    close: async (graceMs = 3_000) => {
      if (closing.signal.aborted) return;
      closing.abort();
      // Nothing new first: then what runs, and last the address that it talks to.
      await functions.closeUrls();
      await functions.close();
      await events.close();
      await ecs.close(graceMs);
      await dynamoDb.close();
      await server.close();
    },
  };
};
