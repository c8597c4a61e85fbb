import { withDeadline } from "../../../bridge-task/deadline.ts";
import { messageOf } from "../../../bridge-task/errors.ts";
import { type EventLog, epochMs } from "../event-log.ts";
import { clusterArn, taskArn } from "./arns.ts";
import type { RunTaskRequest } from "./run-task-request.ts";
import { Sandbox, type SandboxExit } from "./sandbox.ts";
import type { TaskDefinition } from "./task-definition.ts";
import type { RegisteredTaskDefinition } from "./task-definitions.ts";

export type TaskStatus = "PROVISIONING" | "PENDING" | "RUNNING" | "STOPPED";
export type StopCode = "TaskFailedToStart" | "EssentialContainerExited" | "UserInitiated";

export interface OutputLine {
  stream: "stdout" | "stderr";
  line: string;
}

export interface TaskOptions {
  log: EventLog;
  cluster: string;
  registered: RegisteredTaskDefinition;
  taskId: string;
  request: RunTaskRequest;
  /** What ECS and the local cloud add to the environment: metadata URI, credentials, endpoints. */
  platformEnv: Readonly<Record<string, string>>;
  /** The values of the definition's secrets, asked for when the container is to start. Throws with why it cannot. */
  prepare(task: Task): Record<string, string>;
  /** Called after each change of status. */
  onStatus(task: Task): void;
  /** How long the task stays PROVISIONING and PENDING in all. */
  launchDelayMs: number;
  onOutput(line: string): void;
}

/** A task keeps this many lines of its output, the newest. */
const maxKeptLines = 2_000;

/** One task: a child process on its way from PROVISIONING to STOPPED. */
export class Task {
  readonly id: string;
  readonly arn: string;
  readonly cluster: string;
  readonly registered: RegisteredTaskDefinition;
  readonly startedBy: string | undefined;
  readonly createdAtMs = epochMs();
  /** Resolves when STOPPED. */
  readonly stopped: Promise<void>;
  readonly output: OutputLine[] = [];
  status: TaskStatus = "PROVISIONING";
  desiredStatus: "RUNNING" | "STOPPED" = "RUNNING";
  exitCode: number | undefined;
  stopCode: StopCode | undefined;
  stoppedReason: string | undefined;
  startedAtMs: number | undefined;
  stoppingAtMs: number | undefined;
  stoppedAtMs: number | undefined;
  readonly #options: TaskOptions;
  readonly #resolveStopped: () => void;
  #sandbox: Sandbox | undefined;
  #launchTimer: NodeJS.Timeout | undefined;

