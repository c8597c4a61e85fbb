import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventLog } from "../event-log.ts";
import { accountId, region } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import type { LambdaFunction } from "./lambda-function.ts";
import type { Task } from "./task.ts";

/** How events about tasks are delivered: EventBridge promises at least once, and no order. Holds until changed. */
export interface TaskEventFaults {
  /** Each event comes twice. */
  duplicate: boolean;
  /** Each event comes so much later. */
  delayMs: number;
  /** No event comes. */
  lost: boolean;
}

export const noTaskEventFaults: TaskEventFaults = { duplicate: false, delayMs: 0, lost: false };

const isoOf = (ms: number | undefined) => (ms === undefined ? undefined : new Date(Math.round(ms)).toISOString());

/** "ECS Task State Change" as EventBridge delivers it: the task as DescribeTasks tells it, but with ISO 8601 times. */
export const stateChangeOf = (task: Task): Record<string, unknown> => ({
  version: "0",
  id: randomUUID(),
  "detail-type": "ECS Task State Change",
  source: "aws.ecs",
  account: accountId,
  time: new Date().toISOString(),
  region,
  resources: [task.arn],
  detail: {
    ...task.describe(),
    createdAt: isoOf(task.createdAtMs),
    startedAt: isoOf(task.startedAtMs),
    stoppingAt: isoOf(task.stoppingAtMs),
    stoppedAt: isoOf(task.stoppedAtMs),
    updatedAt: isoOf(task.stoppedAtMs),
    tags: undefined,
    version: 5,
  },
});

export interface EventBridgeOptions {
  log: EventLog;
  functions: ReadonlyMap<string, LambdaFunction>;
  /** Name of the function that is told of every task that stopped. */
  onTaskStopped?: string | undefined;
  /** A function that is invoked at a rate, as EventBridge Scheduler does. */
  schedule?: { functionName: string; everyMs: number } | undefined;
}

/** The rule for stopped tasks and the schedule: who invokes functions without being asked. */
export class EventBridge {
  faults: TaskEventFaults = noTaskEventFaults;
  readonly #options: EventBridgeOptions;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(options: EventBridgeOptions) {
    this.#options = options;
    const { schedule } = options;
    if (schedule) this.#timer = setInterval(() => this.#start(schedule.functionName, {}), schedule.everyMs);
  }

  taskStopped(task: Task): void {
    const { onTaskStopped } = this.#options;
    const { duplicate, delayMs, lost } = this.faults;
    if (onTaskStopped === undefined || lost) return;
    const event = stateChangeOf(task);
    for (let copy = 0; copy < (duplicate ? 2 : 1); copy += 1) this.#start(onTaskStopped, event, delayMs * (copy + 1));
  }

  /** Resolves when everything that was invoked so far has answered. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.settled();
  }

  #start(functionName: string, event: Record<string, unknown>, delayMs = 0): void {
    if (this.#closing.signal.aborted) return;
    const run = this.#invoke(functionName, event, delayMs).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** The log has what goes wrong: nobody waits for the answer of an event. */
  async #invoke(functionName: string, event: Record<string, unknown>, delayMs: number): Promise<void> {
    const { log, functions } = this.#options;
    try {
      await sleep(delayMs, undefined, { signal: this.#closing.signal });
    } catch {
      return; // The local cloud closes: events on their way are lost with it.
    }
    const called = functions.get(functionName);
    if (!called) throw new Error(`there is no function "${functionName}" to invoke`);
    await called.invoke(JSON.stringify(event)).catch((error: unknown) => {
      if (!(error instanceof AwsError)) throw error;
      log.record("aws", "events.failed", { function: functionName, error: error.message });
    });
  }
}
