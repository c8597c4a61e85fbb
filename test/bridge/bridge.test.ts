import { randomUUID } from "node:crypto";
import tls from "node:tls";
import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { AgentClient } from "../../bridge-task/agent-client.ts";
import { Bridge } from "../../bridge-task/bridge.ts";
import type { BridgeOptions } from "../../bridge-task/bridge-options.ts";
import { connectOpenAi } from "../../bridge-task/connect-open-ai.ts";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { AbortedError, InvalidInputError } from "../../bridge-task/errors.ts";
import type { EndReason } from "../../bridge-task/job.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import type { CloseNotice } from "../../bridge-task/realtime/client-events.ts";
import { ModelError } from "../../bridge-task/realtime/model-errors.ts";
import { StreamCall } from "../../bridge-task/stream/stream-call.ts";
import { attachOpenAi } from "../../bridge-task/stream-client.ts";
import { createCertificates } from "../cloud/certificate.ts";
import { type CloudEvent, EventLog } from "../cloud/event-log.ts";
import { type OpenAiCloud, startOpenAiCloud } from "../cloud/openai/index.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";
import { startGate } from "../support/gate.ts";

const keys = { apiKey: "key", apiSecret: "secret-of-the-app" };
const openAiKey = "sk-test";
const waitMs = 10_000;

let log: EventLog;
let stream: StreamCloud;
let openai: OpenAiCloud;
let call: { type: string; id: string };

beforeAll(async () => {
  const { caPem, keyPem, certPem } = await createCertificates();
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), caPem]);
  log = new EventLog();
  stream = await startStreamCloud({ log, ...keys });
  openai = await startOpenAiCloud({ log, apiKey: openAiKey, tls: { key: keyPem, cert: certPem } });
});

beforeEach(() => {
  call = { type: "default", id: randomUUID() };
});

afterAll(async () => {
  await stream?.close();
  await openai?.close();
});

const streamClient = (basePath = stream.serverBaseUrl): StreamClient =>
  new StreamClient(keys.apiKey, keys.apiSecret, { basePath, timeout: 5_000 });

const options = (changes: Partial<BridgeOptions> = {}): BridgeOptions => ({
  streamClient: streamClient(),
  call,
  agentUser: { id: "bot" },
  openAi: { apiKey: openAiKey, baseUrl: openai.baseUrl },
  logger: silentLogger,
  ...changes,
});

const cid = (): string => `${call.type}:${call.id}`;
const present = (): string[] => stream.sfu.participants(cid()).map(({ user }) => user.id);
const seen = (type: string): Promise<CloudEvent> =>
  log.waitFor((event) => event.type === type && event.data.cid === cid(), waitMs, type);
const soon = <T>(work: Promise<T>): Promise<T> => withDeadline(work, waitMs, "the test");

const gateTo = async (target: string) => {
  const gate = await startGate(target);
  onTestFinished(() => gate.close());
  return gate;
};

describe("one side ends while the other is still on its way", () => {
  test("the call ends while the model session opens", async () => {
    const gate = await gateTo(openai.baseUrl);
    const connecting = Bridge.connect(options({ openAi: { apiKey: openAiKey, baseUrl: gate.url } }));
    await seen("sfu.publisher_connected");
    await streamClient().video.call(call.type, call.id).end();
    await seen("sfu.left");
    gate.open();
    const bridge = await soon(connecting);
    expect(await soon(bridge.ended)).toMatchObject({ reason: "call_ended" });
    expect(bridge.client.isConnected()).toBe(false);
  });

  test("the model server is lost while the join is slow", async () => {
    const gate = await gateTo(stream.serverBaseUrl);
    const sessionsBefore = openai.sessions().length;
    const connecting = Bridge.connect(options({ streamClient: streamClient(gate.url) }));
    const ready = () => openai.sessions().length > sessionsBefore;
    await log.waitFor((event) => event.type === "server.session.updated" && ready(), waitMs, "the session");
    openai.sessions().at(-1)?.drop(1006);
    gate.open();
    const bridge = await soon(connecting);
    expect(await soon(bridge.ended)).toMatchObject({ reason: "model_lost" });
    expect(present()).toEqual([]);
  });
});

