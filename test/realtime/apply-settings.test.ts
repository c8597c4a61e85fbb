import { describe, expect, it } from "vitest";
import { collect, next, startAgent } from "./client-fixture.ts";

const hello = [{ type: "input_text" as const, text: "hello" }];

describe("settings that are applied", () => {
  it("are told as they were named, old or new, once they are in force", async () => {
    const { client, cloud } = await startAgent();
    const update = { voice: "alloy", instructions: "Be brief.", audio: { output: { speed: 1.2 } } };
    expect(await client.applySettings(update)).toEqual({
      applied: expect.arrayContaining(["voice", "instructions", "audio.output.speed"]),
      notApplied: [],
    });
    expect(cloud.sessions()[0]?.config).toMatchObject({
      instructions: "Be brief.",
      audio: { output: { voice: "alloy", speed: 1.2 } },
    });
  });

  it("are told apart from those that cannot be, whoever says so, with the reason", async () => {
    const { client, cloud } = await startAgent();
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    const update = {
      voice: "alloy",
      instructions: "kept",
      nonsense: 1,
      temperature: 0.7,
      speed: 9,
      tool_choice: "sometimes" as never,
      audio: { input: { gain: 2 } as never },
    };
    for (let time = 0; time < 2; time += 1) {
      const { applied, notApplied } = await client.applySettings(update);
      expect(applied).toEqual(["instructions"]);
      expect(Object.fromEntries(notApplied.map(({ field, reason }) => [field, reason]))).toEqual({
        voice: expect.stringMatching(/cannot change once the agent has spoken/),
        nonsense: expect.stringMatching(/no such session setting/),
        temperature: expect.stringMatching(/is gone/),
        speed: expect.stringMatching(/must be from 0.25 to 1.5/),
        tool_choice: expect.stringMatching(/sometimes/),
        "audio.input.gain": expect.stringMatching(/no such session setting/),
      });
    }
    expect(cloud.sessions()[0]?.config.instructions).toBe("kept");
  });

  it("are found one by one where the server does not name what is wrong", async () => {
    const { client, cloud } = await startAgent();
    cloud.faults.refuseNext({
      type: "session.update",
      error: { code: "invalid_value", message: "Something is wrong." },
    });
    const update = { instructions: "kept", max_output_tokens: 7, tool_choice: "sometimes" as never };
    expect(await client.applySettings(update)).toEqual({
      applied: ["instructions", "max_output_tokens"],
      notApplied: [{ field: "tool_choice", reason: expect.stringMatching(/sometimes/) }],
    });
  });

  it("are in force as the newer update has them", async () => {
    const { client, cloud } = await startAgent();
    const told = { code: "invalid_value", message: "No.", param: "session.tool_choice" };
    cloud.faults.refuseNext({ type: "session.update", error: told });
    const older = client.applySettings({ instructions: "older", tool_choice: "auto", max_output_tokens: 7 });
    client.updateSession({ instructions: "newer" });
    expect(await older).toEqual({
      applied: ["max_output_tokens"],
      notApplied: [
        { field: "tool_choice", reason: "No." },
        { field: "instructions", reason: "A newer update has set it." },
      ],
    });
    await client.updatesSettled();
    expect(cloud.sessions()[0]?.config.instructions).toBe("newer");
  });

  it("take tools away and add others in the same update, or change nothing", async () => {
    const { client, cloud, session } = await startAgent({
      tools: [{ definition: { name: "first" }, handler: () => 1, timeoutMs: 500 }],
    });
    const names = () => cloud.sessions()[0]?.config.tools.map((tool) => (tool as { name?: string }).name);
    expect(names()).toEqual(["first"]);
    expect(session.settings.tools.get("first")?.timeoutMs).toBe(500);
    const updates = collect(client, "client.session.update" as "session.updated");
    const add = [{ definition: { name: "second" }, handler: () => 2 }];
    const applied = client.applySettings({ instructions: "kept" }, { remove: ["first", "unknown"], add });
    expect(await applied).toEqual({ applied: expect.arrayContaining(["instructions", "tools"]), notApplied: [] });
    expect(names()).toEqual(["second"]);
    expect(updates.length).toBeLessThanOrEqual(1);
    const taken = client.applySettings({ instructions: "lost" }, { remove: ["second"], add: [...add, ...add] });
    await expect(taken).rejects.toThrow(/"second" is there already/);
    expect(session.settings.tools.get("second")).toBeDefined();
    expect(await client.applySettings({})).toEqual({ applied: [], notApplied: [] });
    expect(cloud.sessions()[0]?.config).toMatchObject({ instructions: "kept" });
    expect(names()).toEqual(["second"]);
  });

  it("may be long, and take a tool away while it runs: what it brings is told all the same", async () => {
    const { client, cloud } = await startAgent();
    cloud.mind.add([
      { when: { after: "tool" }, reply: { text: "Found: {output}." } },
      { when: { heard: "hello" }, reply: { toolCalls: [{ name: "look_up", arguments: {}, callId: "call_a" }] } },
    ]);
    const found = Promise.withResolvers<string>();
    client.addTool({ name: "look_up" }, () => found.promise);
    client.sendUserMessageContent(hello);
    await next(client, "tool.started");
    const instructions = "é".repeat(24_000);
    const outcome = await client.applySettings({ instructions }, { remove: ["look_up"] });
    expect(outcome).toEqual({ applied: expect.arrayContaining(["instructions", "tools"]), notApplied: [] });
    expect(cloud.sessions()[0]?.config).toMatchObject({ instructions, tools: [] });
    found.resolve("A-1");
    expect(await next(client, "tool.finished")).toMatchObject({ status: "done", output: '"A-1"' });
    await next(client, "response.output_audio_transcript.done", ({ transcript }) => transcript === 'Found: "A-1".');
  });

  it("are not in force where the session ends first, or is over", async () => {
    const { client, cloud } = await startAgent();
    cloud.faults.refuseNext({ type: "session.update", error: { code: "invalid_value", message: "No." } });
    const applied = client.applySettings({ instructions: "late", max_output_tokens: 7 });
    void client.disconnect();
    const ended = {
      applied: [],
      notApplied: expect.arrayContaining([expect.objectContaining({ field: "instructions" })]),
    };
    expect(await applied).toMatchObject(ended);
    expect(await client.applySettings({ instructions: "later" })).toMatchObject(ended);
  });
});

it("adds what is written to the conversation, to be heeded by the next response", async () => {
  const { client, cloud } = await startAgent();
  client.sendUserMessageContent([{ type: "input_text", text: "The order is A-1." }], { respond: false });
  await next(client, "conversation.item.completed");
  expect(cloud.log.since().some(({ type }) => type === "client.response.create")).toBe(false);
  client.createResponse();
  await next(client, "response.done");
  expect(client.conversation.getItems()).toHaveLength(2);
});
