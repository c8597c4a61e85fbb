import { describe, expect, it } from "vitest";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Agent, collect, next, play, startAgent } from "./client-fixture.ts";

const hello = [{ type: "input_text" as const, text: "hello" }];
const sentence = "One moment, I am looking.";

/** The model calls `look_up` when it is typed to, says the sentence it is told to say, and then what the tool brought. */
const teach = ({ cloud }: Agent): void =>
  cloud.mind.add([
    { when: { instructions: "^Say exactly this" }, reply: { text: sentence } },
    { when: { after: "tool" }, reply: { text: "Found: {output}." } },
    { when: { heard: "hello" }, reply: { toolCalls: [{ name: "look_up", arguments: {}, callId: "call_a" }] } },
  ]);

/** What the agent said, in order. */
const said = ({ cloud }: Agent): string[] =>
  cloud.log
    .since()
    .filter(({ type }) => type === "server.response.output_audio_transcript.done")
    .map(({ data }) => (data.event as { transcript: string }).transcript);

const isOutput = ({ type, data }: CloudEvent): boolean =>
  type === "client.conversation.item.create" &&
  (data.event as { item: { type: string } }).item.type === "function_call_output";

/** Speaks until there is nothing left to say. */
const playAll = ({ playout }: Agent): void => play(playout, Math.ceil(playout.queuedMs / 20) + 1);

describe("a tool with a sentence for when it is slow", () => {
  it("has it said after a second, in the agent's voice, and then its result; the conversation holds only the latter", async () => {
    const agent = await startAgent();
    teach(agent);
    const { client, cloud } = agent;
    const found = Promise.withResolvers<string>();
    client.addTool({ name: "look_up" }, () => found.promise, { speaking: sentence });
    const started = next(client, "tool.started");
    client.sendUserMessageContent(hello);
    expect(await started).toEqual({ name: "look_up", callId: "call_a" });
    const { atMs: calledAtMs } = await cloud.log.waitFor(
      ({ type }) => type === "server.response.function_call_arguments.done",
      2_000,
      "the call",
    );
    const asked = await cloud.log.waitFor(
      ({ type, data }) => type === "client.response.create" && JSON.stringify(data).includes(sentence),
      3_000,
      "the sentence",
    );
    expect(asked.atMs - calledAtMs).toBeGreaterThan(950);
    await next(client, "agent.state", ({ state }) => state === "speaking");
    await next(client, "response.done");
    playAll(agent);
    found.resolve("A-1");
    await next(client, "response.done");
    const quiet = next(client, "agent.state", ({ state }) => state === "listening");
    playAll(agent);
    await quiet;
    expect(said(agent)).toEqual([sentence, 'Found: "A-1".']);
    expect(cloud.log.since().filter(isOutput)).toHaveLength(1);
    const texts = client.conversation.getItems().map(({ formatted }) => formatted.transcript);
    expect(texts).not.toContain(sentence);
  });

  it("has nothing said when it is fast", async () => {
    const agent = await startAgent();
    teach(agent);
    const { client } = agent;
    client.addTool({ name: "look_up" }, () => "A-1", { speaking: sentence });
    const errors = collect(client, "error");
    client.sendUserMessageContent(hello);
    await next(client, "tool.finished");
    await next(client, "response.done");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(said(agent)).toEqual(['Found: "A-1".']);
    expect(errors).toEqual([]);
  });

  it("has it written, and no voice, where the session is one of text", async () => {
    const agent = await startAgent({ session: { output_modalities: ["text"] } });
    teach(agent);
    const { client, playout } = agent;
    const states = collect(client, "agent.state");
    const found = Promise.withResolvers<string>();
    client.addTool({ name: "look_up" }, () => found.promise, { speaking: sentence });
    client.sendUserMessageContent(hello);
    await next(client, "response.output_text.done", ({ text }) => text === sentence);
    found.resolve("A-1");
    const told = next(client, "response.output_text.done", ({ text }) => text === 'Found: "A-1".');
    await Promise.all([told, next(client, "agent.state", ({ state }) => state === "listening")]);
    expect(states.map(({ state }) => state)).not.toContain("speaking");
    expect(playout.queuedMs).toBe(0);
  });

  it("must have a sentence, if any", async () => {
    const { client } = await startAgent();
    for (const speaking of ["", " ", 7 as never])
      expect(() => client.addTool({ name: "look_up" }, () => 1, { speaking })).toThrow(/must be a sentence/);
  });
});

describe("a tool with which the model takes its leave", () => {
  it("has no words after the goodbye", async () => {
    const agent = await startAgent();
    const { client, cloud } = agent;
    cloud.mind.add([
      { when: { after: "tool" }, reply: { text: "One more thing." } },
      { when: { heard: "hello" }, reply: { text: "Goodbye!", toolCalls: [{ name: "bye", arguments: {} }] } },
    ]);
    client.addTool({ name: "bye" }, () => ({ ok: true }), { isFarewell: true });
    client.sendUserMessageContent(hello);
    await Promise.all([next(client, "tool.finished"), next(client, "response.done")]);
    const quiet = next(client, "agent.state", ({ state }) => state === "listening");
    playAll(agent);
    await quiet;
    await cloud.log.waitFor(isOutput, 2_000, "the tool's output");
    expect(said(agent)).toEqual(["Goodbye!"]);
    expect(cloud.log.since().filter(isOutput)).toHaveLength(1);
    expect(cloud.log.since().filter(({ type }) => type === "client.response.create")).toHaveLength(1);
  });
});
