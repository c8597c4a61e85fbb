import { randomUUID } from "node:crypto";
import type { EventLog } from "../event-log.ts";
import { clusterArn, lastPart, taskDefinitionArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import { parametersOf, type RunTaskRequest, readRunTask } from "./run-task-request.ts";
import { Task, type TaskDefinition } from "./task.ts";

export interface EcsOptions {
  log: EventLog;
  cluster: string;
  taskDefinitions: Readonly<Record<string, TaskDefinition>>;
  /** Added to the environment of a task, by its id. */
  platformEnv(taskId: string): Record<string, string>;
  launchDelayMs: number;
  onOutput?: ((line: string, taskId: string) => void) | undefined;
  onStopped?: ((task: Task) => void) | undefined;
}

type Json = Record<string, unknown>;

/** ECS tells of stopped tasks for about an hour; here the newest of them are kept. */
const maxStoppedTasks = 1_000;

/** ECS forgets a client token after 24 hours. */
const tokenLifetimeMs = 24 * 3_600_000;

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** One cluster: its tasks and what RunTask promised under which client token. */
export class Ecs {
  readonly #options: EcsOptions;
  readonly #tasks = new Map<string, Task>();
  #closed = false;
  readonly #tokens = new Map<string, { parameters: string; tasks: Task[]; atMs: number }>();

  constructor(options: EcsOptions) {
    this.#options = options;
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
    this.#checkCluster(request.cluster);
    const family = this.#familyOf(request.taskDefinition);
    const definition = this.#options.taskDefinitions[family];
    if (definition === undefined) throw new AwsError("ClientException", "TaskDefinition not found.");
    for (const { name } of request.containerOverrides) {
      if (name === definition.container) continue;
      throw new AwsError(
        "InvalidParameterException",
        `Override for container named ${name} is not a container in the TaskDefinition.`,
      );
    }
    const tasks = this.#promised(request, parametersOf(input)) ?? this.#start(request, family, definition);
    if (request.clientToken !== undefined && !this.#tokens.has(request.clientToken)) {
      this.#tokens.set(request.clientToken, { parameters: parametersOf(input), tasks, atMs: Date.now() });
    }
    return { tasks: tasks.map((task) => task.describe({ withTags: true })), failures: [] };
  }

  describeTasks(input: Json): Json {
    this.#checkCluster(input.cluster);
    const wanted = textsOf(input.tasks);
    if (wanted.length === 0) throw new AwsError("InvalidParameterException", "Tasks cannot be empty.");
    if (wanted.length > 100) throw new AwsError("InvalidParameterException", "Tasks can have at most 100 items.");
    const withTags = textsOf(input.include).includes("TAGS");
    const found = wanted.map((idOrArn) => ({ idOrArn, task: this.task(idOrArn) }));
    return {
      tasks: found.flatMap(({ task }) => task?.describe({ withTags }) ?? []),
      failures: found.flatMap(({ idOrArn, task }) => (task ? [] : { arn: idOrArn, reason: "MISSING" })),
    };
  }

  listTasks(input: Json): Json {
    this.#checkCluster(input.cluster);
    const desiredStatus = input.desiredStatus ?? "RUNNING";
    const maxResults = typeof input.maxResults === "number" ? input.maxResults : 100;
    const first = Number(input.nextToken ?? 0);
    const matching = this.tasks().filter(
      (task) =>
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
    this.#checkCluster(input.cluster);
    const task = this.task(String(input.task ?? ""));
    if (task === undefined) throw new AwsError("InvalidParameterException", "The referenced task was not found.");
    void task.stop(typeof input.reason === "string" ? input.reason : "Task stopped by user");
    return { task: task.describe() };
  }

  /** Stops every task; those that have not gone `graceMs` after SIGTERM get SIGKILL. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all(this.tasks().map((task) => task.stop("The local cloud closes", graceMs)));
  }

  #checkCluster(value: unknown): void {
    const known = [this.#options.cluster, clusterArn(this.#options.cluster)];
    if (!known.includes(String(value ?? "default")))
      throw new AwsError("ClusterNotFoundException", "Cluster not found.");
  }

  /** The family in "family", "family:1" or an ARN; the local cloud has one revision of each. */
  #familyOf(taskDefinition: string): string {
    const families = Object.keys(this.#options.taskDefinitions);
    const named = (family: string) => [family, `${family}:1`, taskDefinitionArn(family)].includes(taskDefinition);
    return families.find(named) ?? "";
  }

  /** The tasks that an earlier request with this token started, dead or alive. */
  #promised(request: RunTaskRequest, parameters: string): Task[] | undefined {
    for (const [token, { atMs }] of this.#tokens) if (Date.now() - atMs > tokenLifetimeMs) this.#tokens.delete(token);
    const promise = request.clientToken === undefined ? undefined : this.#tokens.get(request.clientToken);
    if (promise !== undefined && promise.parameters !== parameters) {
      throw new AwsError("ConflictException", "The client token was used with other parameters.", {
        members: { resourceIds: promise.tasks.map(({ arn }) => arn) },
      });
    }
    return promise?.tasks;
  }

  #start(request: RunTaskRequest, family: string, definition: TaskDefinition): Task[] {
    return Array.from({ length: request.count }, () => {
      const taskId = randomUUID().replaceAll("-", "");
      const { log, cluster, launchDelayMs, onOutput } = this.#options;
      const platformEnv = this.#options.platformEnv(taskId);
      const task = new Task({
        log,
        cluster,
        family,
        definition,
        taskId,
        request,
        platformEnv,
        launchDelayMs,
        onOutput,
      });
      this.#tasks.set(taskId, task);
      task.stopped.then(() => {
        this.#options.onStopped?.(task);
        this.#forgetOldest();
      });
      return task;
    });
  }

  #forgetOldest(): void {
    const stopped = this.tasks().filter(({ status }) => status === "STOPPED");
    for (const { id } of stopped.slice(0, Math.max(0, stopped.length - maxStoppedTasks))) this.#tasks.delete(id);
  }
}
