import { describe, expect, it } from "vitest";
import type { Joins } from "../../bridge-task/agents/agent.ts";
import { askAgents, assignmentOf } from "../../functions/dispatch/ask-agents.ts";

const asking = {
  call: { type: "default", id: "demo", cid: "default:demo", custom: {}, createdBy: undefined },
  trigger: { type: "call.created", sessionId: undefined },
} as const;

const agent = (name: string, joins: Joins) => ({ name, userId: name, joins });

describe("of several agents", () => {
  it("the first that wants the call gets it, and those behind it are not asked", async () => {
    const asked: string[] = [];
    const answering = (name: string, answer: boolean) =>
      agent(name, () => {
        asked.push(name);
        return answer;
      });
    const assignment = await askAgents([answering("a", false), answering("b", true), answering("c", true)], asking);
    expect(assignment).toEqual({ agent: "b", user: { id: "b" } });
    expect(asked).toEqual(["a", "b"]);
  });

  it("nobody gets it where nobody wants it", async () => {
    expect(await askAgents([agent("a", () => false)], asking)).toBeUndefined();
    expect(await askAgents([], asking)).toBeUndefined();
  });

  it("one that takes too long is a failure that may pass, for all of them together", async () => {
    const slow = agent("slow", () => new Promise(() => {}));
    await expect(askAgents([slow], asking, 20)).rejects.toMatchObject({
      code: "joins_failed",
      retryable: true,
      message: expect.stringContaining('the agent "slow"'),
    });
    const late = agent("late", () => new Promise((resolve) => setTimeout(resolve, 30, false)));
    await expect(askAgents([late, slow], asking, 50)).rejects.toMatchObject({ data: { agent: "slow" } });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no database");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no database"))],
  ])("one that %s is too, and says why", async (_name, joins) => {
    await expect(askAgents([agent("a", joins)], asking)).rejects.toThrow(/no database/);
  });
});

it("what an agent answers is laid over what it is", () => {
  const lucy = agent("lucy", () => true);
  expect(assignmentOf(lucy, { user: { name: "Lu" }, tools: ["end_call"] })).toEqual({
    agent: "lucy",
    user: { id: "lucy", name: "Lu" },
    tools: ["end_call"],
  });
  expect(assignmentOf(lucy, { user: { id: "other" }, session: {}, data: { row: 1 } })).toEqual({
    agent: "lucy",
    user: { id: "other" },
    session: {},
    data: { row: 1 },
  });
});