describe("a start that fails or is given up leaves nobody in the call", () => {
  test("the model refuses the key", async () => {
    const refused = Bridge.connect(options({ openAi: { apiKey: "sk-wrong", baseUrl: openai.baseUrl } }));
    await expect(soon(refused)).rejects.toBeInstanceOf(ModelError);
    expect(present()).toEqual([]);
  });

  test.each(["sfu.joined", "sfu.track_published"])("it is aborted at %s", async (moment) => {
    const gate = await gateTo(openai.baseUrl);
    const stop = new AbortController();
    const openAi = { apiKey: openAiKey, baseUrl: gate.url };
    const connecting = Bridge.connect(options({ openAi, signal: stop.signal }));
    connecting.catch(() => undefined);
    await seen(moment);
    stop.abort("SIGTERM");
    await expect(soon(connecting)).rejects.toBeInstanceOf(AbortedError);
    expect((await seen("sfu.left")).data.reason).not.toMatch(/lost|silent/);
    expect(present()).toEqual([]);
  });

  test.each([
    ["streamClient", { streamClient: undefined }],
    ["call", { call: undefined }],
    ["call", { call: { type: "default", id: "" } }],
    ["agentUserId", { agentUserId: "" }],
    ["OpenAI API key", { openAiApiKey: "" }],
    ["base URL", { baseUrl: "http://127.0.0.1/v1" }],
    ["validityInSeconds", { validityInSeconds: -1 }],
    ["maxDurationMs", { maxDurationMs: Number.NaN }],
    ["waitForMs", { waitForMs: Number.POSITIVE_INFINITY }],
    ["idleTimeoutMs", { idleTimeoutMs: "15" }],
    ["model", { model: null }],
    ["logger", { logger: console }],
  ])("a bad %s is named before anything is opened", async (name, bad) => {
    const seqBefore = log.since().length;
    const good = { streamClient: streamClient(), call, agentUserId: "bot", openAiApiKey: openAiKey };
    const refused = connectOpenAi({ ...good, baseUrl: openai.baseUrl, ...bad } as never);
    await expect(refused).rejects.toBeInstanceOf(InvalidInputError);
    await expect(refused).rejects.toThrow(name);
    expect(log.since().slice(seqBefore)).toEqual([]);
  });
});

test("who comes while the agent asks whether it may end an empty call keeps the call", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<boolean>();
  const mayLeave = () => {
    asked.resolve();
    return answer.promise;
  };
  const bridge = await Bridge.connect(options({ onEmpty: "end-call", limits: { waitForMs: 50 }, mayLeave }));
  await soon(asked.promise);
  const person = await StreamCall.join({
    streamClient: streamClient(),
    call,
    user: { id: "ann" },
    validityInSeconds: 60,
    logger: silentLogger,
  });
  onTestFinished(() => person.leave("the test is over"));
  await vi.waitFor(() => expect(bridge.participant.participants()).toHaveLength(2), waitMs);
  answer.resolve(true);
  expect(await soon(bridge.ended)).toMatchObject({ reason: "waited" });
  expect((await streamClient().video.call(call.type, call.id).get()).call.ended_at).toBeUndefined();
  expect(present()).toEqual(["ann"]);
});

