import { randomUUID } from "node:crypto";
import type { EventLog } from "../event-log.ts";
import { clusterArn, lastPart } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import { type Json, textsOf } from "./json.ts";
import { parametersOf, type RunTaskRequest, readRunTask } from "./run-task-request.ts";
import { Task } from "./task.ts";
import { describeTaskDefinition } from "./task-definition.ts";
import { type RegisteredTaskDefinition, TaskDefinitions } from "./task-definitions.ts";

export interface EcsOptions {
  log: EventLog;
  /** Name of the cluster that is there from the beginning. */
  cluster: string;
  /** Added to the environment of a task. */
  platformEnv(taskId: string): Record<string, string>;
  /** The values of its definition's secrets, when a task's container is to start. Throws with why it cannot. */
  prepare(task: Task): Record<string, string>;
  launchDelayMs: number;
  onOutput(line: string, task: Task): void;
  /** Called after each change of a task's status. */
  onStatus(task: Task): void;
}

/** ECS tells of stopped tasks for about an hour; here the newest of them are kept. */
const maxStoppedTasks = 1_000;

/** ECS forgets a client token after 24 hours. */
const tokenLifetimeMs = 24 * 3_600_000;

/** Clusters, task definitions, tasks, and what RunTask promised under which client token. */
export class Ecs {
  readonly definitions = new TaskDefinitions();
  readonly #options: EcsOptions;
  readonly #clusters: Set<string>;
  readonly #tasks = new Map<string, Task>();
  #closed = false;
  readonly #tokens = new Map<string, { parameters: string; tasks: Task[]; atMs: number }>();

  constructor(options: EcsOptions) {
    this.#options = options;
    this.#clusters = new Set([options.cluster]);
  }

  /** Returns its ARN. */
  putCluster(name: string): string {
    this.#clusters.add(name);
    return clusterArn(name);
  }

  /** Tasks that run in it go on. */
  removeCluster(name: string): void {
    this.#clusters.delete(name);
  }

