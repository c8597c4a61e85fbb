import { describe, expect, test } from "vitest";
import type { AgentClient } from "../../bridge-task/agent-client.ts";
import type { AgentCall } from "../../bridge-task/agents/agent.ts";
import { findAgent } from "../../bridge-task/agents/index.ts";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { planOf } from "../../bridge-task/task/plan.ts";
import { next, startAgent } from "../realtime/client-fixture.ts";

const planned = (custom: AgentCall["custom"], data: Record<string, unknown> = {}) =>
  planOf({ agent: "lucy", user: { id: "lucy" }, data }, findAgent("lucy"), {
    agentUserId: "lucy",
    callFacts: async () => ({ type: "default", id: "1", cid: "default:1", custom, createdBy: undefined }),
    secret: () => undefined,
  });

test("an agent that does not exist is named, with those that do", () => {
  expect(() => findAgent("bob")).toThrow(InvalidInputError);
  expect(() => findAgent("bob")).toThrow(/"bob".*lucy.*agents\/bob/);
  expect(() => findAgent("constructor")).toThrow(InvalidInputError);
});

describe("Lucy", () => {
  test("begins in the language that the call's creator asked for", async () => {
    expect((await planned({ language: "Dutch" })).session.instructions).toMatch(/Begin in this language: Dutch/);
    expect((await planned({})).session.instructions).toMatch(/Speak the language of the person/);
  });

  /** Lucy in a real session, as the task puts her there. */
  const start = async (custom: AgentCall["custom"] = {}, data: Record<string, unknown> = {}) => {
    const plan = await planned(custom, data);
    const agent = await startAgent({ session: plan.session });
    const client = agent.client as unknown as AgentClient;
    await plan.connected?.(client);
    await client.updatesSettled();
    return { ...agent, client };
  };

  test("is told whom she talks with, where the application says so", async () => {
    const { client } = await start({}, { customerName: "Ann" });
    expect(client.sessionConfig.instructions).toMatch(/You are talking with Ann/);
  });

  test("knows what the call is about and who came", async () => {
    const { client, cloud } = await start({ topic: "An invoice" });
    const bob = { participant: { user: { id: "bob", name: "Bob" } } };
    client.dispatch("call.session_participant_joined", bob as never);
    cloud.mind.add([{ when: { heard: "who" }, reply: { toolCalls: [{ name: "get_call_details", arguments: {} }] } }]);
    const finished = next(agentOf(client), "tool.finished");
    client.sendUserMessageContent([{ type: "input_text", text: "Who is here?" }]);
    expect(JSON.parse((await finished).output)).toEqual({
      topic: "An invoice",
      minutesInCall: 0,
      cameLater: ["Bob"],
    });
  });

  test("answers what is typed into the call", async () => {
    const { client, cloud } = await start();
    cloud.mind.add([{ when: { heard: "typed" }, reply: { text: "I read it." } }]);
    const said = next(agentOf(client), "response.output_audio_transcript.done");
    client.dispatch("custom", { custom: { type: "question", text: "This was typed." } } as never);
    expect((await said).transcript).toBe("I read it.");
  });
});

const agentOf = (client: AgentClient) => client as unknown as Parameters<typeof next>[0];
