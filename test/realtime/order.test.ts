import { describe, expect, it, vi } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { chirp, collect, declareTheirTool, next, startAgent } from "./client-fixture.ts";

/* What an application says in one go reaches the server in that order, whatever is on its way. */

const hello = [{ type: "input_text", text: "hello" }] as const;

const wireTypes = (client: Awaited<ReturnType<typeof startAgent>>["client"]): string[] => {
  const types: string[] = [];
  client.realtime.on("client.*", ({ type }) => types.push(type.replace("input_audio_buffer", "audio")));
  return types;
};

describe("the first word", () => {
  it("obeys settings that were refused and mended meanwhile", async () => {
    const { client, cloud } = await startAgent();
    cloud.mind.add([{ when: { instructions: "pirate" }, reply: { text: "Ahoy." } }]);
    client.updateSession({ instructions: "You are a pirate.", tool_choice: "sometimes" as never });
    client.sendUserMessageContent(hello);
    expect(await next(client, "response.output_audio_transcript.done")).toMatchObject({ transcript: "Ahoy." });
  });
});

describe("without voice activity detection", () => {
  const pushToTalk = async () => {
    const agent = await startAgent();
    agent.session.audio.listen();
    return { ...agent, types: wireTypes(agent.client) };
  };

  it("what is said right after turning it off is committed and answered", async () => {
    const { client, types, cloud } = await pushToTalk();
    client.updateSession({ turn_detection: null });
    client.appendInputAudio(chirp(300));
    client.createResponse();
    await next(client, "response.done");
    expect(types).toEqual(["session.update", "audio.append", "audio.commit", "response.create"]);
    expect(
      cloud
        .sessions()[0]
        ?.items()
        .map(({ type }) => type),
    ).toEqual(["message", "message"]);
  });

  it("a typed message commits what was heard before it is answered", async () => {
    const { client, types } = await pushToTalk();
    client.updateSession({ turn_detection: null });
    await client.updatesSettled();
    client.appendInputAudio(chirp(300));
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(types.slice(-3)).toEqual(["conversation.item.create", "audio.commit", "response.create"]);
  });

  it("raw events keep their order: what is cleared is not heard, what is committed is", async () => {
    const { client, types } = await pushToTalk();
    client.updateSession({ turn_detection: null });
    const audio = Buffer.from(chirp(300).buffer).toString("base64");
    client.realtime.send("input_audio_buffer.append", { audio });
    client.realtime.send("input_audio_buffer.clear", {});
    client.realtime.send("input_audio_buffer.append", { audio });
    client.realtime.send("input_audio_buffer.commit", {});
    client.realtime.send("response.create", {});
    await next(client, "response.done");
    expect(types).toEqual(["session.update", "audio.clear", "audio.append", "audio.commit", "response.create"]);
  });
});

describe("audio that waits", () => {
  it("may overflow: a commit that went with it holds nothing up", async () => {
    const { client, session } = await startAgent({ maxHeldAudioMs: 500 });
    client.updateSession({ turn_detection: null });
    await client.updatesSettled();
    client.appendInputAudio(chirp(300));
    client.createResponse();
    client.appendInputAudio(chirp(600));
    session.audio.listen();
    await next(client, "response.done");
  });

  it("is not taken for committed where it came after the commit", async () => {
    const { client, session, cloud } = await startAgent();
    client.updateSession({ turn_detection: null });
    await client.updatesSettled();
    session.audio.listen();
    client.appendInputAudio(chirp(300));
    client.realtime.send("input_audio_buffer.commit", {});
    client.appendInputAudio(chirp(300));
    await next(client, "input_audio_buffer.committed");
    client.createResponse();
    await next(client, "response.done");
    expect(
      cloud
        .sessions()[0]
        ?.items()
        .filter((item) => "role" in item && item.role === "user"),
    ).toHaveLength(2);
  });

  it("is committed as asked: where there is none, the server says so", async () => {
    const { client, session, cloud } = await startAgent();
    session.audio.listen();
    client.realtime.send("input_audio_buffer.commit", { event_id: "mine" });
    const isTold = ({ type, data }: { type: string; data: object }) =>
      type === "server.error" && JSON.stringify(data).includes('"mine"');
    await cloud.log.waitFor(isTold, 2_000, "the error");
  });
});

describe("an application that answers a tool's call itself", () => {
  it("gets the response that it asks for, and no other", async () => {
    const agent = await startAgent();
    const { client, cloud } = agent;
    declareTheirTool(agent);
    const created = collect(client, "response.created");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    client.realtime.send("conversation.item.create", {
      item: { type: "function_call_output", call_id: "call_theirs", output: "42" },
    });
    client.realtime.send("response.create", { response: { instructions: "Say it briefly." } });
    await next(client, "response.done");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(created).toHaveLength(2);
    const asked = cloud.log.since().filter(({ type }) => type === "client.response.create");
    expect(asked.at(-1)?.data.event).toMatchObject({ response: { instructions: "Say it briefly." } });
  });

  it("is answered all the same where it asks for nothing", async () => {
    const agent = await startAgent();
    const { client } = agent;
    declareTheirTool(agent);
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    client.realtime.send("conversation.item.create", {
      item: { type: "function_call_output", call_id: "call_theirs", output: "42" },
    });
    expect(await next(client, "response.output_audio_transcript.done")).toMatchObject({ transcript: "Done." });
  });
});

