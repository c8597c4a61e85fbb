import { describe, expect, it, vi } from "vitest";
import { collect, declareTheirTool, next, startAgent } from "./client-fixture.ts";

const hello = [{ type: "input_text", text: "hello" }] as const;

describe("events of a session", () => {
  it("show the conversation as it grows: appended, updated with what was added, completed once per item", async () => {
    const { client } = await startAgent({}, { settings: { itemDoneFirst: false } });
    const told: string[] = [];
    client.on("conversation.item.appended", ({ item }) => told.push(`appended ${item.role}`));
    client.on("conversation.item.completed", ({ item }) => told.push(`completed ${item.role}`));
    let transcript = "";
    client.on("conversation.updated", ({ item, delta }) => {
      if (item.role === "assistant") transcript += delta?.transcript ?? "";
    });
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(told).toEqual(["appended user", "completed user", "appended assistant", "completed assistant"]);
    const [user, assistant] = client.conversation.getItems();
    expect(user).toMatchObject({ status: "completed", formatted: { text: "hello" } });
    expect(assistant).toMatchObject({ status: "completed", formatted: { transcript } });
    expect(assistant && client.conversation.getItem(assistant.id)).toBe(assistant);
    expect(transcript).not.toBe("");
  });

  it("come under their beta names too, once per event", async () => {
    const { client } = await startAgent();
    const names = [
      ["conversation.item.added", "conversation.item.created"],
      ["response.output_audio.delta", "response.audio.delta"],
      ["response.output_audio_transcript.done", "response.audio_transcript.done"],
    ] as const;
    const heard = names.flat().map((name) => collect(client, name));
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    for (const [index, [today, beta]] of names.entries()) {
      const [now = [], before = []] = [heard[2 * index], heard[2 * index + 1]];
      expect(now.length).toBeGreaterThan(0);
      expect(before.map((event) => ({ ...event, type: today }))).toEqual(now);
      expect(new Set(before.map(({ type }) => type))).toEqual(new Set([beta]));
    }
  });

  it("are in realtime.event once, and again under the beta name where that is asked for", async () => {
    for (const betaEventNames of [false, true]) {
      const { client } = await startAgent({ betaEventNames });
      const records = collect(client, "realtime.event");
      client.sendUserMessageContent(hello);
      await next(client, "response.done");
      const of = (type: string) => records.filter(({ event }) => (event.type as string) === type);
      expect(of("response.output_audio.done")).toHaveLength(1);
      expect(of("response.audio.done")).toHaveLength(betaEventNames ? 1 : 0);
      expect(records.every(({ time, source }) => !Number.isNaN(Date.parse(time)) && /client|server/.test(source))).toBe(
        true,
      );
    }
  });

  it("go on when a listener throws, late or at once, and when all listeners are gone", async () => {
    const { client, log, cloud } = await startAgent();
    client.on("conversation.updated", () => {
      throw new Error("at once");
    });
    client.on("conversation.updated", () => Promise.reject(new Error("late")));
    const done = next(client, "response.done");
    client.sendUserMessageContent(hello);
    await done;
    const failures = log.filter(({ event }) => event === "listener_failed");
    expect(failures.map(({ error }) => (error as { message: string }).message)).toEqual(
      expect.arrayContaining(["at once", "late"]),
    );
    client.clearEventHandlers();
    client.sendUserMessageContent(hello);
    await vi.waitFor(() => expect(cloud.sessions()[0]?.conversation.items).toHaveLength(4));
    expect(client.isConnected()).toBe(true);
  });

  it("are heard once with onNext, and no more after off", async () => {
    const { client } = await startAgent();
    const once = vi.fn();
    const gone = vi.fn();
    const never = vi.fn();
    client.onNext("response.output_audio.delta", once);
    client.off("response.output_audio.delta", client.on("response.output_audio.delta", gone));
    client.onNext("response.created", never);
    client.off("response.created");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(once).toHaveBeenCalledTimes(1);
    expect(gone).not.toHaveBeenCalled();
    expect(never).not.toHaveBeenCalled();
  });
});

describe("the protocol itself", () => {
  it("is heard by direction and type, and by type alone", async () => {
    const { client } = await startAgent();
    const heard: string[] = [];
    client.realtime.on("server.*", ({ type }) => heard.push(`server.* ${type}`));
    client.realtime.on("client.*", ({ type }) => heard.push(`client.* ${type}`));
    client.realtime.on("server.response.done", ({ response }) => heard.push(`server.response.done ${response.status}`));
    client.realtime.on("client.response.create", ({ type }) => heard.push(`client.${type}`));
    client.realtime.on("response.created", ({ type }) => heard.push(type));
    client.realtime.on("close", () => heard.push("close"));
    client.realtime.send("response.create", {});
    await next(client, "response.done");
    await client.disconnect();
    expect(heard.slice(0, 2)).toEqual(["client.response.create", "client.* response.create"]);
    expect(heard).toContain("response.created");
    expect(heard).toContain("server.* response.output_audio.delta");
    expect(heard.filter((one) => one === "server.response.done completed")).toHaveLength(1);
    expect(heard.at(-1)).toBe("close");
    expect(client.realtime.isConnected()).toBe(false);
  });

  it("takes any client event; wishes for a response wait for their turn, and an own event id is kept", async () => {
    const { client, cloud } = await startAgent({}, { settings: { paceFactor: 100 } });
    const done = collect(client, "response.done");
    const { realtime } = client;
    realtime.send("conversation.item.create", {
      event_id: "mine_1",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "one" }] },
    });
    realtime.send("response.create", { event_id: "mine_2", response: { metadata: { topic: "one" } } });
    realtime.send("response.create", { response: { metadata: { topic: "two" } } });
    realtime.send("response.create", { response: { conversation: "none", metadata: { topic: "aside" } } });
    await vi.waitFor(() => expect(done).toHaveLength(3), 3_000);
    const created = cloud.log.since().filter(({ type }) => type === "client.response.create");
    expect(created.map(({ data }) => (data.event as { event_id: string }).event_id)).toContain("mine_2");
    expect(cloud.log.since().filter(({ type }) => type === "server.error")).toEqual([]);
  });

  it("has an application answer a tool that it only declared, in exactly one output and one response", async () => {
    const agent = await startAgent();
    const { client, cloud } = agent;
    declareTheirTool(agent);
    const done = collect(client, "response.done");
    client.on("response.function_call_arguments.done", ({ call_id }) => {
      client.realtime.send("conversation.item.create", {
        item: { type: "function_call_output", call_id, output: "42" },
      });
      client.realtime.send("response.create", {});
    });
    client.sendUserMessageContent(hello);
    await vi.waitFor(() => expect(done).toHaveLength(2), 3_000);
    await client.updatesSettled();
    const outputs = client.conversation.getItems().filter(({ type }) => type === "function_call_output");
    expect(outputs).toMatchObject([{ call_id: "call_theirs", output: "42" }]);
    expect(cloud.log.since().filter(({ type }) => type === "server.error")).toEqual([]);
  });

  it("names what it cannot send", async () => {
    const { client } = await startAgent();
    expect(() => client.realtime.send("response.create", null as never)).toThrow(/fields/);
    expect(() => client.realtime.send("input_audio_buffer.append", { audio: 5 as never })).toThrow(/base64/);
  });
});
