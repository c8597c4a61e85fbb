import { randomUUID } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { userId as agentUserId } from "../../bridge-task/agents/lucy/joins.ts";
import { leastScore } from "../caller/evidence.ts";
import { Person } from "../caller/person.ts";
import type { TaskView } from "../cloud/aws/index.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
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

/** One call on a local cloud, as a whole-call test looks at it. */
export class Scene {
  readonly call = { type: "default", id: `scene-${randomUUID().slice(0, 8)}` };
  readonly cid = `default:${this.call.id}`;
  readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  get streamClient(): StreamClient {
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = this.cloud.info;
    return new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl, timeout: 10_000 });
  }

  /** The first to join creates the call. */
  join(userId: string): Promise<Person> {
    return Person.join({ info: this.cloud.info, call: this.call, userId });
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
    return this.cloud.aws.tasks().filter(({ startedBy }) => startedBy === `default/${this.call.id}`);
  }

  /** The one task of this call. */
  task(): TaskView {
    const [task, ...others] = this.tasks();
    if (!task || others.length > 0)
      throw new Error(`${this.cid} has ${others.length + (task ? 1 : 0)} tasks, expected one`);
    return task;
  }

  /** Resolves when the call's task has ended by itself: with its exit code and the reason that it logged. */
  async taskEnds(timeoutMs: number): Promise<{ exitCode: number | undefined; reason: unknown }> {
    const { taskId } = this.task();
    const ended = ({ type, data }: CloudEvent) => type === "task.stopped" && data.taskId === taskId;
    await this.cloud.log.waitFor(ended, timeoutMs, `the end of the task of ${this.cid}`);
    const { exitCode, output } = this.task();
    const lines = output.filter(({ stream }) => stream === "stdout").map(({ line }) => JSON.parse(line));
    return { exitCode, reason: lines.findLast(({ event }) => event === "task_ending")?.reason };
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

/** The local cloud with the bundles as deployed. The webhook gets the events that it acts on, as an app would set it up. */
export const startStage = async (): Promise<Cloud> => {
  const cloud = await startCloud({ bundles: await sharedBundles() });
  cloud.stream.setWebhook({ url: cloud.info.webhookUrl, eventTypes: ["call.created", "call.session_started"] });
  return cloud;
};

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
