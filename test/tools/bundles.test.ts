import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bundle, type BundleName, buildBundles } from "../../infra/build/bundles.ts";
import { readTools } from "../../infra/build/tools.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { importsOf, packagesOf, partsOf } from "../support/bundles.ts";
import { requestOf } from "./tool-request.ts";

let folder: string;
let bundles: Bundle[];
let aws: AwsCloud;
let lambda: LambdaClient;

const bundleOf = (name: BundleName): Bundle => {
  const found = bundles.find((bundle) => bundle.name === name);
  if (!found) throw new Error(`${name} was not built`);
  return found;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "tool-bundles-"));
  bundles = await buildBundles(undefined, folder);
  const functions = bundles.flatMap(({ tool, file }) =>
    tool ? [[tool.functionName, { bundleFile: file, env: {}, timeoutMs: tool.timeoutMs }] as const] : [],
  );
  aws = await startAwsCloud({ log: new EventLog(), functions: Object.fromEntries(functions), taskDefinitions: {} });
  lambda = new LambdaClient({
    endpoint: aws.endpointUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "LOCAL", secretAccessKey: "local" },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  lambda?.destroy();
  await aws?.close();
  await rm(folder, { recursive: true, force: true });
});

const invoke = async (tool: string, args: unknown) => {
  const Payload = JSON.stringify(requestOf(tool, args));
  const { FunctionError, Payload: bytes } = await lambda.send(
    new InvokeCommand({ FunctionName: `tool-${tool}`, Payload }),
  );
  return { failure: FunctionError, answer: JSON.parse(Buffer.from(bytes ?? []).toString()) };
};

describe("a tool's bundle", () => {
  test("is a function that answers what the tool returns", async () => {
    const { failure, answer } = await invoke("get_current_time", { time_zone: "Asia/Tokyo" });
    expect(failure).toBeUndefined();
    expect(answer).toMatchObject({ time_zone: "Asia/Tokyo", date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
  });

  test("refuses arguments of the wrong type as a function's error, in words for the model", async () => {
    const { failure, answer } = await invoke("get_current_time", { time_zone: 9 });
    expect(failure).toBe("Unhandled");
    expect(answer).toMatchObject({ errorType: "ToolInputError", errorMessage: expect.stringContaining("time_zone: ") });
  });
});

test("a function's bundle lacks the credential providers that Lambda never needs, and nothing else", () => {
  for (const bundle of bundles.filter(({ name }) => name !== "bridge")) {
    const missing = importsOf(bundle).filter(
      ({ path: module, kind }) => kind !== "dynamic-import" || !/\/credential-provider-/.test(module),
    );
    expect(missing, bundle.name).toEqual([]);
  }
});

describe("the bridge's bundle", () => {
  test("knows the tools by their manifest, without their code and without zod", async () => {
    const bridge = bundleOf("bridge");
    const source = await readFile(bridge.file, "utf8");
    // Not toContain(): a failure would print megabytes.
    expect(source.includes("tool-submit_support_ticket")).toBe(true);
    expect(source.includes("__TOOL_MANIFEST__")).toBe(false);
    expect([...packagesOf(bridge).keys()]).not.toContain("zod");
    expect([...partsOf(bridge).keys()].filter((file) => file.startsWith("functions/tools/"))).toEqual([]);
  });

  test("holds the credential providers: a task's credentials are not in its environment", () => {
    expect(importsOf(bundleOf("bridge")).filter(({ path: module }) => module.startsWith("@aws-sdk/"))).toEqual([]);
    expect([...packagesOf(bundleOf("bridge")).keys()]).toContain("@aws-sdk/credential-provider-http");
  });
});

describe("the build", () => {
  test("reads the shipped tools from their files", async () => {
    const tools = await readTools();
    // Whoever adds a tool has more.
    const shipped = [
      { name: "get_current_time", file: "functions/tools/get-current-time.ts" },
      { name: "submit_support_ticket", file: "functions/tools/submit-support-ticket.ts" },
    ];
    expect(tools.map(({ name, file }) => ({ name, file }))).toEqual(expect.arrayContaining(shipped));
    expect(bundles.map(({ name }) => name)).toEqual([
      "bridge",
      "webhook",
      "task-stopped",
      "sweep",
      "register",
      ...tools.map(({ functionName }) => functionName),
    ]);
  });

  test("names the bundles that there are when it is asked for another", async () => {
    await expect(buildBundles(["tool-nonsense"], folder)).rejects.toThrow(
      /no bundle "tool-nonsense".*tool-get_current_time/,
    );
  });
});
