import { expect, test } from "vitest";
import { agents } from "../../bridge-task/agents/index.ts";
import { checkAgents } from "../../infra/build/agents.ts";
import { readTools } from "../../infra/build/tools.ts";

test("the shipped agents name tools that exist", async () => {
  const tools = await readTools();
  expect(() => checkAgents(agents, tools)).not.toThrow();
});

test("a tool that nobody wrote is named by the build, with who names it and what there is", () => {
  const max = { tools: ["order_statsu", "end_call", { name: "find", url: "https://example.com" }] };
  expect(() => checkAgents({ max }, [])).toThrow(
    'bridge-task/agents/max names the tool "order_statsu": write it into functions/tools, or name one of end_call, leave',
  );
});