describe("the application's client", () => {
  const connect = async () => {
    const client = await connectOpenAi({
      streamClient: streamClient(),
      call,
      openAiApiKey: openAiKey,
      agentUserId: "bot",
      baseUrl: openai.baseUrl,
      logger: silentLogger,
    });
    const closed = new Promise<CloseNotice>((resolve) => client.onNext("close", resolve));
    return { client, closed };
  };

  test("disconnect() resolves when the agent is out of the call", async () => {
    const { client, closed } = await connect();
    expect(present()).toEqual(["bot"]);
    await soon(client.disconnect());
    expect(present()).toEqual([]);
    expect(client.isConnected()).toBe(false);
    expect(await closed).toMatchObject({ cause: "disconnected" });
  });

  test("close tells that the call ended", async () => {
    const { closed } = await connect();
    await streamClient().video.call(call.type, call.id).end();
    expect(await soon(closed)).toMatchObject({ cause: "call_ended" });
  });

  test("an error that no session gets over is told, and ends the agent at once", async () => {
    const { client, closed } = await connect();
    const told = { code: "insufficient_quota", message: "You exceeded your current quota." };
    openai.faults.refuseNext({ type: "response.create", error: told });
    const error = client.waitForNext("error");
    client.createResponse();
    expect(await error).toMatchObject({
      message: told.message,
      action: "give_up",
      advice: expect.stringMatching(/credit/),
    });
    expect(await soon(closed)).toMatchObject({ cause: "model_refused", error: { code: "insufficient_quota" } });
    await soon(client.disconnect());
    expect(present()).toEqual([]);
  });

  test("what happens in the call before the application can listen is kept for it", async () => {
    const { client } = await connect();
    const custom = new Promise((resolve) => {
      // The event has arrived by then; whoever listens within the settling time still hears it.
      setTimeout(() => client.on("custom", ({ custom: said }) => resolve(said)), 100);
    });
    const asBot = { user_id: "bot", custom: { mood: "sunny" } };
    await streamClient().video.call(call.type, call.id).sendCallEvent(asBot);
    expect(await soon(custom)).toEqual({ mood: "sunny" });
    await client.disconnect();
  });

  test("call.ended comes before close, and once", async () => {
    const { client, closed } = await connect();
    const told: string[] = [];
    client.on("call.ended", ({ call_cid }) => told.push(`call.ended ${call_cid}`));
    client.on("close", ({ cause }) => told.push(cause));
    await streamClient().video.call(call.type, call.id).end();
    await soon(closed);
    expect(told).toEqual([`call.ended ${cid()}`, "call_ended"]);
  });

  test("a second agent of the same user in the same call is refused for as long as the first one is there", async () => {
    const { client } = await connect();
    await expect(connect()).rejects.toMatchObject({
      code: "agent_present",
      message: expect.stringMatching(/disconnect/),
    });
    expect(present()).toEqual(["bot"]);
    await client.disconnect();
    const { client: next } = await connect();
    await next.disconnect();
  });

  test("close is told when the agent may be sent again", async () => {
    const { client } = await connect();
    const again = new Promise<AgentClient>((resolve, reject) => {
      client.on("close", () => connect().then(({ client: next }) => resolve(next), reject));
    });
    await client.disconnect();
    await (await soon(again)).disconnect();
  });

  test("connecting fails where the stay ends meanwhile: nobody gets a client that is dead", async () => {
    const gate = await gateTo(stream.serverBaseUrl);
    const lastSeq = log.since().at(-1)?.seq ?? 0;
    const connecting = connectOpenAi({
      streamClient: streamClient(gate.url),
      call,
      openAiApiKey: openAiKey,
      agentUserId: "bot",
      baseUrl: openai.baseUrl,
      logger: silentLogger,
    });
    connecting.catch(() => undefined);
    const isReady = ({ type, seq }: CloudEvent) => type === "server.session.updated" && seq > lastSeq;
    await log.waitFor(isReady, waitMs, "the model session");
    await openai.kill();
    onTestFinished(() => openai.restore());
    gate.open();
    await expect(soon(connecting)).rejects.toMatchObject({
      code: "ended_while_joining",
      message: expect.stringMatching(/model_lost/),
    });
    expect(present()).toEqual([]);
  });

  test("an attached StreamClient connects it by Stream's own method", async () => {
    const attached = attachOpenAi(streamClient(), { baseUrl: openai.baseUrl, logger: silentLogger });
    const client = await attached.video.connectOpenAi({
      call: attached.video.call(call.type, call.id),
      openAiApiKey: openAiKey,
      agentUserId: "bot",
    });
    expect(present()).toEqual(["bot"]);
    await client.disconnect();
  });

  test("that drops its listeners cannot harm the call", async () => {
    const { client, closed } = await connect();
    client.clearEventHandlers();
    client.realtime.clearEventHandlers();
    client.off("input_audio_buffer.speech_started");
    await streamClient().video.call(call.type, call.id).end();
    await vi.waitFor(() => expect(client.end).toMatchObject({ cause: "call_ended" }), waitMs);
    expect(await Promise.race([closed, "not told"])).toBe("not told");
  });

  test("close tells that the SFU was lost", async () => {
    const { closed } = await connect();
    stream.sfu.kill();
    onTestFinished(() => stream.sfu.restore());
    expect(await soon(closed)).toMatchObject({ cause: "sfu_lost" });
  });
});

test("a failure in the media path ends this call, not the process", async () => {
  const bridge = await Bridge.connect(options());
  Object.defineProperty(bridge.participant, "sendAudio", {
    value: () => {
      throw new Error("the encoder broke");
    },
  });
  expect(await soon(bridge.ended)).toEqual({ reason: "internal", detail: "the encoder broke" });
  expect(present()).toEqual([]);
});

