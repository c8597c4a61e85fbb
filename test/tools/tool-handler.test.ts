import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import * as z from "zod";
import { defineTool, ToolInputError, toolHandler } from "../../functions/tools/define-tool.ts";
import { requestOf } from "./tool-request.ts";

const order = defineTool({
  name: "order_status",
  description: "Says where an order is.",
  input: z.object({ order: z.string().min(3), express: z.boolean().default(false) }),
  timeout: "10 seconds",
  secrets: ["CRM_KEY"],
});

afterEach(() => vi.unstubAllEnvs());

const withKey = () => vi.stubEnv("CRM_KEY", "key-1");

describe("a tool's handler", () => {
  test("gets the checked input, the call, the agent, the data, the key and its secrets", async () => {
    withKey();
    const handler = toolHandler(order, (input, { signal, ...context }) => ({
      input,
      context,
      aborted: signal.aborted,
    }));
    const request = requestOf("order_status", { order: "A-1042" }, { data: { customer: 7 } });
    expect(await handler(request)).toEqual({
      input: { order: "A-1042", express: false },
      context: {
        call: request.call,
        agent: request.agent,
        data: { customer: 7 },
        idempotencyKey: request.idempotencyKey,
        secrets: { CRM_KEY: "key-1" },
      },
      aborted: false,
    });
  });

  test("knows the types of its input and the names of its secrets", () => {
    toolHandler(order, (input, { secrets }) => {
      expectTypeOf(input).toEqualTypeOf<{ order: string; express: boolean }>();
      expectTypeOf(secrets).toEqualTypeOf<Readonly<Record<"CRM_KEY", string>>>();
    });
  });

  test("is not run with arguments of the wrong type: the error names each field and what is wrong with it", async () => {
    const run = vi.fn();
    const refused = toolHandler(order, run)(requestOf("order_status", { order: 7, express: "soon" }));
    await expect(refused).rejects.toThrow(ToolInputError);
    await expect(refused).rejects.toThrow(
      /order_status cannot use these arguments\. order: .+string.+ express: .+boolean/,
    );
    expect(run).not.toHaveBeenCalled();
  });

  test("never runs on what its input does not take, whatever the model passes", async () => {
    withKey();
    const ran: unknown[] = [];
    const handler = toolHandler(order, (input) => ran.push(input));
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (args) => {
        ran.length = 0;
        const outcome = await handler(requestOf("order_status", args)).catch((error: unknown) => error);
        const isTaken = order.input.safeParse(args).success;
        expect(ran).toHaveLength(isTaken ? 1 : 0);
        expect(outcome instanceof ToolInputError).toBe(!isTaken);
      }),
    );
  });

  test("says which secret is missing before it does anything", async () => {
    vi.stubEnv("CRM_KEY", "");
    const run = vi.fn();
    await expect(toolHandler(order, run)(requestOf("order_status", { order: "A-1042" }))).rejects.toThrow(/CRM_KEY/);
    expect(run).not.toHaveBeenCalled();
  });

  test("that AWS refuses keeps names and accounts from the model: they are in the function's log", async () => {
    withKey();
    const lines: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((line) => lines.push(String(line)) > 0);
    const refusal = Object.assign(new Error("User: arn:aws:sts::123456789012:role is not authorized"), {
      $metadata: {},
    });
    const handler = toolHandler(order, () => Promise.reject(refusal));
    const error: unknown = await handler(requestOf("order_status", { order: "A-1042" })).catch((thrown) => thrown);
    vi.restoreAllMocks();
    expect(error).toMatchObject({
      message: "order_status could not do its work. It may succeed later.",
      cause: refusal,
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", event: "tool_failed", tool: "order_status", error: { message: refusal.message } },
    ]);
  });

  test("that throws in its own words has them go to the model", async () => {
    withKey();
    const handler = toolHandler(order, () => {
      throw new Error("There is no order A-1042.");
    });
    await expect(handler(requestOf("order_status", { order: "A-1042" }))).rejects.toThrow("There is no order A-1042.");
  });

  test("is told when its time is up", async () => {
    withKey();
    const brief = defineTool({ ...order, timeout: "0.05 seconds" });
    const handler = toolHandler(brief, (_, { signal }) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      signal.addEventListener("abort", () => resolve("aborted"));
      // The signal alone keeps no process alive.
      const alive = setTimeout(resolve, 5_000, "not aborted");
      return promise.finally(() => clearTimeout(alive));
    });
    expect(await handler(requestOf("order_status", { order: "A-1042" }))).toBe("aborted");
  });
});
