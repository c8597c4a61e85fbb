import { describe, expect, it } from "vitest";
import { chirp, collect, connectAgent, next, play, silence, startAgent, startCloud } from "./client-fixture.ts";

const hello = [{ type: "input_text" as const, text: "hello" }];

describe("a session", () => {
  it("is ready with our settings in force before any audio", async () => {
    const { cloud, client } = await startAgent({ session: { instructions: "Be brief.", voice: "alloy" } });
    expect(client.isConnected()).toBe(true);
    expect(await client.waitForSessionCreated()).toBe(true);
    expect(cloud.sessions()[0]?.config.model).toBe("gpt-realtime-2.1");
    expect(cloud.sessions()[0]?.config).toMatchObject({
      instructions: "Be brief.",
      audio: {
        input: { transcription: { model: "gpt-transcribe" }, turn_detection: { type: "server_vad" } },
        output: { voice: "alloy" },
      },
    });
  });

  it("keeps audio until it may listen and no update is unanswered, then sends it in order", async () => {
    const { cloud, client, session } = await startAgent();
    const { log } = cloud;
    client.appendInputAudio(silence(20));
    client.updateSession({ instructions: "first" });
    session.audio.listen();
    client.appendInputAudio(silence(40));
    expect(log.since().some(({ type }) => type === "client.input_audio_buffer.append")).toBe(false);
    await client.updatesSettled();
    client.appendInputAudio(silence(60));
    await log.waitFor(({ data }) => data.endMs === 120, 2_000, "120 ms of audio");
    const types = log.since().map(({ type }) => type);
    expect(types.lastIndexOf("server.session.updated")).toBeLessThan(types.indexOf("client.input_audio_buffer.append"));
    const samples = log.since().filter(({ type }) => type === "client.input_audio_buffer.append");
    expect(samples.map(({ data }) => data.samples)).toEqual([480, 960, 1_440]);
  });

  it("takes old flat settings, leaves out what the server does not know, and says so once", async () => {
    const { cloud, client, log } = await startAgent();
    const update = { temperature: 0.8, turn_detection: null, nonsense: 1, instructions: "kept" };
    client.updateSession(update);
    client.updateSession({ temperature: 0.7 });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config).toMatchObject({
      instructions: "kept",
      audio: { input: { turn_detection: null } },
    });
    const warnings = log.filter(({ event }) => event === "session_setting_left_out").map(({ warning }) => warning);
    expect(warnings).toEqual([
      "temperature is gone from the Realtime API and was left out.",
      "Unknown session settings were left out: nonsense.",
    ]);
  });

  it("does not lose the rest of an update of which the server refuses one setting", async () => {
    const { cloud, client } = await startAgent();
    const error = next(client, "error");
    client.updateSession({ instructions: "first", tool_choice: "sometimes" as never, max_output_tokens: 100 });
    client.updateSession({ instructions: "second" });
    expect(await error).toMatchObject({
      message: expect.stringContaining("sometimes"),
      action: "ignore",
      advice: "The rest of the update was sent again without it.",
    });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config).toMatchObject({ instructions: "second", max_output_tokens: 100 });
    expect(client.isConnected()).toBe(true);
  });

  it("repairs an update also where the server's errors name no event", async () => {
    const { cloud, client } = await startAgent({}, { settings: { errorsNameEvents: false } });
    const error = next(client, "error");
    client.updateSession({ instructions: "kept", tool_choice: "sometimes" as never });
    expect(await error).toMatchObject({ advice: "The rest of the update was sent again without it." });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config.instructions).toBe("kept");
  });

  it("loses nothing but the setting at fault where the server does not name it", async () => {
    const { cloud, client } = await startAgent();
    cloud.faults.refuseNext({
      type: "session.update",
      error: { code: "invalid_value", message: "Something is wrong." },
    });
    const errors = collect(client, "error");
    client.updateSession({ instructions: "kept", tool_choice: "sometimes" as never, max_output_tokens: 7 });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config).toMatchObject({
      instructions: "kept",
      max_output_tokens: 7,
      tool_choice: "auto",
    });
    expect(errors).toMatchObject([{ advice: "The other settings of the update stand." }]);
  });

  it("says what is in force where what was asked for was refused", async () => {
    const { cloud, client } = await startAgent();
    const told = { code: "invalid_value", message: "No.", param: "session.audio.input.turn_detection" };
    cloud.faults.refuseNext({ type: "session.update", error: told });
    client.updateSession({ turn_detection: null });
    expect(client.getTurnDetectionType()).toBeNull();
    await client.updatesSettled();
    expect(client.getTurnDetectionType()).toBe("server_vad");
  });

  it("refuses an update that is none, and leaves out tools that are no list", async () => {
    const { cloud, client } = await startAgent();
    for (const none of ["loud", null, []])
      expect(() => client.updateSession(none as never)).toThrow(/object of settings/);
    client.addTool({ name: "kept" }, () => 1);
    client.updateSession({ tools: "all" as never, instructions: "kept" });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config).toMatchObject({ instructions: "kept", tools: [{ name: "kept" }] });
  });

  it("never sends the voice again once it was heard", async () => {
    const { cloud, client } = await startAgent();
    const errors = collect(client, "error");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    client.updateSession({ voice: "alloy", instructions: "kept" });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config).toMatchObject({ instructions: "kept", audio: { output: { voice: "marin" } } });
    expect(errors).toEqual([]);
  });
});