  tasks(): Task[] {
    return [...this.#tasks.values()];
  }

  /** By id or ARN. */
  task(idOrArn: string): Task | undefined {
    return this.#tasks.get(lastPart(idOrArn));
  }

  runTask(input: Json): Json {
    if (this.#closed) throw new AwsError("ServerException", "The local cloud is closed", { status: 500 });
    const request = readRunTask(input);
    const cluster = this.clusterOf(request.cluster);
    const registered = this.definitions.findActive(request.taskDefinition);
    for (const { name } of request.containerOverrides) {
      if (name === registered.definition.container) continue;
      throw new AwsError(
        "InvalidParameterException",
        `Override for container named ${name} is not a container in the TaskDefinition.`,
      );
    }
    // A token is one of its cluster's.
    const token = request.clientToken && `${cluster} ${request.clientToken}`;
    const tasks = this.#promised(token, parametersOf(input)) ?? this.#start(request, cluster, registered);
    if (token !== undefined && !this.#tokens.has(token)) {
      this.#tokens.set(token, { parameters: parametersOf(input), tasks, atMs: Date.now() });
    }
    return { tasks: tasks.map((task) => task.describe({ withTags: true })), failures: [] };
  }

  describeTaskDefinition(input: Json): Json {
    const found = this.definitions.find(String(input.taskDefinition ?? ""));
    if (found === undefined) throw new AwsError("ClientException", "Unable to describe task definition.");
    return { taskDefinition: describeTaskDefinition(found, this.#options.cluster), tags: [] };
  }

  describeClusters(input: Json): Json {
    const wanted = input.clusters === undefined ? ["default"] : textsOf(input.clusters);
    const known = wanted.filter((nameOrArn) => this.#clusters.has(lastPart(nameOrArn)));
    return {
      clusters: known.map((nameOrArn) => this.#describeCluster(lastPart(nameOrArn))),
      failures: wanted
        .filter((one) => !known.includes(one))
        .map((one) => ({ arn: clusterArn(lastPart(one)), reason: "MISSING" })),
    };
  }

  describeTasks(input: Json): Json {
    const cluster = this.clusterOf(input.cluster);
    const wanted = textsOf(input.tasks);
    if (wanted.length === 0) throw new AwsError("InvalidParameterException", "Tasks cannot be empty.");
    if (wanted.length > 100) throw new AwsError("InvalidParameterException", "Tasks can have at most 100 items.");
    const withTags = textsOf(input.include).includes("TAGS");
    const found = wanted.map((idOrArn) => ({ idOrArn, task: this.#taskIn(cluster, idOrArn) }));
    return {
      tasks: found.flatMap(({ task }) => task?.describe({ withTags }) ?? []),
      failures: found.flatMap(({ idOrArn, task }) => (task ? [] : { arn: idOrArn, reason: "MISSING" })),
    };
  }

  listTasks(input: Json): Json {
    const cluster = this.clusterOf(input.cluster);
    const desiredStatus = input.desiredStatus ?? "RUNNING";
    const maxResults = typeof input.maxResults === "number" ? input.maxResults : 100;
    const first = Number(input.nextToken ?? 0);
    const matching = this.tasks().filter(
      (task) =>
        task.cluster === cluster &&
        task.desiredStatus === desiredStatus &&
        (input.startedBy === undefined || task.startedBy === input.startedBy) &&
        (input.family === undefined || task.family === input.family),
    );
    const next = first + maxResults;
    return {
      taskArns: matching.slice(first, next).map(({ arn }) => arn),
      ...(next < matching.length ? { nextToken: String(next) } : {}),
    };
  }

  stopTask(input: Json): Json {
    const task = this.#taskIn(this.clusterOf(input.cluster), String(input.task ?? ""));
    if (task === undefined) throw new AwsError("InvalidParameterException", "The referenced task was not found.");
    void task.stop(typeof input.reason === "string" ? input.reason : "Task stopped by user");
    return { task: task.describe() };
  }

  /** Stops every task; those that have not gone `graceMs` after SIGTERM get SIGKILL. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all(this.tasks().map((task) => task.stop("The local cloud closes", graceMs)));
  }

  /** The name of the cluster that a request names or means. Throws ClusterNotFoundException. */
  clusterOf(nameOrArn: unknown): string {
    const text = String(nameOrArn ?? "default");
    const name = lastPart(text);
    if (this.#clusters.has(name) && [name, clusterArn(name)].includes(text)) return name;
    throw new AwsError("ClusterNotFoundException", "Cluster not found.");
  }

  #taskIn(cluster: string, idOrArn: string): Task | undefined {
    const task = this.task(idOrArn);
    return task?.cluster === cluster ? task : undefined;
  }

  #describeCluster(name: string): Json {
    const count = (...statuses: string[]) =>
      this.tasks().filter(({ cluster, status }) => cluster === name && statuses.includes(status)).length;
    return {
      clusterArn: clusterArn(name),
      clusterName: name,
      status: "ACTIVE",
      runningTasksCount: count("RUNNING"),
      pendingTasksCount: count("PROVISIONING", "PENDING"),
      activeServicesCount: 0,
      registeredContainerInstancesCount: 0,
      capacityProviders: ["FARGATE", "FARGATE_SPOT"],
    };
  }

  /** The tasks that an earlier request with this token started, dead or alive. */
  #promised(token: string | undefined, parameters: string): Task[] | undefined {
    for (const [known, { atMs }] of this.#tokens) if (Date.now() - atMs > tokenLifetimeMs) this.#tokens.delete(known);
    const promise = token === undefined ? undefined : this.#tokens.get(token);
    if (promise !== undefined && promise.parameters !== parameters) {
      throw new AwsError("ConflictException", "The client token was used with other parameters.", {
        members: { resourceIds: promise.tasks.map(({ arn }) => arn) },
      });
    }
    return promise?.tasks;
  }

  #start(request: RunTaskRequest, cluster: string, registered: RegisteredTaskDefinition): Task[] {
    return Array.from({ length: request.count }, () => {
      const taskId = randomUUID().replaceAll("-", "");
      const { log, launchDelayMs, prepare, platformEnv, onOutput, onStatus } = this.#options;
      const task: Task = new Task({
        log,
        cluster,
        registered,
        taskId,
        request,
        platformEnv: platformEnv(taskId),
        prepare,
        launchDelayMs,
        onOutput: (line) => onOutput(line, task),
        onStatus,
      });
      this.#tasks.set(taskId, task);
      onStatus(task);
      task.stopped.then(() => this.#forgetOldest());
      return task;
    });
  }

  #forgetOldest(): void {
    const stopped = this.tasks().filter(({ status }) => status === "STOPPED");
    for (const { id } of stopped.slice(0, Math.max(0, stopped.length - maxStoppedTasks))) this.#tasks.delete(id);
  }
}
