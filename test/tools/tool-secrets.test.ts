import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import { defineTool, toolHandler } from "../../functions/tools/define-tool.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { requestOf } from "./tool-request.ts";

const parameter = "/app/dev/CrmKey";
const order = defineTool({
  name: "order_status",
  description: "Says where an order is.",
  input: z.object({}),
  timeout: "10 seconds",
  secrets: ["CRM_KEY"],
});
const handler = toolHandler(order, (_input, { secrets }) => secrets.CRM_KEY);
const call = () => handler(requestOf("order_status", {}));

let aws: AwsCloud;

beforeEach(async () => {
  aws = await startAwsCloud({ log: new EventLog() });
  vi.stubEnv("AWS_ENDPOINT_URL", aws.endpointUrl);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "LOCAL");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
  vi.stubEnv("SSM_PARAMETERS", JSON.stringify({ CRM_KEY: parameter }));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await aws.close(0);
});

test("a tool's secret is read from SSM by the first call that finds it there, and kept", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const failed = call();
  await expect(failed).rejects.toThrow("could not do its work");
  // The model, and whoever talks to it, is told of no parameters; the function's log is.
  await expect(failed).rejects.not.toThrow(parameter);
  await expect(failed).rejects.toMatchObject({
    cause: { message: expect.stringContaining(`${parameter} (for CRM_KEY)`) },
  });
  expect(write.mock.calls.join("")).toMatch(/"event":"tool_failed".+CrmKey/);
  write.mockRestore();
  aws.parameters.put(parameter, "key-1", "SecureString");
  expect(await call()).toBe("key-1");
  aws.parameters.put(parameter, "key-2", "SecureString");
  expect(await call()).toBe("key-1");
  // What the environment itself says is taken as it is now.
  vi.stubEnv("CRM_KEY", "mine");
  expect(await call()).toBe("mine");
});