describe("a typed turn", () => {
  it("is answered by voice, and every event comes under its own type and as realtime.event", async () => {
    const { client, playout, cloud } = await startAgent();
    const records = collect(client, "realtime.event");
    const states = collect(client, "agent.state");
    client.sendUserMessageContent(hello);
    const { response } = await next(client, "response.done");
    expect(response.status).toBe("completed");
    expect(playout.queuedMs).toBeGreaterThan(500);
    const types = records.map(({ source, event }) => `${source} ${event.type}`);
    expect(types.slice(0, 2)).toEqual(["client conversation.item.create", "client response.create"]);
    expect(types).toContain("server response.output_audio.delta");
    play(playout, Math.ceil(playout.queuedMs / 20) + 1);
    await next(client, "agent.state");
    expect(states.map(({ state }) => state)).toEqual(["thinking", "speaking", "listening"]);
    expect(cloud.sessions()[0]?.conversation.items).toHaveLength(2);
  });

  it("may come while a response is active: the next one waits, and nothing is refused", async () => {
    const { client, cloud } = await startAgent({}, { settings: { paceFactor: 200 } });
    const errors = collect(client, "error");
    const done = collect(client, "response.done");
    client.sendUserMessageContent(hello);
    await next(client, "response.created");
    client.sendUserMessageContent(hello);
    client.createResponse();
    await next(client, "response.done");
    await next(client, "response.done");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toHaveLength(2);
    expect(errors).toEqual([]);
    expect(cloud.log.since().filter(({ type }) => type === "server.error")).toEqual([]);
  });

  it("is cancelled with what was heard of it kept, also before the response has an id", async () => {
    const { client, cloud, playout } = await startAgent();
    cloud.faults.nextResponse({ createdAfterMs: 50 });
    client.sendUserMessageContent(hello);
    client.cancelResponse();
    const { response } = await next(client, "response.done");
    expect(response.status).toBe("cancelled");
    expect(playout.queuedMs).toBe(0);
  });

  it("says what it is prompted to, on top of its instructions", async () => {
    const { client, cloud, session } = await startAgent({ session: { instructions: "Be Nova." } });
    session.requests.prompt("Greet the caller.");
    await next(client, "response.done");
    const create = cloud.log.since().find(({ type }) => type === "client.response.create");
    expect(create?.data.event).toMatchObject({ response: { instructions: "Be Nova.\n\nGreet the caller." } });
  });
});

