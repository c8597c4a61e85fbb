import type { AgentClient } from "stream-agent-bridge";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import type { Rule } from "../cloud/openai/mind.ts";
import { give } from "../documentation/given.ts";
import { type Agent, chirp, collect, next, play, silence, startAgent } from "./client-fixture.ts";

/* What code that was written for the old Realtime client relies on, a row each, on the plain protocol: no call, a Realtime server. */

const hello = [{ type: "input_text", text: "hello" }] as const;
const ticket = { name: "ticket", description: "Opens a ticket.", parameters: { type: "object", properties: {} } };

interface Plain extends Agent {
  /** What the client sent, oldest first, without audio. */
  sent: { type: string; [field: string]: unknown }[];
}

const start = async (): Promise<Plain> => {
  const agent = await startAgent();
  const sent: Plain["sent"] = [];
  agent.client.realtime.on("client.*", (event) => {
    if (event.type !== "input_audio_buffer.append") sent.push({ ...event });
  });
  return { ...agent, sent };
};

const sentAs = ({ sent }: Plain, type: string) => sent.filter((event) => event.type === type);

const types = ({ sent }: Plain): string[] => sent.map(({ type }) => type);

/** The text of every tool output that the server was given. */
const outputs = (agent: Plain): unknown[] =>
  sentAs(agent, "conversation.item.create")
    .map(({ item }) => item as { type: string; output?: string })
    .filter(({ type }) => type === "function_call_output")
    .map(({ output }) => output);

/** The model calls these when it is typed to, and then says what it got. */
const calling = (...toolCalls: NonNullable<Rule["reply"]["toolCalls"]>): Rule[] => [
  { when: { after: "tool" }, reply: { text: "I got {output}." } },
  { when: { heard: "hello" }, reply: { toolCalls } },
];

/** Types hello and waits for what is said about the tools' results. */
const callTools = async (agent: Plain, ...toolCalls: NonNullable<Rule["reply"]["toolCalls"]>): Promise<string> => {
  agent.cloud.mind.add(calling(...toolCalls));
  const spoken = next(agent.client, "response.output_audio_transcript.done");
  const done = collect(agent.client, "response.done");
  agent.client.sendUserMessageContent(hello);
  const { transcript } = await spoken;
  await vi.waitFor(() => expect(done).toHaveLength(2));
  return transcript;
};

const settled = (agent: Plain) => agent.client.updatesSettled();
const config = ({ cloud }: Agent) => cloud.sessions()[0]?.config;

