import { afterAll, beforeAll, expect, test } from "vitest";
import { leastScore } from "../caller/evidence.ts";
import { type HeardFrame, isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { correlate, signal } from "../support/signals.ts";
import { type BrokenFunctions, brokenFunctions, type Endpoint, excuse, startEndpoint } from "./broken-tools.ts";
import { Scene, startStage } from "./stage.ts";

let cloud: Cloud;
let functions: BrokenFunctions;
let endpoint: Endpoint;

beforeAll(async () => {
  functions = await brokenFunctions();
  const { bundles, bridgeEnvironment, dispatchEnvironment } = functions;
  cloud = await startStage({ bundles, bridgeEnvironment, dispatchEnvironment });
  endpoint = await startEndpoint(cloud.info.agentsKey);
});

afterAll(async () => {
  await cloud?.close();
  await endpoint?.close();
  await functions?.remove();
});

interface Failure {
  /** What the function is called with. */
  arguments?: object;
  function: string;
  url: string;
  /** What the model is told of either. */
  told: [ofFunction: RegExp, ofUrl: RegExp];
  status: [ofFunction: string, ofUrl: string];
}

const failures: Failure[] = [
  {
    function: "sleeps",
    url: "url_sleeps",
    told: [/^sleeps took longer than 2\.5 s/, /^url_sleeps took longer than 2\.5 s/],
    status: ["timed_out", "timed_out"],
  },
  {
    function: "throws",
    url: "url_throws",
    told: [/^The stock list is locked until noon\.$/, /^url_throws failed with status 500\.$/],
    status: ["failed", "failed"],
  },
  {
    function: "large",
    url: "url_large",
    told: [/^The result of large is too long/, /^The result of url_large is too long/],
    status: ["too_long", "too_long"],
  },
  {
    function: "gone",
    url: "url_gone",
    told: [/^gone is not available/, /^url_gone could not be reached/],
    status: ["failed", "failed"],
  },
  {
    arguments: { customer_name: "Ann", email: 7, amount: "many" },
    function: "submit_support_ticket",
    url: "url_strict",
    told: [
      /^submit_support_ticket cannot use these arguments\. .*email/,
      /^url_strict failed with status 422\. amount must be a number\.$/,
    ],
    status: ["failed", "failed"],
  },
];

const answerOf = (turn: number): string => `sorry ${turn}`;

/** In each turn of the person's the model calls a function and a URL, and afterwards tells what became of them. */
const teach = (): void => {
  cloud.openai.mind.clear();
  const asked = { text: excuse, speech: { signal: "excuse", durationMs: 1_200 } };
  cloud.openai.mind.add([{ when: { instructions: "^Say exactly this" }, reply: asked }]);
  for (const [index, failure] of failures.entries()) {
    const turn = index + 1;
    const toolCalls = [failure.function, failure.url].map((name) => ({
      name,
      arguments: { ...failure.arguments },
      callId: `call_${name}`,
    }));
    const reply = { text: "I am sorry. {output}", speech: { signal: answerOf(turn), durationMs: 1_500 } };
    cloud.openai.mind.add([
      { when: { after: "user", turn }, reply: { toolCalls } },
      { when: { after: "tool", turn }, reply },
    ]);
  }
};

interface Output {
  call_id: string;
  output: string;
}

/** Outputs of tools as the model's server was given them, in order. */
const outputsOf = (scene: Scene): Output[] =>
  scene.modelEvents().flatMap(({ type, data }) => {
    const { item } = (data.event ?? {}) as { item?: { type?: string } & Output };
    return type === "client.conversation.item.create" && item?.type === "function_call_output" ? [item] : [];
  });

/** 20 ms of the sender's 48 kHz clock. */
const ticksPerFrame = 960;

/** Ticks in which the agent sent no packet. */
const missedTicks = (frames: readonly HeardFrame[]): number => {
  const ticks = frames.map(({ rtpTimestamp }) => rtpTimestamp);
  const steps = ticks.slice(1).map((tick, index) => ((tick - (ticks[index] ?? 0)) >>> 0) / ticksPerFrame - 1);
  return steps.reduce((sum, step) => sum + step, 0);
};

const heardIn = (pcm: Int16Array, name: string, durationMs: number): number =>
  correlate(pcm, signal(name, durationMs)).score;

/** A call that no agent takes by itself, with a person in it. */
const begin = async (): Promise<{ scene: Scene; ann: Person }> => {
  const scene = new Scene(cloud);
  await scene.create({ custom: { agent: false } });
  return { scene, ann: await scene.join("ann") };
};

test("whatever becomes of a tool, as a function or as a URL, the agent says so, and its sound never stops", {
  timeout: 120_000,
}, async () => {
  teach();
  const { scene, ann } = await begin();
  const tools = [...failures.map((failure) => failure.function), ...endpoint.tools];
  expect(await scene.post({ user: { id: "nova" }, tools })).toMatchObject({ status: 202 });
  await scene.agentJoins("nova");
  await ann.hears(() => true, 10_000, "the agent's first packet", 0);
  const fromMs = ann.frames().at(-1)?.atMs ?? 0;

  for (const [index, failure] of failures.entries()) {
    const { firstPacketAtMs, lastPacketAtMs } = await ann.say(signal(`question ${index}`, 800));
    await ann.until(
      () => (outputsOf(scene).length >= 2 * (index + 1) ? true : undefined),
      15_000,
      `both outputs of turn ${index + 1}`,
    );
    await ann.hears(isVoice, 10_000, "an answer", lastPacketAtMs);
    await ann.hearsSilence(1_000, 15_000);
    const heard = ann.heard(firstPacketAtMs);
    expect(heardIn(heard, answerOf(index + 1), 1_500), failure.function).toBeGreaterThan(leastScore);
    const excused = heardIn(heard, "excuse", 1_200);
    if (failure.function === "sleeps") expect(excused).toBeGreaterThan(leastScore);
    else expect(excused).toBeLessThan(leastScore);
  }

  const outputs = outputsOf(scene);
  const callIds = failures.flatMap((failure) => [`call_${failure.function}`, `call_${failure.url}`]);
  expect(outputs.map(({ call_id }) => call_id).toSorted()).toEqual(callIds.toSorted());
  const errorOf = (name: string): unknown =>
    JSON.parse(outputs.find(({ call_id }) => call_id === `call_${name}`)?.output ?? "{}").error;
  for (const { function: name, url, told } of failures) {
    expect(errorOf(name)).toMatch(told[0]);
    expect(errorOf(url)).toMatch(told[1]);
  }
  expect(scene.modelEvents().filter(({ type }) => type === "server.error")).toEqual([]);
  expect(endpoint.unsignedCount).toBe(0);
  const frames = ann.frames(fromMs);
  expect(frames.length * 20, "milliseconds of sound").toBeGreaterThan(10_000);
  expect(missedTicks(frames)).toBe(0);

  await ann.leave();
  await scene.streamCall.end();
  await scene.taskEnds(10_000);
  const ended = (await scene.record("nova")).tools as { name: string; status: string }[];
  const statuses = failures.flatMap(({ function: name, url, status }) => [
    [name, status[0]],
    [url, status[1]],
  ]);
  expect(new Map(ended.map(({ name, status }) => [name, status]))).toEqual(new Map(statuses as [string, string][]));
});

test("an agent that is sent away says its goodbye whole, and nothing after it", async () => {
  const goodbye = { text: "Goodbye!", speech: { signal: "goodbye", durationMs: 2_000 } };
  cloud.openai.mind.clear();
  cloud.openai.mind.add([
    { when: { after: "user" }, reply: { ...goodbye, toolCalls: [{ name: "leave", arguments: {} }] } },
    { when: { after: "tool" }, reply: { text: "One more thing.", speech: { signal: "more" } } },
  ]);
  const { scene, ann } = await begin();
  expect(await scene.post({ user: { id: "nova" }, tools: ["leave"] })).toMatchObject({ status: 202 });
  await scene.agentJoins("nova");
  const { lastPacketAtMs } = await ann.say(signal("please leave"));
  await ann.hears(isVoice, 10_000, "the goodbye", lastPacketAtMs);
  expect(await scene.taskEnds(15_000)).toEqual({ exitCode: 0, reason: "left" });
  const heard = ann.heard(lastPacketAtMs);
  const whole = signal("goodbye", 2_000);
  expect(correlate(heard, whole.subarray(-whole.length / 2)).score).toBeGreaterThan(leastScore);
  expect(heardIn(heard, "more", 1_000)).toBeLessThan(leastScore);
  expect(outputsOf(scene)).toHaveLength(1);
  expect(scene.present()).toEqual(["ann"]);
  expect(await scene.record("nova")).toMatchObject({ reason: "left", tools: [{ name: "leave", status: "done" }] });
  await ann.leave();
  await scene.streamCall.end();
});