describe("a spoken turn", () => {
  const speak = async (client: Awaited<ReturnType<typeof startAgent>>["client"]) => {
    for (let frame = 0; frame < 40; frame += 1)
      client.appendInputAudio(chirp(800).subarray(frame * 480, (frame + 1) * 480));
  };

  it("is heard, answered, and when a person interrupts the server keeps exactly what was sent", async () => {
    const { client, cloud, session, playout } = await startAgent();
    session.audio.listen();
    await speak(client);
    client.appendInputAudio(silence(1_000));
    await next(client, "response.done");
    const answer = cloud.sessions()[0]?.conversation.items.at(-1);
    expect(playout.queuedMs).toBeGreaterThan(400);
    play(playout, 13);
    const interrupted = next(client, "conversation.interrupted");
    const truncated = next(client, "conversation.item.truncated");
    await speak(client);
    await interrupted;
    expect(playout.queuedMs).toBe(0);
    expect(await truncated).toMatchObject({ item_id: answer?.item.id, audio_end_ms: 260 });
    expect(answer?.audioSamples).toBe(260 * 24);
  });

  it("removes from the conversation what nobody heard", async () => {
    const { client, cloud, session } = await startAgent();
    session.audio.listen();
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    const deleted = next(client, "conversation.item.deleted");
    await speak(client);
    const { item_id } = await deleted;
    expect(cloud.sessions()[0]?.conversation.get(item_id)).toBeUndefined();
  });

  it("drops the audio that still arrives of a response that was interrupted", async () => {
    const { client, cloud, session, playout } = await startAgent(
      {},
      { settings: { paceFactor: 5, chunkMs: [100, 100] } },
    );
    cloud.faults.nextResponse({ lateDeltas: 3 });
    session.audio.listen();
    client.sendUserMessageContent([{ type: "input_text", text: "Tell me something long, please." }]);
    await next(client, "response.output_audio.delta");
    play(playout, 2);
    const deltas = collect(client, "response.output_audio.delta");
    const done = next(client, "response.done");
    await speak(client);
    expect((await done).response).toMatchObject({ status: "cancelled", status_details: { reason: "turn_detected" } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(deltas.length).toBeGreaterThanOrEqual(3);
    expect(playout.queuedMs).toBe(0);
  });
});

describe("errors", () => {
  it("reach the application with advice, and the session goes on", async () => {
    const { client, cloud } = await startAgent();
    const error = next(client, "error");
    client.createResponse({ tool_choice: "sometimes" as never });
    expect(await error).toMatchObject({ type: "error", error: { type: "invalid_request_error" }, action: "ignore" });
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(cloud.sessions()[0]?.closed).toBeUndefined();
  });

  it("that are harmless races reach nobody", async () => {
    const { client, cloud } = await startAgent();
    const errors = collect(client, "error");
    client.cancelResponse();
    await cloud.log.waitFor(({ type }) => type === "server.error", 2_000, "the refused cancel");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(errors).toEqual([]);
  });

  it("of the server's own are told, and the response is tried again", async () => {
    const { client, cloud } = await startAgent();
    cloud.faults.nextResponse({ serverErrorAfterMs: 100 });
    const error = next(client, "error");
    client.sendUserMessageContent(hello);
    expect(await error).toMatchObject({ action: "retry", error: { type: "server_error" } });
    expect(
      (await next(client, "response.done", ({ response }) => response.status === "completed")).response.id,
    ).toBeDefined();
  });

  it("that no session will get over end this one at once, with the reason", async () => {
    const { client, cloud } = await startAgent();
    const told = { code: "insufficient_quota", message: "You exceeded your current quota." };
    cloud.faults.refuseNext({ type: "response.create", error: told });
    const closed = next(client, "close");
    client.createResponse();
    expect(await closed).toMatchObject({ cause: "model_refused", error: { code: "insufficient_quota" } });
    expect(client.isConnected()).toBe(false);
  });

  it("of a listener harm nobody", async () => {
    const { client, log } = await startAgent();
    client.on("response.created", () => {
      throw new Error("as in the documentation's samples");
    });
    client.on("response.created", async () => Promise.reject(new Error("later")));
    const created = collect(client, "response.created");
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    expect(created).toHaveLength(1);
    // The first of a name is logged, then the tenth: a listener that fails for every piece of sound would fill the log.
    expect(log.filter(({ event }) => event === "listener_failed")).toMatchObject([
      { listener: "response.created", count: 1 },
    ]);
  });
});

describe("the end", () => {
  it("is told once when the server is killed", async () => {
    const { client, cloud } = await startAgent();
    const ends = collect(client, "close");
    const closed = next(client, "close");
    await cloud.kill();
    expect(await closed).toMatchObject({ cause: "model_lost", error: { retryable: true } });
    expect(client.isConnected()).toBe(false);
    expect(client.sendUserMessageContent(hello)).toBe(true);
    await client.disconnect();
    expect(ends).toHaveLength(1);
  });

  it("comes at once when the application disconnects, and the server sees a clean close", async () => {
    const { client, cloud } = await startAgent();
    const ends = collect(client, "close");
    const gone = client.disconnect();
    expect(ends).toMatchObject([{ cause: "disconnected" }]);
    await gone;
    await client.disconnect();
    expect(ends).toHaveLength(1);
    await cloud.log.waitFor(({ type }) => type === "session.closed", 2_000, "the server's close");
    expect(cloud.sessions()[0]?.closed?.code).toBe(1_000);
  });
});

describe("connecting", () => {
  it("says what to do about a wrong key, and leaves nothing open", async () => {
    const cloud = await startCloud();
    await expect(connectAgent(cloud, { apiKey: "sk-wrong" })).rejects.toMatchObject({
      name: "ModelError",
      reason: "model_refused",
      code: "invalid_api_key",
      retryable: false,
      message: expect.stringContaining("OPENAI_API_KEY"),
    });
    await expect(connectAgent(cloud, { apiKey: "" })).rejects.toMatchObject({ code: "invalid_input" });
    expect(cloud.sessions().filter(({ closed }) => closed === undefined)).toEqual([]);
  });

  it("says what to do about a certificate that is not trusted", async () => {
    const cloud = await startCloud();
    await expect(connectAgent(cloud, { wsOptions: {} })).rejects.toMatchObject({
      reason: "model_lost",
      retryable: false,
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
  });

  it("may be tried again when nobody answers", async () => {
    const cloud = await startCloud();
    await cloud.kill();
    await expect(connectAgent(cloud)).rejects.toMatchObject({ code: "model_unreachable", retryable: true });
    await expect(connectAgent(cloud, { baseUrl: cloud.baseUrl.replace("https", "http") })).rejects.toMatchObject({
      code: "invalid_input",
    });
  });

  it("fails with the reason when the first settings are refused altogether", async () => {
    const cloud = await startCloud();
    const refusal = { type: "session.update", error: { code: "invalid_value", message: "No." } };
    // Whole, and then each of its settings.
    for (let times = 0; times < 20; times += 1) cloud.faults.refuseNext(refusal);
    await expect(connectAgent(cloud)).rejects.toMatchObject({ reason: "model_refused", code: "invalid_value" });
  });

  it("replaces a retired model by the default, with one warning", async () => {
    const { cloud, log } = await startAgent({ model: "gpt-4o-realtime-preview" });
    expect(cloud.sessions()[0]?.config.model).toBe("gpt-realtime-2.1");
    expect(log.filter(({ event }) => event === "model_replaced")).toHaveLength(1);
  });
});
