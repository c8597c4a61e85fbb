import { randomUUID } from "node:crypto";
import tls from "node:tls";
import type { AgentClient, AttachedClient, RealtimeRecord } from "stream-agent-bridge";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { leastScore } from "../caller/evidence.ts";
import { isVoice, Person } from "../caller/person.ts";
import { createCertificates } from "../cloud/certificate.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type OpenAiCloud, startOpenAiCloud } from "../cloud/openai/index.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";
import { correlate, signal } from "../support/signals.ts";
import { give } from "./given.ts";

/* Every code block of the documentation, one after the other, in real calls: people who hear and speak, a Realtime server, an SFU. */

const keys = { apiKey: "key", apiSecret: "secret-of-the-app" };
const openAiApiKey = "sk-test";

let log: EventLog;
let stream: StreamCloud;
let openai: OpenAiCloud;
let streamClient: AttachedClient;
let realtimeClient: AgentClient;

/** What the blocks print. */
const printed: unknown[][] = [];
const printedLines = (): unknown[] => printed.map(([line]) => line);

const run = async (block: string): Promise<{ realtimeClient: AgentClient; streamClient: AttachedClient }> =>
  import(`./blocks/${block}.ts`);

const joinAs = (userId: string, callId: string): Promise<Person> =>
  Person.join({
    info: {
      streamApiKey: keys.apiKey,
      streamApiSecret: keys.apiSecret,
      streamServerBaseUrl: stream.serverBaseUrl,
    },
    call: { type: "default", id: callId },
    userId,
  });

const session = () => {
  const newest = openai.sessions().at(-1);
  if (newest === undefined) throw new Error("no model session was opened");
  return newest;
};

beforeAll(async () => {
  const { caPem, keyPem, certPem } = await createCertificates();
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), caPem]);
  log = new EventLog();
  stream = await startStreamCloud({ log, ...keys });
  openai = await startOpenAiCloud({ log, apiKey: openAiApiKey, tls: { key: keyPem, cert: certPem } });
  vi.stubEnv("STREAM_BASE_URL", stream.serverBaseUrl);
  vi.stubEnv("OPENAI_BASE_URL", openai.baseUrl);
  vi.spyOn(console, "log").mockImplementation((...line) => void printed.push(line));
  openai.mind.add([
    { when: { after: "nothing" }, reply: { text: "Unasked.", speech: { signal: "unasked" } } },
    { when: { after: "tool" }, reply: { text: "Done: {output}.", speech: { signal: "ticket" } } },
    {
      when: { heard: "printer" },
      reply: {
        toolCalls: [
          {
            name: "submit_support_ticket",
            arguments: { customer_name: "Ann Lee", email: "ann@example.org", issue: "The printer is on fire." },
          },
        ],
      },
    },
    { when: { heard: "how are you" }, reply: { text: "I am well.", speech: { signal: "well" } } },
    { when: { heard: "help me with" }, reply: { text: "With tickets.", speech: { signal: "help" } } },
    { when: { instructions: "helpful assistant" }, reply: { text: "Yes?", speech: { signal: "assistant" } } },
  ]);
});

beforeEach(() => {
  printed.length = 0;
});

afterAll(async () => {
  await realtimeClient?.disconnect();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await stream?.close();
  await openai?.close();
});

/** "all" where the wanted stand in the list in this order, with others between them; else the first that does not. */
const inOrder = (list: readonly string[], wanted: readonly string[]): string => {
  const rest = [...wanted];
  for (const one of list) if (one === rest[0]) rest.shift();
  return rest[0] ?? "all";
};

/** Resolves when the person has heard this signal to its end. */
const hears = async (person: Person, name: string, sinceMs: number): Promise<void> => {
  await person.hears(isVoice, 10_000, name, sinceMs);
  await person.hearsSilence(700, 10_000);
  expect(correlate(person.heard(sinceMs), signal(name)).score, name).toBeGreaterThan(leastScore);
};

test("“Connecting an AI Agent”: the agent is in the call, says nothing unasked, and answers with these instructions", async () => {
  const callId = randomUUID();
  give({ ...keys, callId, openAiApiKey });
  ({ realtimeClient, streamClient } = await run("connecting"));
  give({ streamClient });
  expect(stream.sfu.participants(`default:${callId}`).map(({ user }) => user.id)).toEqual(["lucy"]);
  expect(session().config.model).toBe("gpt-realtime-2.1");

  const ann = await joinAs("ann", callId);
  const before = Date.now();
  const { lastPacketAtMs } = await ann.say(signal("question"));
  await hears(ann, "assistant", lastPacketAtMs - 200);
  expect(session().config.instructions).toBe(
    "You are a helpful assistant that can answer questions and help with tasks.",
  );
  expect(ann.frames(0).some((frame) => isVoice(frame) && frame.atMs < before)).toBe(false);
  await ann.leave();
  await realtimeClient.disconnect();
});

