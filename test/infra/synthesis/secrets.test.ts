import { beforeAll, describe, expect, it } from "vitest";
import { parameterNames } from "../../../infra/operate/deployment.ts";
import type { Resource } from "./request.ts";
import { generatedPassword } from "./stand-ins.ts";
import { secrets, synthesize } from "./synthesize.ts";
import { stringsIn, Template } from "./template.ts";

let template: Template;

beforeAll(async () => {
  template = new Template(await synthesize());
});

const isEncrypted = ({ type, inputs, secretPaths }: Resource): boolean =>
  type === "aws:ssm/parameter:Parameter" && inputs.type === "SecureString" && secretPaths.includes("value");

/** SST's own note of a secret: of Pulumi's state, which encrypts it, and of nothing in AWS. */
const isNote = ({ type, secretPaths }: Resource): boolean =>
  type === "sst:sst:LinkRef" && secretPaths.includes("properties");

const forms = (value: string): string[] => [value, Buffer.from(value).toString("base64"), encodeURIComponent(value)];

const holds = (value: unknown, secret: string): boolean =>
  stringsIn(JSON.parse(JSON.stringify(value ?? null))).some((text) =>
    forms(secret).some((form) => text.includes(form)),
  );

/** Where each secret is found, in whatever is sent to AWS or bundled. */
const placesOf = ({ evaluation }: Template, secret: string): string[] => [
  ...evaluation.resources.filter(({ inputs }) => holds(inputs, secret)).map(({ type, name }) => `${type} ${name}`),
  ...evaluation.builds.filter((build) => holds(build, secret)).map(({ functionID }) => `bundle of ${functionID}`),
  ...(holds(evaluation.outputs, secret) ? ["outputs"] : []),
];

const all = Object.entries({ ...secrets, AgentsApiKey: generatedPassword });

describe("a secret", () => {
  it.each(all)("%s is in one encrypted parameter, and nowhere else", (name, secret) => {
    const notes = template.evaluation.resources.filter(isNote).map((note) => `${note.type} ${note.name}`);
    const places = placesOf(template, secret).filter((place) => !notes.includes(place));
    const parameter = name === "AgentsApiKey" ? name : `${name}Parameter`;
    expect(places).toEqual([`aws:ssm/parameter:Parameter ${parameter}`]);
    expect(isEncrypted(template.one("aws:ssm/parameter:Parameter", parameter))).toBe(true);
  });

  it("stands under the name that operating it goes by", () => {
    const encrypted = template.evaluation.resources.filter(isEncrypted).map(({ inputs }) => inputs.name);
    expect(encrypted.toSorted()).toEqual(Object.values(parameterNames("test")).toSorted());
  });

  it("reaches the task by the name of its parameter", () => {
    expect(Object.fromEntries(template.container.secrets.map(({ name, valueFrom }) => [name, valueFrom]))).toEqual({
      STREAM_API_KEY: template.parameterArn("StreamApiKeyParameter"),
      STREAM_API_SECRET: template.parameterArn("StreamApiSecretParameter"),
      OPENAI_API_KEY: template.parameterArn("OpenAiApiKeyParameter"),
      AGENTS_API_KEY: template.parameterArn("AgentsApiKey"),
    });
    const secretNames = template.container.secrets.map(({ name }) => name);
    expect(template.container.environment.filter(({ name }) => secretNames.includes(name))).toEqual([]);
  });

  it.each(Object.keys(secrets))(
    "%s that nobody has set ends the deploy with its name and what to do",
    async (missing) => {
      const others = Object.fromEntries(Object.entries(secrets).filter(([name]) => name !== missing));
      await expect(synthesize({ secrets: others })).rejects.toThrow(`sst secret set ${missing}`);
    },
  );
});

describe("the key of the HTTP API", () => {
  it("is made by the deploy, at random, and long", () => {
    const { inputs } = template.one("random:index/randomPassword:RandomPassword", "AgentsApiKeyValue");
    expect(inputs.special).toBe(false);
    expect(Number(inputs.length)).toBeGreaterThanOrEqual(32);
  });

  it("is left alone by later deploys, all of its parameter: it may have been rotated", () => {
    const ignored = template
      .all("aws:ssm/parameter:Parameter")
      .map(({ name, options }) => [name, options.ignoreChanges]);
    expect(Object.fromEntries(ignored)).toEqual({
      AgentsApiKey: ["*"],
      StreamApiKeyParameter: [],
      StreamApiSecretParameter: [],
      OpenAiApiKeyParameter: [],
      Deployment: [],
    });
  });
});

describe("a tool with a secret", () => {
  const crm = `import * as z from "zod";
import { defineTool, toolHandler } from "./define-tool.ts";
export const definition = defineTool({
  name: "find_customer",
  description: "Finds a customer.",
  input: z.object({ name: z.string() }),
  timeout: "5 seconds",
  secrets: ["CRM_KEY"],
});
export const handler = toolHandler(definition, ({ name }) => ({ name }));
`;
  const withTool = { edits: { "functions/tools/find-customer.ts": () => crm } };
  const value = "crm-key-of-the-test";
  let changed: Template;

  beforeAll(async () => {
    changed = new Template(await synthesize({ ...withTool, secrets: { ...secrets, CrmKey: value } }));
  });

  it("gets a parameter of its own, the right to read that one, and the variable that names it", () => {
    const parameter = changed.one("aws:ssm/parameter:Parameter", "CrmKeyParameter");
    expect(parameter.inputs).toEqual({ name: "/stream-agent-bridge/test/CrmKey", type: "SecureString", value });
    const variables = changed.environmentOf("ToolFindCustomer");
    expect(JSON.parse(variables.SSM_PARAMETERS ?? "")).toEqual({ CRM_KEY: "/stream-agent-bridge/test/CrmKey" });
    const reads = changed
      .statements("ToolFindCustomerRole")
      .filter(({ Action }) => Action.includes("ssm:GetParameters"));
    expect(reads.flatMap(({ Resource }) => Resource)).toEqual([changed.parameterArn("CrmKeyParameter")]);
  });

  it("keeps it from all others", () => {
    const readers = changed.roles.filter((role) =>
      changed.statements(role).some(({ Resource }) => Resource.includes(changed.parameterArn("CrmKeyParameter"))),
    );
    expect(readers).toEqual(["ToolFindCustomerRole"]);
    expect(placesOf(changed, value)).toEqual([
      "aws:ssm/parameter:Parameter CrmKeyParameter",
      "sst:sst:LinkRef CrmKeyLinkRef",
    ]);
  });

  it("can be invoked by the bridge, which is told its name", () => {
    const invoked = changed
      .statements("BridgeTaskRole")
      .filter(({ Action }) => Action.includes("lambda:InvokeFunction"));
    expect(invoked.flatMap(({ Resource }) => Resource)).toContain(changed.functionArn("ToolFindCustomer"));
    const told = changed.container.environment.find(({ name }) => name === "TOOL_FUNCTIONS")?.value ?? "";
    expect(JSON.parse(told).find_customer).toBe(changed.functionArn("ToolFindCustomer"));
  });

  it("ends the deploy where its secret is not set", async () => {
    await expect(synthesize(withTool)).rejects.toThrow("sst secret set CrmKey");
  });
});