describe("a tool with a handler", () => {
  it("is spoken about also where the application asks for something else meanwhile, and told of when its output is out", async () => {
    const { client, cloud } = await startAgent();
    cloud.mind.add([
      { when: { instructions: "nine" }, reply: { text: "We close at nine." } },
      { when: { after: "tool" }, reply: { text: "Done." } },
      { when: { heard: "hello" }, reply: { toolCalls: [{ name: "ours", arguments: {} }] } },
    ]);
    const types = wireTypes(client);
    client.addTool({ name: "ours" }, () => new Promise((resolve) => setTimeout(resolve, 30, 42)));
    const finished = collect(client, "tool.finished");
    client.on("tool.finished", () => types.push("told"));
    const said = collect(client, "response.output_audio_transcript.done");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    client.createResponse({ instructions: "Say that we close at nine." });
    await vi.waitFor(() => expect(said).toHaveLength(2), 3_000);
    expect(said.map(({ transcript }) => transcript)).toEqual(["We close at nine.", "Done."]);
    expect(finished).toMatchObject([{ name: "ours", status: "done", output: "42" }]);
    expect(types.indexOf("told")).toBeGreaterThan(types.lastIndexOf("conversation.item.create"));
  });
});

describe("what is told", () => {
  it("comes in the order of the wire, also where a listener sends something", async () => {
    const { client, cloud } = await startAgent();
    const types: string[] = [];
    client.realtime.on("client.*", ({ type }) => types.push(type));
    client.onNext("conversation.item.added", () => client.deleteItem("item_nobody"));
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    const sent = cloud.log
      .since()
      .filter(({ type }) => type.startsWith("client."))
      .map(({ type }) => type.slice("client.".length));
    expect(types).toEqual(sent.slice(-types.length));
  });

  it("reaches waits that began before all listeners were dropped, and once-listeners once", async () => {
    const { client } = await startAgent();
    const item = client.waitForNextItem();
    const once = vi.fn(() => client.updateSession({ instructions: "again" }));
    client.onNext("realtime.event", once);
    client.off("conversation.item.appended");
    client.sendUserMessageContent(hello);
    expect(await item).toMatchObject({ item: { role: "user" } });
    await next(client, "response.done");
    expect(once).toHaveBeenCalledTimes(1);
  });

  it("goes on where an application's logger throws", async () => {
    const broken = {
      ...createLogger({ write: () => undefined }),
      error: () => {
        throw new Error("the disk is full");
      },
    };
    const { client } = await startAgent({ logger: broken });
    client.on("response.created", () => {
      throw new Error("a listener's");
    });
    const closed = next(client, "close");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    await client.disconnect();
    expect(await closed).toMatchObject({ cause: "disconnected" });
  });

  it("survives events that no server should send", async () => {
    const { client, cloud, log } = await startAgent();
    const [session] = cloud.sessions();
    const broken = [
      { type: "conversation.item.added", item: { id: "i1", type: "message", role: "assistant", content: [null] } },
      { type: "conversation.item.added", item: null },
      { type: "response.done" },
      { type: "response.output_audio.delta", item_id: 5, delta: null },
      { type: "error" },
    ];
    for (const { type, ...fields } of broken) session?.send(type, fields as never);
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(client.isConnected()).toBe(true);
    expect(log.filter(({ event }) => event === "server_event_failed").length).toBeGreaterThan(0);
    await client.disconnect();
  });

  it("does not end the process where nobody waits for an item that never comes", async () => {
    const { client } = await startAgent();
    void client.waitForNextItem();
    void client.waitForNextCompletedItem();
    await client.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.addTool({ name: "late" }, () => 1);
    await client.updatesSettled();
  });

  it("names a setting that cannot be had, and goes on", async () => {
    const { client, cloud } = await startAgent();
    const told = {
      code: "model_not_found",
      message: "No such model.",
      param: "session.audio.input.transcription.model",
    };
    cloud.faults.refuseNext({ type: "session.update", error: told });
    const error = next(client, "error");
    client.updateSession({ instructions: "kept", input_audio_transcription: { model: "no-such-model" } });
    expect(await error).toMatchObject({ action: "ignore", message: "No such model." });
    await client.updatesSettled();
    expect(client.isConnected()).toBe(true);
    expect(cloud.sessions()[0]?.config.instructions).toBe("kept");
  });

  it("finds an application's own event id again in the error about its update", async () => {
    const { client } = await startAgent();
    const error = next(client, "error");
    client.realtime.send("session.update", {
      event_id: "mine",
      session: { type: "realtime", tool_choice: "sometimes" as never },
    });
    expect(await error).toMatchObject({ error: { event_id: "mine" } });
  });
});