const rows: Record<string, (agent: Plain) => Promise<void>> = {
  "updateSession merges, returns true and sends at once": async (agent) => {
    expect(agent.client.updateSession({ instructions: "One." })).toBe(true);
    expect(types(agent)).toEqual(["session.update"]);
    agent.client.updateSession({ turn_detection: null });
    expect(agent.client.getTurnDetectionType()).toBeNull();
    expect(agent.client.sessionConfig).toMatchObject({ instructions: "One." });
    await settled(agent);
    expect(config(agent)).toMatchObject({ instructions: "One.", audio: { input: { turn_detection: null } } });
  },
  "updateSession combines its tools with those of addTool; a name twice throws": async (agent) => {
    agent.client.addTool(ticket, () => 1);
    agent.client.updateSession({ tools: [{ type: "function", name: "other", parameters: { type: "object" } }] });
    await settled(agent);
    expect(config(agent)?.tools.map((tool) => "name" in tool && tool.name)).toEqual(["other", "ticket"]);
    expect(() => agent.client.updateSession({ tools: [{ type: "function", name: "ticket" }] })).toThrow(/"ticket"/);
    expect(() => agent.client.addTool({ name: "other" }, () => 1)).toThrow(/"other"/);
  },
  "addTool wants a name and a handler, refuses a name twice, updates the session and returns both": async (agent) => {
    const handler = () => 1;
    expect(agent.client.addTool(ticket, handler)).toMatchObject({ definition: ticket, handler });
    await settled(agent);
    expect(config(agent)?.tools).toMatchObject([ticket]);
    expect(() => agent.client.addTool(ticket, handler)).toThrow(InvalidInputError);
    expect(() => agent.client.addTool({ name: "" }, handler)).toThrow(/name/);
    expect(() => agent.client.addTool({ name: "two" }, undefined as never)).toThrow(/handler/);
  },
  "removeTool throws on an unknown name; the model is told (the old client did not tell it)": async (agent) => {
    agent.client.addTool(ticket, () => 1);
    expect(agent.client.removeTool("ticket")).toBe(true);
    expect(() => agent.client.removeTool("ticket")).toThrow(/"ticket"/);
    await settled(agent);
    expect(config(agent)?.tools).toEqual([]);
  },
  "sendUserMessageContent adds the message and asks for a response": async (agent) => {
    const done = next(agent.client, "response.done");
    expect(agent.client.sendUserMessageContent(hello)).toBe(true);
    await done;
    expect(types(agent).slice(-2)).toEqual(["conversation.item.create", "response.create"]);
    expect(sentAs(agent, "conversation.item.create")[0]?.item).toMatchObject({ role: "user", content: hello });
  },
  "sendUserMessageContent encodes samples as base64": async (agent) => {
    const audio = Int16Array.of(1, -2, 3);
    agent.client.sendUserMessageContent([{ type: "input_audio", audio }]);
    agent.client.sendUserMessageContent([{ type: "input_audio", audio: audio.buffer }]);
    await next(agent.client, "response.done");
    const parts = sentAs(agent, "conversation.item.create").map(
      ({ item }) => (item as { content: unknown[] }).content[0],
    );
    expect(parts).toEqual(Array(2).fill({ type: "input_audio", audio: Buffer.from(audio.buffer).toString("base64") }));
  },
  "sendUserMessageContent([]) just asks for a response": async (agent) => {
    agent.client.sendUserMessageContent([]);
    await next(agent.client, "response.done");
    expect(types(agent).slice(-1)).toEqual(["response.create"]);
    expect(sentAs(agent, "conversation.item.create")).toEqual([]);
  },
  "createResponse commits what was heard first, without voice activity detection": async (agent) => {
    agent.client.updateSession({ turn_detection: null });
    await settled(agent);
    agent.session.audio.listen();
    agent.client.appendInputAudio(chirp(300));
    agent.client.createResponse();
    await next(agent.client, "response.done");
    expect(types(agent).slice(-2)).toEqual(["input_audio_buffer.commit", "response.create"]);
  },
  "createResponse commits nothing where nothing was heard, or detection is on": async (agent) => {
    agent.session.audio.listen();
    agent.client.appendInputAudio(silence(300));
    agent.client.createResponse();
    await next(agent.client, "response.done");
    expect(types(agent)).not.toContain("input_audio_buffer.commit");
  },
  "cancelResponse() cancels and returns no item": async (agent) => {
    agent.client.sendUserMessageContent(hello);
    await next(agent.client, "response.created");
    const done = next(agent.client, "response.done");
    expect(agent.client.cancelResponse()).toEqual({ item: null });
    expect((await done).response.status).toBe("cancelled");
  },
  "cancelResponse(id, n) cancels, truncates at n samples in whole milliseconds and returns the item": async (agent) => {
    agent.client.sendUserMessageContent(hello);
    const { item_id: id } = await next(agent.client, "response.output_audio.delta");
    await vi.waitFor(() => expect(agent.playout.queuedMs).toBeGreaterThan(400));
    play(agent.playout, 20);
    const truncated = next(agent.client, "conversation.item.truncated");
    const { item } = agent.client.cancelResponse(id, 300 * 24 + 23);
    expect(item).toMatchObject({ id, role: "assistant" });
    expect(await truncated).toMatchObject({ item_id: id, audio_end_ms: 300 });
  },
  "cancelResponse(id) throws on what is no spoken message of the agent's": async (agent) => {
    agent.client.sendUserMessageContent(hello);
    await next(agent.client, "response.done");
    const [user] = agent.client.conversation.getItems();
    expect(() => agent.client.cancelResponse(user?.id, 10)).toThrow(/no spoken message/);
    expect(() => agent.client.cancelResponse("item_unknown", 10)).toThrow(/not in the conversation/);
  },
  "a tool is called with its parsed arguments, its result goes back as JSON, and a response follows": async (agent) => {
    const handler = vi.fn(async () => ({ id: 7 }));
    agent.client.addTool(ticket, handler);
    const said = await callTools(agent, { name: "ticket", arguments: { issue: "fire", count: 2 }, callId: "call_1" });
    expect(handler.mock.calls).toEqual([[{ issue: "fire", count: 2 }, expect.objectContaining({ callId: "call_1" })]]);
    expect(outputs(agent)).toEqual(['{"id":7}']);
    expect(said).toBe('I got {"id":7}.');
  },
  "a tool that throws, at once or later, gives { error } and is spoken about": async (agent) => {
    agent.client.addTool(ticket, () => {
      throw new Error("no paper");
    });
    agent.client.addTool({ name: "later" }, () => Promise.reject(new Error("too late")));
    await callTools(agent, { name: "ticket", arguments: {} }, { name: "later", arguments: {} });
    expect(outputs(agent)).toEqual(['{"error":"no paper"}', '{"error":"too late"}']);
  },
  "arguments that are not JSON give { error }, and the handler is not called": async (agent) => {
    const handler = vi.fn();
    agent.client.addTool(ticket, handler);
    await callTools(agent, { name: "ticket", arguments: "{oops" });
    expect(outputs(agent)).toEqual([expect.stringMatching(/^\{"error":"The arguments of ticket are not JSON/)]);
    expect(handler).not.toHaveBeenCalled();
  },
  "a tool that nobody added gives { error }": async (agent) => {
    await callTools(agent, { name: "unheard_of", arguments: {} });
    expect(outputs(agent)).toEqual(['{"error":"Tool \\"unheard_of\\" has not been added."}']);
  },
  "a tool that returns nothing has succeeded (the server refuses an output that is missing)": async (agent) => {
    agent.client.addTool(ticket, () => undefined);
    await callTools(agent, { name: "ticket", arguments: {} });
    expect(outputs(agent)).toEqual(["null"]);
  },
  "fixed: several tools of one response are followed by one response, which has seen all of them": async (agent) => {
    agent.client.addTool(ticket, () => "a");
    agent.client.addTool({ name: "second" }, () => new Promise((resolve) => setTimeout(resolve, 60, "b")));
    const done = collect(agent.client, "response.done");
    const said = await callTools(agent, { name: "second", arguments: {} }, { name: "ticket", arguments: {} });
    expect(said).toMatch(/^I got ("a", "b"|"b", "a")\.$/);
    expect(sentAs(agent, "response.create")).toHaveLength(2);
    expect(done).toHaveLength(2);
  },
  "fixed: the response to an output waits until the one that called is done: nothing is refused": async (agent) => {
    agent.client.addTool(ticket, () => 1);
    agent.cloud.mind.add([
      { when: { after: "tool" }, reply: { text: "Done." } },
      { when: { heard: "hello" }, reply: { text: "One moment.", toolCalls: [{ name: "ticket", arguments: {} }] } },
    ]);
    const done = collect(agent.client, "response.done");
    agent.client.sendUserMessageContent(hello);
    await vi.waitFor(() => expect(done).toHaveLength(2), 3_000);
    expect(agent.cloud.log.since().filter(({ type }) => type === "server.error")).toEqual([]);
  },
  "fixed: nothing is truncated at 0 ms: an item that nobody heard is deleted": async (agent) => {
    agent.client.sendUserMessageContent(hello);
    const { item_id } = await next(agent.client, "response.output_audio.delta");
    const deleted = next(agent.client, "conversation.item.deleted");
    agent.client.cancelResponse(item_id, 0);
    expect(await deleted).toMatchObject({ item_id });
    expect(types(agent)).not.toContain("conversation.item.truncate");
  },
  "fixed: a call that was cut short is not run": async (agent) => {
    const handler = vi.fn();
    agent.client.addTool(ticket, handler);
    agent.cloud.mind.add(calling({ name: "ticket", arguments: { text: "long ".repeat(400) } }));
    agent.client.sendUserMessageContent(hello);
    await next(agent.client, "response.function_call_arguments.delta");
    const done = next(agent.client, "response.done");
    agent.client.cancelResponse();
    const { response } = await done;
    expect(response.status).toBe("cancelled");
    await next(agent.client, "conversation.item.deleted");
    expect(handler).not.toHaveBeenCalled();
    expect(outputs(agent)).toEqual([]);
  },
  "fixed: waits end with the event, the time-out (null) or the session, and hold no timer": async (agent) => {
    const { client } = agent;
    expect(await client.waitForNext("response.done", 20)).toBeNull();
    const item = client.waitForNextItem();
    const completed = client.waitForNextCompletedItem();
    client.sendUserMessageContent(hello);
    expect(await item).toMatchObject({ item: { role: "user", formatted: { text: "hello" } } });
    expect(await completed).toEqual(await item);
    const last = client.waitForNext("response.function_call_arguments.done");
    const lastItem = client.waitForNextItem().then(
      () => "an item",
      (error: Error) => error.message,
    );
    await next(client, "response.done");
    const onwards = client.disconnect();
    expect(await last).toBeNull();
    expect(await lastItem).toMatch(/an item|ended/);
    await onwards;
    await expect(client.waitForNextItem()).rejects.toThrow(/ended/);
    await expect(client.waitForSessionCreated()).rejects.toThrow(/connectOpenAi/);
  },
  "fixed: audio is kept in no item, and the input in no buffer, unless asked for": async (agent) => {
    agent.session.audio.listen();
    agent.client.sendUserMessageContent(hello);
    const deltas = collect(agent.client, "conversation.updated");
    await next(agent.client, "response.done");
    expect(deltas.some(({ delta }) => (delta?.audio?.length ?? 0) > 0)).toBe(true);
    for (const { formatted } of agent.client.conversation.getItems()) expect(formatted.audio).toHaveLength(0);
  },
};

/** Runs a block of the documentation. */
const run = (block: string): Promise<unknown> => import(`../documentation/blocks/${block}.ts`);

test("the documentation's own scripts do what they say", async () => {
  const agent = await start();
  const { client, cloud } = agent;
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  onTestFinished(() => void vi.restoreAllMocks());
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "It is {output}." } },
    {
      when: { heard: "help me with" },
      reply: {
        toolCalls: [{ name: "submit_support_ticket", arguments: { customer_name: "Ann", email: "a@b", issue: "x" } }],
      },
    },
  ]);
  const createTicketInSystem = vi.fn(async () => ({ id: "T-1" }));
  const connectOpenAi = async () => client as AgentClient;
  give({
    streamClient: { video: { connectOpenAi } } as never,
    realtimeClient: client as AgentClient,
    createTicketInSystem,
  });
  await run("configuration");
  const done = collect(client, "response.done");
  await run("handling-events");
  await run("stream-video-events");
  await vi.waitFor(() => expect(done).toHaveLength(1));
  await run("sending-events");
  await vi.waitFor(() => expect(done).toHaveLength(3));
  expect(types(agent)).toEqual([
    "session.update",
    "session.update",
    "session.update",
    "conversation.item.create",
    "response.create",
    "conversation.item.create",
    "response.create",
    "conversation.item.create",
    "response.create",
  ]);
  expect(createTicketInSystem.mock.calls).toEqual([["Ann", "a@b", "x"]]);
  expect(client.conversation.getItems().at(-1)?.formatted.transcript).toBe('It is {"success":true,"ticket_id":"T-1"}.');
});

describe("what old code relies on", () => {
  test.each(Object.entries(rows))("%s", async (_name, check) => {
    await check(await start());
  });
});
