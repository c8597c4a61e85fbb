import { describe, expect, test } from "vitest";
import * as z from "zod";
import { defineTool } from "../../functions/tools/define-tool.ts";
import { manifestOf, type ToolModule } from "../../infra/build/tool-manifest.ts";

const definition = {
  name: "order_status",
  description: "Says where an order is.",
  input: z.object({ order: z.string().describe("The order's number") }),
  timeout: "10 seconds",
} as const;

const handler = () => ({});

const moduleOf = (change: Record<string, unknown> = {}, file = "functions/tools/order-status.ts"): ToolModule => ({
  file,
  exports: { definition: { ...definition, ...change }, handler },
});

test("says of a tool what the model, the bridge and the deployment need", () => {
  const full = defineTool({ ...definition, speaking: "One moment.", secrets: ["CRM_KEY"] });
  expect(manifestOf([{ file: "functions/tools/order-status.ts", exports: { definition: full, handler } }])).toEqual([
    {
      name: "order_status",
      description: "Says where an order is.",
      parameters: {
        type: "object",
        properties: { order: { type: "string", description: "The order's number" } },
        required: ["order"],
      },
      timeoutMs: 10_000,
      speaking: "One moment.",
      secrets: ["CRM_KEY"],
      functionName: "tool-order_status",
      file: "functions/tools/order-status.ts",
    },
  ]);
});

test("lists tools by name, wherever they stand", () => {
  const names = ["b", "c", "a"].map((name) => moduleOf({ name }, `functions/tools/z-${name}.ts`));
  expect(manifestOf(names).map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("shows the model what may be left out, formats by their name, whole numbers without their bounds", () => {
  const input = z.object({
    email: z.email(),
    when: z.iso.datetime().optional(),
    count: z.int().min(1).default(1),
    kind: z.enum(["a", "b"]),
    tags: z.array(z.object({ id: z.int() })).optional(),
  });
  const [tool] = manifestOf([moduleOf({ input })]);
  expect(tool?.parameters).toEqual({
    type: "object",
    properties: {
      email: { type: "string", format: "email" },
      when: { type: "string", format: "date-time" },
      count: { type: "integer", minimum: 1, default: 1 },
      kind: { type: "string", enum: ["a", "b"] },
      tags: { type: "array", items: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } },
    },
    required: ["email", "kind"],
  });
});

describe("a file that is no tool", () => {
  const file = "functions/tools/order-status.ts";
  const long = "x".repeat(65);
  test.each<[string, ToolModule, RegExp]>([
    ["without a definition", { file, exports: { handler } }, /no export `definition`.*defineTool.*folder below/],
    ["without a handler", { file, exports: { definition } }, /no export `handler`.*toolHandler/],
    ["that cannot be loaded", { file, loadError: "could not be loaded" }, /could not be loaded/],
    ["without a name", moduleOf({ name: undefined }), /definition\.name.*nothing/],
    ["with a name for people", moduleOf({ name: "order status" }), /"order status" must have 1 to 64 letters/],
    ["with a long name", moduleOf({ name: long }), /1 to 64 letters/],
    ["with the name of a built-in tool", moduleOf({ name: "end_call" }), /"end_call" is built in.*another name/],
    ["without a description", moduleOf({ description: " " }), /definition\.description/],
    ["without an input", moduleOf({ input: undefined }), /definition\.input must be z\.object/],
    ["with a string for input", moduleOf({ input: z.string() }), /got z\.string\(\)/],
    ["with a transformed input", moduleOf({ input: z.object({}).transform(() => 1) }), /got z\.pipe\(\).*handler/],
    [
      "with an input that has an id",
      moduleOf({ input: z.object({}).meta({ id: "OrderInput" }) }),
      /"OrderInput".*leave/,
    ],
    ["with an input that JSON cannot say", moduleOf({ input: z.object({ at: z.date() }) }), /z\.iso\.datetime/],
    ["with a number for timeout", moduleOf({ timeout: 5_000 }), /definition\.timeout.*"30 seconds".*5000/],
    ["that takes longer than Lambda may", moduleOf({ timeout: "16 minutes" }), /at most "15 minutes"/],
    ["with a number to say", moduleOf({ speaking: 3 }), /definition\.speaking/],
    ["with a secret's value for its name", moduleOf({ secrets: ["sk-1 2"] }), /definition\.secrets.*CRM_KEY/],
    ["with a secret of Lambda's own", moduleOf({ secrets: ["AWS_REGION"] }), /none begins with AWS_/],
    ["with a word for secrets", moduleOf({ secrets: "crm key" }), /definition\.secrets/],
  ])("%s is named, with its mend", (_, module, mend) => {
    expect(() => manifestOf([module])).toThrow(mend);
    expect(() => manifestOf([module])).toThrow(file);
  });

  test("does not hide the others: all are told at once", () => {
    const other = "functions/tools/other.ts";
    const all = () => manifestOf([{ file, exports: {} }, moduleOf({ timeout: "soon" }, other), moduleOf()]);
    expect(all).toThrow(file);
    expect(all).toThrow(other);
  });

  test("has the name of another: both are told", () => {
    const twice = () => manifestOf([moduleOf(), moduleOf({}, "functions/tools/copy.ts")]);
    expect(twice).toThrow('functions/tools/copy.ts: is called "order_status" like functions/tools/order-status.ts');
  });
});
