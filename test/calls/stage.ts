import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StreamClient } from "@stream-io/node-sdk";
import { userId as agentUserId } from "../../bridge-task/agents/lucy/joins.ts";
import { leastScore } from "../caller/evidence.ts";
import { Person } from "../caller/person.ts";
import type { TaskView } from "../cloud/aws/index.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Cloud, type CloudOptions, startCloud } from "../cloud/index.ts";
import type { Rule } from "../cloud/openai/mind.ts";
import { sharedBundles } from "../support/bundles.ts";
import { correlate, signal } from "../support/signals.ts";

export { agentUserId };

const joinTimeoutMs = 15_000;

const greetingMs = 3_000;

/** What the agent says to greet, as a test signal. */
export const greeting: Rule = {
  when: { after: "nothing" },
  reply: { text: "Hello.", speech: { signal: "greeting", durationMs: greetingMs } },
};

/**
 * How often the greeting is in what a person received, by its last 1.2 s: on a busy machine the person's connection may
 * come up when the agent is speaking already.
 */
export const greetingsIn = (received: Int16Array): number => {
  const end = signal("greeting", greetingMs).subarray(-1_200 * 24);
  const rest = received.slice();
  for (let count = 0; ; count += 1) {
    const { score, atSample } = correlate(rest, end);
    if (score < leastScore) return count;
    rest.fill(0, Math.max(0, atSample), atSample + end.length);
  }
};

export interface ApiAnswer {
  status: number;
  body: unknown;
}

/** A task that has ended: its exit code, and the reason that it logged. */
export interface TaskEnd {
  exitCode: number | undefined;
  reason: unknown;
}

/** One call on a local cloud, as a whole-call test looks at it. */
export class Scene {
  readonly call: { type: string; id: string };
  readonly cid: string;
  readonly cloud: Cloud;

  constructor(cloud: Cloud, type = "default") {
    this.cloud = cloud;
    this.call = { type, id: `scene-${randomUUID().slice(0, 8)}` };
    this.cid = `${type}:${this.call.id}`;
  }

  /** The call, for the application's own server. */
  get streamCall() {
    return this.streamClient.video.call(this.call.type, this.call.id);
  }

  get streamClient(): StreamClient {
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = this.cloud.info;
    return new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl, timeout: 10_000 });
  }

  /** The first to join creates the call. */
  join(userId: string): Promise<Person> {
    return Person.join({ info: this.cloud.info, call: this.call, userId });
  }

  /** The application creates the call, and nobody is in it. */
  async create(data: { custom?: Record<string, unknown>; starts_at?: Date } = {}): Promise<void> {
    await this.streamClient.upsertUsers([{ id: "app" }]);
    await this.streamCall.getOrCreate({ data: { created_by_id: "app", ...data } });
  }

  /** The HTTP API, as the application's backend calls it. `path` is below the call's agents. */
  async api(method: "GET" | "POST" | "PATCH" | "DELETE", path = "", body?: object): Promise<ApiAnswer> {
    const { agentsUrl, agentsKey } = this.cloud.info;
    const response = await fetch(`${agentsUrl}/calls/${this.call.type}/${this.call.id}/agents${path}`, {
      method,
      headers: { authorization: `Bearer ${agentsKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** Asks for an agent by the HTTP API. */
  post(assignment: object): Promise<ApiAnswer> {
    return this.api("POST", "", assignment);
  }

  /** The record of an agent's latest stay, once it is written. */
  async record(userId = agentUserId, timeoutMs = 10_000): Promise<Record<string, unknown>> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const { status, body } = await this.api("GET", `/${userId}/record`);
      if (status === 200) return body as Record<string, unknown>;
      if (performance.now() > deadlineMs) throw new Error(`${userId} left no record of ${this.cid} (${status})`);
      await sleep(100);
    }
  }

  /** Events of the call that Stream has made so far, oldest first. */
  events(type: string): CloudEvent[] {
    return this.cloud.log.since().filter((event) => event.type === type && event.data.cid === this.cid);
  }

  /** Resolves when the agent is in the call. */
  agentJoins(userId = agentUserId): Promise<CloudEvent> {
    const isAgent = ({ type, data }: CloudEvent) =>
      type === "sfu.joined" && data.cid === this.cid && data.userId === userId;
    return this.cloud.log.waitFor(isAgent, joinTimeoutMs, `${userId} in ${this.cid}`);
  }

  /** User ids of everybody in the SFU's room. */
  present(): string[] {
    return this.cloud.stream.sfu.participants(this.cid).map(({ user }) => user.id);
  }

  /** All tasks that were ever started for this call. */
  tasks(): TaskView[] {
    return this.cloud.aws.tasks().filter(({ startedBy }) => startedBy === `${this.call.type}/${this.call.id}`);
  }

  /** The one task of this call. */
  task(): TaskView {
    const [task, ...others] = this.tasks();
    if (!task || others.length > 0)
      throw new Error(`${this.cid} has ${others.length + (task ? 1 : 0)} tasks, expected one`);
    return task;
  }

  /** Resolves when this many tasks were started for the call, with the latest. */
  async taskStarts(count: number, timeoutMs: number): Promise<TaskView> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const task = this.tasks()[count - 1];
      if (task) return task;
      if (performance.now() > deadlineMs) throw new Error(`${this.cid} has no task ${count} after ${timeoutMs} ms`);
      await sleep(50);
    }
  }

  /** Resolves when the call's one task, or this one, has ended by itself. */
  async taskEnds(timeoutMs: number, { taskId }: Pick<TaskView, "taskId"> = this.task()): Promise<TaskEnd> {
    const ended = ({ type, data }: CloudEvent) => type === "task.stopped" && data.taskId === taskId;
    await this.cloud.log.waitFor(ended, timeoutMs, `the end of the task of ${this.cid}`);
    const task = this.tasks().find((candidate) => candidate.taskId === taskId);
    const lines = (task?.output ?? []).filter(({ stream }) => stream === "stdout").map(({ line }) => JSON.parse(line));
    return { exitCode: task?.exitCode, reason: lines.findLast(({ event }) => event === "task_ending")?.reason };
  }

  /** Events of the model session that this call's agent has, oldest first. */
  modelEvents(sinceMs = 0): CloudEvent[] {
    const { id } = this.session();
    return this.cloud.log.since().filter(({ atMs, data }) => atMs >= sinceMs && data.sessionId === id);
  }

  /** The newest model session: scenes play one after the other where they use it. */
  session() {
    const session = this.cloud.openai.sessions().at(-1);
    if (!session) throw new Error("no model session was opened");
    return session;
  }
}

/** The local cloud with the bundles as deployed. */
export const startStage = async (options: CloudOptions = {}): Promise<Cloud> =>
  startCloud({ bundles: await sharedBundles(), ...options });

/** True once no process has this id. */
export const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    // ESRCH: there is no such process, which is what is asked.
    return true;
  }
};
