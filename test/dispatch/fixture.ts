import { ECSClient } from "@aws-sdk/client-ecs";
import { expect } from "vitest";
import { type AgentUser, type Assignment, type Job, jobVariable, parseJob } from "../../bridge-task/job.ts";
import { createLogger } from "../../bridge-task/log.ts";
import type { Caps } from "../../functions/config.ts";
import type { Joining } from "../../functions/dispatch/announce-joining.ts";
import { CallsTable, callsTableSchema } from "../../functions/dispatch/calls-table.ts";
import { type AskRequest, createDispatcher, type Dispatcher } from "../../functions/dispatch/dispatcher.ts";
import { createTaskRunner } from "../../functions/dispatch/ecs.ts";
import type { Pair } from "../../functions/dispatch/protocol.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";

export const tableName = "Calls";
export const callsTable = { TableName: tableName, ...callsTableSchema };

export const credentials = { accessKeyId: "LOCAL", secretAccessKey: "local" };

export const target = {
  cluster: "local",
  taskDefinition: "bridge",
  container: "bridge",
  subnets: ["subnet-1"],
  securityGroups: ["sg-1"],
  capacity: "on-demand" as const,
};

export interface StartedTask {
  taskArn: string;
  job: Job;
}

/** DynamoDB and ECS on loopback, and a dispatcher over them whose tasks do nothing but run. */
export interface Fixture {
  aws: AwsCloud;
  table: CallsTable;
  dispatcher: Dispatcher;
  now(): number;
  /** Says that so much time has passed. */
  advance(ms: number): void;
  announced: Joining[];
  /** Lines of the log. */
  lines: Record<string, unknown>[];
  /** The tasks that were ever started, oldest first. */
  started(): StartedTask[];
  ask(cid: string, request?: Partial<AskRequest> & { user?: AgentUser; agent?: string }): ReturnType<Dispatcher["ask"]>;
  /** What the latest task of an agent does before it joins. */
  confirm(cid: string, userId?: string): Promise<string>;
  /** The latest task of an agent joins this session, and says so. */
  join(cid: string, sessionId: string, userId?: string): Promise<void>;
  /** The latest task of an agent. */
  latest(cid: string, userId?: string): StartedTask;
  /** Its process ends as if it had run out of memory. Nobody is told. */
  die(task: StartedTask): Promise<void>;
  /** The latest task of an agent dies, and is told of as EventBridge does. */
  crash(cid: string, userId?: string): ReturnType<Dispatcher["stopped"]>;
  pair(cid: string, userId?: string): Promise<Pair>;
  close(): Promise<void>;
}

/** A detail as EventBridge has it. */
export const stoppedDetail = (task: StartedTask, rest: Record<string, unknown> = {}): Record<string, unknown> => ({
  taskArn: task.taskArn,
  lastStatus: "STOPPED",
  stopCode: "EssentialContainerExited",
  stoppedReason: "Essential container in task exited",
  containers: [{ name: "bridge", exitCode: 137 }],
  overrides: { containerOverrides: [{ environment: [{ name: jobVariable, value: JSON.stringify(task.job) }] }] },
  ...rest,
});

export const startFixture = async (caps: Caps = { agentsPerCall: 4, callsAtOnce: 100 }): Promise<Fixture> => {
  const log = new EventLog();
  const aws = await startAwsCloud({
    log,
    functions: {},
    tables: [callsTable],
    taskDefinitions: { bridge: { container: "bridge", command: ["sleep", "60"], env: {}, stopTimeoutSeconds: 1 } },
  });
  const ecs = new ECSClient({ endpoint: aws.endpointUrl, region: "us-east-1", credentials, maxAttempts: 1 });
  let passedMs = 0;
  const now = () => Date.now() + passedMs;
  const table = new CallsTable({ client: aws.dynamoDb, tableName, now });
  const announced: Joining[] = [];
  const lines: Record<string, unknown>[] = [];
  const dispatcher = createDispatcher({
    table,
    tasks: createTaskRunner(ecs, target),
    caps,
    announceJoining: async (joining) => void announced.push(joining),
    logger: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
    now,
  });
  const started = (): StartedTask[] =>
    log
      .since()
      .filter(({ type }) => type === "task.pending")
      .map(({ data }) => ({
        taskArn: String(data.taskArn),
        job: parseJob((data.env as Record<string, string>)[jobVariable] ?? ""),
      }));
  const latest = (cid: string, userId = "max"): StartedTask => {
    const found = started().findLast(
      ({ job }) => `${job.call.type}:${job.call.id}` === cid && job.agentUserId === userId,
    );
    if (found === undefined) throw new Error(`no task was started for ${userId} in ${cid}`);
    return found;
  };
  const die = async ({ taskArn }: StartedTask) => {
    const view = () => aws.tasks().find((task) => task.taskArn === taskArn);
    await expect.poll(() => view()?.pid).toBeGreaterThan(1);
    process.kill(view()?.pid ?? Number.NaN, "SIGKILL");
    await expect.poll(() => view()?.status).toBe("STOPPED");
  };
  const confirm = async (cid: string, userId = "max") => {
    const { taskArn, job } = latest(cid, userId);
    const input = { type: "confirm", launchId: job.launchId, taskArn } as const;
    return (await table.change(cid, userId, input)).step.answer.type;
  };
  return {
    aws,
    table,
    dispatcher,
    now,
    advance: (ms) => {
      passedMs += ms;
    },
    announced,
    lines,
    started,
    latest,
    die,
    ask: (cid, { user = { id: "max" }, agent, ...request } = {}) => {
      const [type = "", id = ""] = cid.split(":");
      const assignment: Assignment = { user, ...(agent === undefined ? {} : { agent }) };
      return dispatcher.ask({ call: { type, id }, assignment, source: "post", eventAtMs: now(), ...request });
    },
    confirm,
    join: async (cid, sessionId, userId = "max") => {
      expect(await confirm(cid, userId)).toBe("confirmed");
      const { launchId } = latest(cid, userId).job;
      await table.change(cid, userId, { type: "beat", launchId, sessionId, acknowledged: [] });
    },
    crash: async (cid, userId = "max") => {
      const task = latest(cid, userId);
      await die(task);
      return dispatcher.stopped(stoppedDetail(task));
    },
    pair: async (cid, userId = "max") => {
      const pair = await table.pair(cid, userId);
      if (pair === undefined) throw new Error(`there is no pair of ${userId} in ${cid}`);
      return pair;
    },
    close: async () => {
      ecs.destroy();
      await aws.close(0);
    },
  };
};