test("agents do not hear agents, and nobody greets them", async () => {
  const greeting = "Say hello.";
  openai.mind.add([{ reply: { text: "One.", speech: { signal: "one", durationMs: 800 } } }]);
  onTestFinished(() => openai.mind.clear());
  const one = await Bridge.connect(options({ agentUser: { id: "one" }, greeting }));
  const sessionOfOne = openai.sessions().at(-1)?.id;
  const two = await Bridge.connect(options({ agentUser: { id: "two" }, greeting }));
  const ofTwo = openai.sessions().at(-1);
  await Promise.all([one.settle(), two.settle()]);
  const isVoiceOfOne = ({ type, data }: CloudEvent) =>
    type === "sfu.first_voiced_packet" && data.cid === cid() && data.userId === "one";
  one.client.sendUserMessageContent([{ type: "input_text", text: "Who are you?" }]);
  await log.waitFor(isVoiceOfOne, waitMs, "the voice of the first agent");
  const doneSpeaking = new Promise((resolve) =>
    one.client.on("agent.state", ({ state }) => state === "listening" && resolve(undefined)),
  );
  await soon(doneSpeaking);
  expect(sessionOfOne).not.toBe(ofTwo?.id);
  expect(ofTwo?.inputRecord.pcm()).toHaveLength(0);
  const asked = log
    .since()
    .filter(({ type, data }) => type === "client.response.create" && data.sessionId === ofTwo?.id);
  expect(asked).toEqual([]);
  await Promise.all([one.end("disconnected", ""), two.end("disconnected", "")]);
});

describe("a call that nobody is in", () => {
  const empty = { limits: { waitForMs: 150, knockGraceMs: 150 } };

  test("is left, or ended for everybody where that is said", async () => {
    const leaves = await Bridge.connect(options(empty));
    expect(await soon(leaves.ended)).toMatchObject({ reason: "waited" });
    const { call: left } = await streamClient().video.call(call.type, call.id).get();
    expect(left.ended_at).toBeUndefined();

    const ends = await Bridge.connect(options({ ...empty, onEmpty: "end-call" }));
    expect(await soon(ends.ended)).toMatchObject({ reason: "end_call" });
    const { call: ended } = await streamClient().video.call(call.type, call.id).get();
    expect(ended.ended_at).toBeDefined();
  });

  test("is not left before somebody who knows more has agreed", async () => {
    const asked: string[] = [];
    const mayLeave = async (reason: string) => {
      asked.push(reason);
      return asked.length > 2;
    };
    const bridge = await Bridge.connect(options({ ...empty, mayLeave }));
    expect(await soon(bridge.ended)).toMatchObject({ reason: "waited" });
    expect(asked).toEqual(["waited", "waited", "waited"]);
  });
});

describe("what the agent is saying when it leaves", () => {
  const speechMs = 1_500;

  /** How long leaving takes from the first word on. */
  const leavingMs = async (reason: EndReason): Promise<number> => {
    openai.mind.add([{ reply: { text: "One.", speech: { signal: "one", durationMs: speechMs } } }]);
    onTestFinished(() => openai.mind.clear());
    const bridge = await Bridge.connect(options());
    await bridge.settle();
    bridge.client.sendUserMessageContent([{ type: "input_text", text: "Who are you?" }]);
    await seen("sfu.first_voiced_packet");
    const beganMs = performance.now();
    await soon(bridge.end(reason, ""));
    return performance.now() - beganMs;
  };

  test.each(["max_duration", "removed", "end_call", "left"] as const)("is said to its end: %s", async (reason) => {
    expect(await leavingMs(reason)).toBeGreaterThan(speechMs - 200);
  });

  test.each(["idle", "stopped", "call_ended", "replaced"] as const)("is cut: %s", async (reason) => {
    expect(await leavingMs(reason)).toBeLessThan(speechMs - 300);
  });
});

test("tools are the model's from its first word on", async () => {
  const tool = { definition: { name: "look_up", parameters: { type: "object" } }, handler: () => null };
  const bridge = await Bridge.connect(options({ tools: [tool] }));
  expect(bridge.client.sessionConfig.tools).toMatchObject([{ name: "look_up" }]);
  const updates = log
    .since()
    .filter(({ type, data }) => type === "client.session.update" && data.sessionId === openai.sessions().at(-1)?.id);
  expect(updates).toHaveLength(1);
  await bridge.end("disconnected", "");
});