  constructor(options: TaskOptions) {
    this.#options = options;
    this.id = options.taskId;
    this.arn = taskArn(options.cluster, options.taskId);
    this.cluster = options.cluster;
    this.registered = options.registered;
    this.startedBy = options.request.startedBy;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    this.#record("task.pending", { startedBy: this.startedBy, env: this.#overrides() });
    this.#launchTimer = setTimeout(() => {
      this.#become("PENDING");
      this.#launchTimer = setTimeout(() => this.#launch(), options.launchDelayMs / 2);
    }, options.launchDelayMs / 2);
  }

  get definition(): TaskDefinition {
    return this.registered.definition;
  }

  get family(): string {
    return this.registered.family;
  }

  get pid(): number | undefined {
    return this.#sandbox?.pid;
  }

  /** SIGTERM, and SIGKILL after `graceMs` (the definition's stopTimeout unless told). Resolves when STOPPED. */
  async stop(reason: string, graceMs = this.definition.stopTimeoutSeconds * 1000): Promise<void> {
    if (this.status === "STOPPED") return;
    this.desiredStatus = "STOPPED";
    this.stoppingAtMs ??= epochMs();
    this.stopCode ??= "UserInitiated";
    this.stoppedReason ??= reason;
    if (this.#sandbox === undefined) {
      clearTimeout(this.#launchTimer);
      this.#finish({ exitCode: undefined });
      return;
    }
    this.#sandbox.terminate();
    await withDeadline(this.stopped, graceMs, `task ${this.id} after SIGTERM`).catch(() => this.#sandbox?.kill());
    await this.stopped;
  }

  /** SIGKILL without a word, as when a process runs out of memory. */
  kill(): void {
    this.#sandbox?.kill();
  }

  #overrides(): Record<string, string> {
    const { definition } = this;
    const { request } = this.#options;
    const override = request.containerOverrides.find(({ name }) => name === definition.container);
    return Object.fromEntries((override?.environment ?? []).map(({ name, value }) => [name, value]));
  }

  #launch(): void {
    const { definition } = this;
    const { request, platformEnv, prepare } = this.#options;
    const command = request.containerOverrides.find(({ name }) => name === definition.container)?.command;
    let secrets: Record<string, string>;
    try {
      secrets = prepare(this);
    } catch (error) {
      this.stopCode = "TaskFailedToStart";
      this.stoppedReason = `ResourceInitializationError: ${messageOf(error)}`;
      this.#finish({ exitCode: undefined });
      return;
    }
    this.startedAtMs = epochMs();
    const sandbox = new Sandbox({
      command: command ?? definition.command,
      env: { ...platformEnv, ...definition.env, ...secrets, ...this.#overrides() },
      onLine: (line, stream) => this.#onOutput({ stream, line }),
      ...(definition.cwd === undefined ? {} : { cwd: definition.cwd }),
    });
    this.#sandbox = sandbox;
    this.#record("task.running", { startedAtMs: this.startedAtMs, pid: sandbox.pid });
    sandbox.exited.then((exit) => this.#finish(exit));
    this.#become("RUNNING");
  }

  #become(status: TaskStatus): void {
    this.status = status;
    this.#options.onStatus(this);
  }

  #onOutput(output: OutputLine): void {
    this.output.push(output);
    if (this.output.length > maxKeptLines) this.output.shift();
    this.#record("task.output", { ...output });
    this.#options.onOutput(output.line);
  }

  #finish({ exitCode, error }: SandboxExit): void {
    this.desiredStatus = "STOPPED";
    this.exitCode = exitCode;
    this.stoppedAtMs = epochMs();
    this.stoppingAtMs ??= this.stoppedAtMs;
    this.stopCode ??= error ? "TaskFailedToStart" : "EssentialContainerExited";
    this.stoppedReason ??= error ? `CannotStartContainerError: ${error.message}` : "Essential container in task exited";
    this.status = "STOPPED";
    this.#record("task.stopped", { exitCode, stopCode: this.stopCode, stoppedReason: this.stoppedReason });
    this.#resolveStopped();
    this.#options.onStatus(this);
  }

  #record(type: string, data: Record<string, unknown>): void {
    this.#options.log.record("aws", type, { taskArn: this.arn, taskId: this.id, ...data });
  }

  /** The task as DescribeTasks tells it. Times are Unix epoch in seconds, as awsJson1.1 writes them. */
  describe({ withTags = false } = {}): Record<string, unknown> {
    const { cluster, definition } = this;
    const { request } = this.#options;
    const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
    return {
      taskArn: this.arn,
      clusterArn: clusterArn(cluster),
      taskDefinitionArn: this.registered.arn,
      group: `family:${this.family}`,
      launchType: "FARGATE",
      capacityProviderName: request.capacityProvider,
      platformFamily: "Linux",
      platformVersion: "1.4.0",
      lastStatus: this.status,
      desiredStatus: this.desiredStatus,
      startedBy: this.startedBy,
      createdAt: seconds(this.createdAtMs),
      startedAt: seconds(this.startedAtMs),
      stoppingAt: seconds(this.stoppingAtMs),
      stoppedAt: seconds(this.stoppedAtMs),
      stopCode: this.stopCode,
      stoppedReason: this.stoppedReason,
      overrides: request.overrides ?? {},
      containers: [
        {
          name: definition.container,
          taskArn: this.arn,
          lastStatus: this.status === "PROVISIONING" ? "PENDING" : this.status,
          exitCode: this.exitCode,
        },
      ],
      tags: withTags ? request.tags : [],
    };
  }
}
