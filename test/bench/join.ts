import { messageOf } from "../../bridge-task/errors.ts";
import { voiceDbfs } from "../caller/ear.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import { sharedBundles } from "../support/bundles.ts";
import { agentUserId, BenchCall, decodePackets, type Progress } from "./cloud-under-test.ts";
import { createCpuQuota } from "./cpu-quota.ts";
import type { Metrics, Result } from "./report.ts";
import { spreadOf } from "./statistics.ts";

/** Each is the time between two things that were seen outside of the bridge, in milliseconds. */
interface Join {
  /** Process started → the SFU let it in and the model acknowledged its settings, whichever is later. */
  startToJoinedMs: number;
  /** Process started → first packet with voice in it reached the SFU. */
  startToGreetingMs: number;
  /** Webhook sent → the same packet. */
  webhookToGreetingMs: number;
}

const names = ["startToJoinedMs", "startToGreetingMs", "webhookToGreetingMs"] as const;
/** The person is in the call and settled before the webhook is sent: what they cost shall not be in the numbers. */
const webhookDelayMs = 700;
const joinTimeoutMs = 30_000;
const endTimeoutMs = 20_000;

/** Reads the times of a join off what the stand-ins saw; the greeting is told by its decoded sound. */
const timesOf = async (call: BenchCall): Promise<Join> => {
  const { cloud, cid } = call;
  const taskId = await call.taskId(joinTimeoutMs);
  const events = cloud.log.since();
  const find = (type: string, match: (event: CloudEvent) => boolean): CloudEvent => {
    const event = events.find((candidate) => candidate.type === type && match(candidate));
    if (!event) throw new Error(`the agent spoke in ${cid}, but there was no ${type}`);
    return event;
  };
  const startedAtMs = Number(find("task.running", ({ data }) => data.taskId === taskId).data.startedAtMs);
  const joined = find("sfu.joined", ({ data }) => data.cid === cid && data.userId === agentUserId);
  // One bridge runs at a time, so the next acknowledgement is its own.
  const ready = find("server.session.updated", ({ atMs }) => atMs > startedAtMs);
  const told = find(
    "webhook.delivered",
    ({ atMs, data }) => data.type === "call.created" && atMs > startedAtMs - webhookDelayMs,
  );
  const agent = await decodePackets(call.packetsOf(agentUserId));
  const greeting = agent.find(({ dbfs }) => dbfs > voiceDbfs);
  if (!greeting) throw new Error(`the agent spoke in ${cid}, but its packets hold no voice`);
  return {
    startToJoinedMs: Math.max(joined.atMs, ready.atMs) - startedAtMs,
    startToGreetingMs: greeting.arrivalMs - startedAtMs,
    webhookToGreetingMs: greeting.arrivalMs - (told.atMs - Number(told.data.tookMs)),
  };
};

const measureOne = async (cloud: Cloud): Promise<Join> => {
  const call = new BenchCall(cloud);
  const person = await call.join();
  try {
    // Told by the SFU, not by the person: their own connection to the agent's new track may come up a moment later.
    const isGreeting = ({ type, data }: CloudEvent) =>
      type === "sfu.first_voiced_packet" && data.cid === call.cid && data.userId === agentUserId;
    await cloud.log.waitFor(isGreeting, joinTimeoutMs, `a greeting in ${call.cid}`);
    // The answer to the webhook may come after the greeting where the function is slower than the bridge.
    await cloud.stream.coordinator.webhooks.settled();
    return await timesOf(call);
  } finally {
    await call.end(endTimeoutMs);
    await person.leave();
  }
};

/** The spread of `count` joins, each with a process of its own. */
export const measureJoins = async (cloud: Cloud, count: number, progress: Progress, what: string): Promise<Metrics> => {
  cloud.stream.setWebhook({ url: cloud.info.webhookUrl, eventTypes: ["call.created"] });
  const { webhooks } = cloud.stream.coordinator;
  webhooks.faults = { ...webhooks.faults, delayMs: webhookDelayMs };
  cloud.openai.mind.add([{ reply: { text: "Hello.", speech: { signal: "greeting", durationMs: 400 } } }]);
  // The first join warms the stand-in (its own compilation, the function's process); it is not the bridge's.
  await measureOne(cloud);
  const joins: Join[] = [];
  while (joins.length < count) {
    joins.push(await measureOne(cloud));
    progress(`${what}: join ${joins.length} of ${count}`);
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(joins.map((join) => join[name]))]));
};

const measureWithin = async (vcpu: number, count: number, progress: Progress): Promise<Metrics> => {
  const quota = await createCpuQuota(vcpu);
  try {
    const bridgeCommand = (bundleFile: string) => quota.wrap([process.execPath, bundleFile]);
    const cloud = await startCloud({ bundles: await sharedBundles(), bridgeCommand });
    try {
      return await measureJoins(cloud, count, progress, `${vcpu} vCPU`);
    } finally {
      await cloud.close();
    }
  } finally {
    await quota.remove();
  }
};

/** Start-up of the bridge: whole joins, each with a process of its own; also held to a share of one core. */
export const benchJoin = async ({ count = 20 }: { count?: number }, progress: Progress): Promise<Result> => {
  const cloud = await startCloud({ bundles: await sharedBundles() });
  let metrics: Metrics;
  try {
    metrics = await measureJoins(cloud, count, progress, "all cores");
  } finally {
    await cloud.close();
  }
  const rows: Result["rows"] = [];
  const notes: string[] = [];
  for (const vcpu of [0.25, 0.5, 1]) {
    try {
      rows.push({ vcpu, ...(await measureWithin(vcpu, Math.ceil(count / 2), progress)) });
    } catch (error) {
      if (!messageOf(error).startsWith("no CPU quota")) throw error;
      notes.push(messageOf(error));
      break;
    }
  }
  return { metrics, rows, notes };
};