describe("“AI Agent Configuration” and the events, in one call", () => {
  const callId = randomUUID();
  const createTicketInSystem = vi.fn(async () => ({ id: "T-17" }));
  const records: RealtimeRecord[] = [];
  let ann: Person;

  beforeAll(async () => {
    ann = await joinAs("ann", callId);
    give({ call: streamClient.video.call("default", callId), createTicketInSystem });
  });

  afterAll(() => ann?.leave());

  test("the voice, the instructions and the tool are in force for the first word, which answers the message", async () => {
    const sinceMs = Date.now();
    ({ realtimeClient } = await run("configuration"));
    realtimeClient.on("realtime.event", (record) => void records.push(record));
    give({ realtimeClient });
    await hears(ann, "well", sinceMs);
    const { id, config } = session();
    expect(config.audio.output.voice).toBe("alloy");
    expect(config.instructions).toMatch(/^You are a friendly customer support agent named Nova\. \n {2}Help customers/);
    expect(config.tools).toMatchObject([{ type: "function", name: "submit_support_ticket" }]);
    const seen = log.since().filter(({ data }) => data.sessionId === id);
    const told = seen.map(
      ({ type, data }) => `${type} ${JSON.stringify(data.event ?? null).includes('"alloy"') ? "alloy" : ""}`,
    );
    expect(
      inOrder(told, ["client.session.update alloy", "server.session.updated alloy", "server.response.created alloy"]),
    ).toBe("all");
  });

  test("“Handling Events”: the listeners are called, and those that throw harm nobody", async () => {
    // The other two of the page's listeners read a variable that does not exist.
    let readCount = 0;
    Object.defineProperty(globalThis, "event", {
      configurable: true,
      get: () => {
        readCount += 1;
        throw new ReferenceError("event is not defined");
      },
    });
    onTestFinished(() => void Reflect.deleteProperty(globalThis, "event"));
    await run("handling-events");
    const sinceMs = Date.now();
    await run("sending-events");
    await hears(ann, "help", sinceMs);
    expect(printedLines()).toContain("received conversation.updated");
    const [, change] = printed.find(([line]) => line === "received conversation.updated") ?? [];
    expect(change).toMatchObject({ item: { role: "user", formatted: { text: "What can you help me with today?" } } });
    expect(readCount).toBe(2);
    const completed = realtimeClient.conversation.getItems().slice(-2);
    expect(completed.map(({ role, status }) => `${role} ${status}`)).toEqual(["user completed", "assistant completed"]);
    const refused = realtimeClient.waitForNext("error", 2_000);
    realtimeClient.realtime.send("conversation.item.retrieve", { item_id: "item_unknown" });
    expect(await refused).toMatchObject({ action: "ignore" });
    expect(readCount).toBe(3);
    expect(realtimeClient.isConnected()).toBe(true);
  });

  test("a spoken wish runs the ticket tool with its arguments, and its result is spoken about", async () => {
    openai.mind.willHear("My printer is on fire.");
    const { lastPacketAtMs } = await ann.say(signal("question"));
    await hears(ann, "ticket", lastPacketAtMs - 200);
    expect(createTicketInSystem.mock.calls).toEqual([["Ann Lee", "ann@example.org", "The printer is on fire."]]);
    const items = realtimeClient.conversation.getItems();
    expect(items.slice(-4).map(({ type, role }) => role ?? type)).toEqual([
      "user",
      "function_call",
      "function_call_output",
      "assistant",
    ]);
    expect(items.at(-2)?.output).toBe('{"success":true,"ticket_id":"T-17"}');
    expect(items.at(-1)?.formatted.transcript).toContain("T-17");
    expect(
      inOrder(
        records.map(({ source, event }) => `${source} ${event.type}`),
        [
          "server input_audio_buffer.speech_started",
          "server input_audio_buffer.speech_stopped",
          "server response.created",
          "server response.function_call_arguments.done",
          "client conversation.item.create",
          "client response.create",
          "server response.created",
          "server response.output_audio.delta",
          "server response.done",
        ],
      ),
    ).toBe("all");
  });

  test("“Stream Video Events”: joins and leaves, once each, and the end of the call", async () => {
    await run("stream-video-events");
    const ben = await joinAs("ben", callId);
    await vi.waitFor(() => expect(printedLines()).toContain("Participant joined: ben"), 5_000);
    await ben.leave();
    await vi.waitFor(() => expect(printedLines()).toContain("Participant left: ben"), 5_000);
    const closed = new Promise((resolve) => realtimeClient.on("close", ({ cause }) => resolve(cause)));
    await streamClient.video.call("default", callId).end();
    expect(await closed).toBe("call_ended");
    const told = printedLines().filter((line) => /^(Participant|Call)/.test(String(line)));
    expect(told.filter((line) => line !== "Participant left: ann")).toEqual([
      "Participant joined: ben",
      "Participant left: ben",
      "Call ended, disconnecting...",
    ]);
  });
});
