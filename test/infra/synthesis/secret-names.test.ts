import { beforeAll, describe, expect, it } from "vitest";
import { checkSecretNames } from "../../../infra/secret-names.ts";
import { secrets, synthesize } from "./synthesize.ts";
import { Template } from "./template.ts";

const tool = (variable: string) => ({ by: 'the tool "find_customer"', variable });
const own = { by: "the bridge", variable: "STREAM_API_KEY" };

/** "TaskStopped" → "TASK_STOPPED": the variable whose secret would be called so. */
const variableOf = (component: string): string => component.replaceAll(/(?<=.)([A-Z])/g, "_$1").toUpperCase();

describe("the name of a secret", () => {
  let components: string[];

  beforeAll(async () => {
    const { evaluation } = new Template(await synthesize());
    components = evaluation.resources
      .filter(({ type }) => /^sst:aws:/.test(type))
      .map(({ name }) => name)
      .concat("Deployment", "App");
  });

  it("is not that of anything that a stage is made of", () => {
    expect(components).toEqual(expect.arrayContaining(["Calls", "Webhook", "SweepSchedule", "ToolGetCurrentTime"]));
    const tools = components.filter((name) => name.startsWith("Tool"));
    const free = components.filter((component) => {
      try {
        checkSecretNames([tool(variableOf(component))], tools);
        return true;
      } catch {
        return false;
      }
    });
    expect(free).toEqual([]);
  });

  it.each([
    [
      "CALLS",
      /the tool "find_customer" names the secret CALLS, which would be called Calls, and Calls is something else/,
    ],
    ["TASKSTOPPED", /would be called Taskstopped, and TaskStopped is something else/],
    ["TOOL_FIND_CUSTOMER", /would be called ToolFindCustomer/],
    ["STREAM_APIKEY", /and the bridge names STREAM_API_KEY: both would be the secret StreamApiKey/],
    ["1_KEY", /a secret is a variable of letters, digits and _ that begins with a letter/],
    ["crm-key", /a secret is a variable of letters, digits and _/],
  ])("is not to be had by %s", (variable, message) => {
    expect(() => checkSecretNames([own, tool(variable)], ["ToolFindCustomer"])).toThrow(message);
  });

  it("belongs to one variable, which any number may use", () => {
    const agent = { by: 'the agent "lucy"', variable: "CRM_KEY" };
    expect(() => checkSecretNames([own, agent, tool("CRM_KEY"), tool("CRM_URL")], [])).not.toThrow();
    expect(() => checkSecretNames([own, agent, tool("CRM__KEY")], [])).toThrow(
      /the tool "find_customer" names the secret CRM__KEY, and the agent "lucy" names CRM_KEY: both would be the secret CrmKey/,
    );
  });

  it("ends the deploy where it is taken, before the secret is asked for", async () => {
    const agent = "bridge-task/agents/lucy/index.ts";
    const edits = {
      [agent]: (text: string) => text.replace("tools:", 'secrets: ["CALLS", "AGENTS_API__KEY"],\n  tools:'),
    };
    const deploy = synthesize({ edits, secrets });
    await expect(deploy).rejects.toThrow(/^Nothing was changed: the agent "lucy" names the secret CALLS/);
    await expect(deploy).rejects.toThrow(/AGENTS_API__KEY, and the bridge names AGENTS_API_KEY/);
  });
});
