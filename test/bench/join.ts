import { messageOf } from "../../bridge-task/errors.ts";
import { isVoice, type Person } from "../caller/person.ts";
import { voiceDbfs } from "../caller/ear.ts";
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
const webhookDelayMs = 900;
const joinTimeoutMs = 30_000;
const endTimeoutMs = 20_000;

const measureOne = async (cloud: Cloud): Promise<Join> => {
  const call = new BenchCall(cloud);
  let person: Person | undefined;
  try {
    person = await call.join();
    await person.hears(isVoice, joinTimeoutMs, "the greeting", 0);
    const taskId = await call.taskId(joinTimeoutMs);
    const ofTask = ({ data }: { data: Record<string, unknown> }) => data.taskId === taskId;
    const running = await call.event("task.running", 1_000, ofTask);
    const startedAtMs = Number(running.data.startedAtMs);
    const joined = await call.event("sfu.joined", 1_000, ({ data }) => data.userId === agentUserId);
    const sinceStart = ({ atMs }: { atMs: number }) => atMs > startedAtMs;
    const ready = await call.event("server.session.updated", 1_000, sinceStart);
    // A call of its own has one call.created; it is told here when it was answered and how long that took.
    const told = cloud.log
      .since()
      .findLast(({ type, data }) => type === "webhook.delivered" && data.type === "call.created");
    if (!told) throw new Error("no webhook was delivered");
    const decoded = await decodePackets(call.packetsOf(agentUserId));
    const greeting = decoded.find(({ dbfs }) => dbfs > voiceDbfs);
    if (!greeting) throw new Error("the greeting was heard but not recorded");
    return {
      startToJoinedMs: Math.max(joined.atMs, ready.atMs) - startedAtMs,
      startToGreetingMs: greeting.arrivalMs - startedAtMs,
      webhookToGreetingMs: greeting.arrivalMs - (told.atMs - Number(told.data.tookMs)),
    };
  } finally {
    await call.end(endTimeoutMs);
    await person?.leave();
  }
};

const measure = async (cloud: Cloud, count: number, progress: Progress, what: string): Promise<Metrics> => {
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
      return await measure(cloud, count, progress, `${vcpu} vCPU`);
    } finally {
      await cloud.close();
    }
  } finally {
    await quota.remove();
  }
};

/** Start-up of the bridge: whole joins, each with a process of its own; also held to a share of one core. */
export const benchJoin = async (options: { count?: number }, progress: Progress): Promise<Result> => {
  const cloud = await startCloud({ bundles: await sharedBundles() });
  let metrics: Metrics;
  try {
    metrics = await measure(cloud, options.count ?? 20, progress, "all cores");
  } finally {
    await cloud.close();
  }
  const rows: Result["rows"] = [];
  const notes: string[] = [];
  for (const vcpu of [0.25, 0.5, 1]) {
    try {
      rows.push({ vcpu, ...(await measureWithin(vcpu, options.count ?? 20, progress)) });
    } catch (error) {
      if (!messageOf(error).startsWith("no CPU quota")) throw error;
      notes.push(messageOf(error));
      break;
    }
  }
  return { metrics, rows, notes };
};
