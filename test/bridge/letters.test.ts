import { describe, expect, test } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { letterReader } from "../../bridge-task/task/letters.ts";
import type { ResolvedTools, ToolEntry } from "../../bridge-task/tools/resolve.ts";
import type { Mail } from "../../functions/dispatch/protocol.ts";
import { next, startAgent } from "../realtime/client-fixture.ts";

const toolNamed = (name: string): ResolvedTools["tools"][number] => ({
  definition: { name, parameters: { type: "object" } },
  handler: () => null,
  timeoutMs: 1_000,
});

const resolve = (entries: readonly ToolEntry[]): ResolvedTools => {
  if (entries.includes("unknown")) throw new InvalidInputError('there is no tool "unknown"');
  return { tools: entries.map((entry) => toolNamed(String(entry))), declared: [] };
};

/** An agent in a real session, with the tools "first" and "second", and how letters to it are read. */
const start = async () => {
  const tools = resolve(["first", "second"]);
  const agent = await startAgent({ session: { instructions: "Be brief." }, tools: tools.tools });
  const data = { step: 1 };
  const read = letterReader({ client: agent.client, data, tools, declared: undefined, resolve });
  const toolNames = () => (agent.client.sessionConfig.tools ?? []).map((tool) => ("name" in tool ? tool.name : "?"));
  return { ...agent, data, read, toolNames };
};

const letter = (content: object): Mail => ({ id: "1", atMs: 0, ...content }) as Mail;

describe("an update", () => {
  test("is answered with what is in force and what is not", async () => {
    const { client, read } = await start();
    const session = { instructions: "Be rude.", temperature: 0.4, nonsense: 1 };
    const { applied, notApplied } = (await read(letter({ kind: "update", session }))) as {
      applied: string[];
      notApplied: { field: string; reason: string }[];
    };
    expect(applied).toEqual(["session.instructions"]);
    expect(notApplied.map(({ field }) => field).toSorted()).toEqual(["session.nonsense", "session.temperature"]);
    expect(notApplied.every(({ reason }) => reason.length > 5)).toBe(true);
    expect(client.sessionConfig.instructions).toBe("Be rude.");
  });

  test("of tools takes the place of those that were there, and again of these", async () => {
    const { read, toolNames } = await start();
    expect(toolNames()).toEqual(["first", "second"]);
    const applied = { applied: ["tools"], notApplied: [] };
    expect(await read(letter({ kind: "update", tools: ["second", "third"] }))).toEqual(applied);
    expect(toolNames()).toEqual(["second", "third"]);
    expect(await read(letter({ kind: "update", tools: [] }))).toEqual(applied);
    expect(toolNames()).toEqual([]);
  });

  test("of tools that the server refuses leaves those that were there, and they still work", async () => {
    const { cloud, client, read, toolNames } = await start();
    cloud.faults.refuseNext({
      type: "session.update",
      error: { code: "invalid_value", message: "No.", param: "session.tools" },
    });
    const tried = await read(letter({ kind: "update", tools: ["third"] }));
    expect(tried).toMatchObject({ applied: [], notApplied: [{ field: "tools" }] });
    expect(toolNames()).toEqual(["first", "second"]);
    expect(() => client.addTool({ name: "first" }, () => null)).toThrow(/is there already/);
    expect(await read(letter({ kind: "update", tools: ["third"] }))).toEqual({ applied: ["tools"], notApplied: [] });
    expect(toolNames()).toEqual(["third"]);
  });

  test("of tools one of which the server refuses says which, and has the others", async () => {
    const { cloud, read, toolNames } = await start();
    cloud.faults.refuseNext({
      type: "session.update",
      error: { code: "invalid_value", message: "No.", param: "session.tools[0].parameters" },
    });
    expect(await read(letter({ kind: "update", tools: ["third", "fourth"] }))).toEqual({
      applied: [],
      notApplied: [{ field: "tools[0].parameters", reason: expect.any(String) }],
    });
    expect(toolNames()).toEqual(["fourth"]);
  });

  test("with a tool that does not exist changes nothing of the session, and says so", async () => {
    const { client, read, toolNames } = await start();
    const tried = await read(letter({ kind: "update", session: { instructions: "New." }, tools: ["unknown"] }));
    const reason = expect.stringMatching(/no tool "unknown"/);
    const notApplied = ["session.instructions", "tools"].map((field) => ({ field, reason }));
    expect(tried).toEqual({ applied: [], notApplied });
    expect(toolNames()).toEqual(["first", "second"]);
    expect(client.sessionConfig.instructions).toBe("Be brief.");
  });

  test("of data changes what tools are told, key by key", async () => {
    const { data, read } = await start();
    const answer = await read(letter({ kind: "update", data: { customer: "Ann" } }));
    expect(answer).toEqual({ applied: ["data"], notApplied: [] });
    expect(data).toEqual({ step: 1, customer: "Ann" });
  });
});

describe("a message", () => {
  test("is answered by the agent", async () => {
    const { client, cloud, read } = await start();
    cloud.mind.add([{ when: { heard: "order" }, reply: { text: "It is on its way." } }]);
    const said = next(client, "response.output_audio_transcript.done");
    await read(letter({ kind: "message", text: "Where is my order?", respond: true }));
    expect((await said).transcript).toBe("It is on its way.");
  });

  test("that wants no answer is only known to it", async () => {
    const { client, cloud, read } = await start();
    const items = next(client, "conversation.item.completed");
    await read(letter({ kind: "message", text: "The order was sent.", respond: false }));
    expect((await items).item).toMatchObject({ role: "user" });
    await client.updatesSettled();
    const asked = cloud.log.since().filter(({ type }) => type === "client.response.create");
    expect(asked).toEqual([]);
  });
});
