import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../bridge-task/errors.ts";
import type { EventLog } from "../event-log.ts";
import { accountId, region } from "./arns.ts";
import { checkPattern, matchesPattern } from "./event-pattern.ts";
import type { Functions } from "./functions.ts";
import type { Json } from "./json.ts";
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
export const stateChangeOf = (task: Task): Json => ({
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
    updatedAt: isoOf(task.stoppedAtMs ?? task.startedAtMs ?? task.createdAtMs),
    tags: undefined,
    version: 5,
  },
});

/** A pattern that events are held against: arrays of exact values, nested as the event is. */
export interface Rule {
  name: string;
  pattern: Json;
  functionName: string;
}

/** A function that is invoked at a rate, as EventBridge Scheduler does. */
export interface Schedule {
  name: string;
  functionName: string;
  everyMs: number;
}

export interface EventBridgeOptions {
  log: EventLog;
  functions: Functions;
}

/** The rule of which tasks that stopped are told to a function. */
export const stoppedTasks: Json = {
  source: ["aws.ecs"],
  "detail-type": ["ECS Task State Change"],
  detail: { lastStatus: ["STOPPED"] },
};

/** Rules and schedules: who invokes functions without being asked. */
export class EventBridge {
  faults: TaskEventFaults = noTaskEventFaults;
  readonly #options: EventBridgeOptions;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #rules = new Map<string, Rule>();
  readonly #schedules = new Map<string, NodeJS.Timeout>();

  constructor(options: EventBridgeOptions) {
    this.#options = options;
  }

  /** One of the same name is replaced. Throws AwsError for a pattern that EventBridge refuses. */
  addRule(rule: Rule): void {
    checkPattern(rule.pattern);
    this.#rules.set(rule.name, rule);
  }

  removeRule(name: string): void {
    this.#rules.delete(name);
  }

  /** One of the same name is replaced. */
  addSchedule({ name, functionName, everyMs }: Schedule): void {
    this.removeSchedule(name);
    if (this.#closing.signal.aborted) return;
    this.#schedules.set(
      name,
      setInterval(() => this.#start(functionName, {}), everyMs),
    );
  }

  removeSchedule(name: string): void {
    clearInterval(this.#schedules.get(name));
    this.#schedules.delete(name);
  }

  /** An event for each change of a task's status. */
  taskChanged(task: Task): void {
    const { duplicate, delayMs, lost } = this.faults;
    if (lost || this.#rules.size === 0) return;
    const event = stateChangeOf(task);
    for (let copy = 0; copy < (duplicate ? 2 : 1); copy += 1) this.put(event, delayMs * (copy + 1));
  }

  /** Invokes the functions of the rules that the event matches. */
  put(event: Json, delayMs = 0): void {
    for (const { pattern, functionName } of this.#rules.values()) {
      if (matchesPattern(pattern, event)) this.#start(functionName, event, delayMs);
    }
  }

  /** Resolves when everything that was invoked so far has answered. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    for (const name of [...this.#schedules.keys()]) this.removeSchedule(name);
    this.#closing.abort();
    await this.settled();
  }

  #start(functionName: string, event: Json, delayMs = 0): void {
    if (this.#closing.signal.aborted) return;
    const run = this.#invoke(functionName, event, delayMs).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** The log has what goes wrong: nobody waits for the answer of an event. */
  async #invoke(functionName: string, event: Json, delayMs: number): Promise<void> {
    const { log, functions } = this.#options;
    try {
      await sleep(delayMs, undefined, { signal: this.#closing.signal });
    } catch {
      return; // The local cloud closes: events on their way are lost with it.
    }
    try {
      await functions.get(functionName).invoke(JSON.stringify(event));
    } catch (error) {
      // Of a function that was removed, or cannot take more. Lambda and EventBridge would try again for a while.
      log.record("aws", "events.failed", { function: functionName, error: messageOf(error) });
    }
  }
}
