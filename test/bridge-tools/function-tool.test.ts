import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ToolError } from "../../bridge-task/realtime/tools/tool-error.ts";
import type { ToolHandler } from "../../bridge-task/realtime/tools/toolbox.ts";
import { createToolLambda, functionHandler } from "../../bridge-task/tools/function-tool.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { callContext, calledAs, dependencies, failureOf, lambdaAt, lambdaSettings } from "./dependencies.ts";

const sources = {
  echo: `export const handler = async (event) => event;`,
  nothing: `export const handler = async () => undefined;`,
  throws: `export const handler = async () => { throw new RangeError("The order A-1 is unknown."); };`,
  exits: `export const handler = async () => process.exit(9);`,
  sleeps: `export const handler = () => new Promise((resolve) => setTimeout(resolve, 20_000));`,
  "out-of-time": `export const handler = () => new Promise((resolve) => setTimeout(resolve, 20_000));`,
  busy: `export const handler = () => new Promise((resolve) => setTimeout(resolve, 300, "done"));`,
};

const log = new EventLog();
let folder: string;
let aws: AwsCloud;
let lambda: ReturnType<typeof lambdaAt>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "function-tool-"));
  const functions = Object.entries(sources).map(async ([name, source]) => {
    const bundleFile = path.join(folder, `${name}.mjs`);
    await writeFile(bundleFile, source);
    return [name, { bundleFile, env: {}, timeoutMs: name === "out-of-time" ? 300 : 5_000 }] as const;
  });
  const definitions = Object.fromEntries(await Promise.all(functions));
  aws = await startAwsCloud({ log, functions: definitions, taskDefinitions: {}, maxEnvironments: 2, maxWaiting: 0 });
  lambda = lambdaAt(aws.endpointUrl);
});

afterAll(async () => {
  lambda?.destroy();
  await aws?.close(0);
  if (folder) await rm(folder, { recursive: true, force: true });
});

const handlerOf = (functionName: string, timeoutMs = 5_000): ToolHandler =>
  functionHandler({ name: "look_up", timeoutMs }, functionName, dependencies({ lambda }));

const invocationsOf = (name: string) =>
  log.since().filter(({ type, data }) => type === "lambda.invoked" && data.function === name).length;

describe("a tool that is a function", () => {
  it("is invoked with the model's arguments, the call's context, the application's data and a key of its own", async () => {
    expect(await handlerOf("echo")({ order: "A-1" }, calledAs("call_9"))).toEqual({
      tool: "look_up",
      arguments: { order: "A-1" },
      ...callContext,
      data: { customer: 7 },
      idempotencyKey: "default:c1:call_9",
    });
    expect(await handlerOf("nothing")({}, calledAs())).toBeNull();
  });

  it("fails in its own words, without its stack", async () => {
    const error = await failureOf(handlerOf("throws")({}, calledAs()));
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({ failure: "failed", message: "The order A-1 is unknown." });
  });

  it("that dies has no words, and none are made up", async () => {
    expect(await failureOf(handlerOf("exits")({}, calledAs()))).toMatchObject({ message: "look_up failed." });
  });

  it("that does not exist, or is busy, is told of without names of ours", async () => {
    expect(await failureOf(handlerOf("gone")({}, calledAs()))).toMatchObject({
      message: "look_up is not available: its function does not exist.",
      cause: { name: "ResourceNotFoundException" },
    });
    const busy = handlerOf("busy");
    const outcomes = await Promise.allSettled(["1", "2", "3"].map((id) => busy({}, calledAs(id))));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: { message: expect.stringMatching(/busy right now/) } }]);
  });

  it("is invoked once, whatever becomes of it", async () => {
    const before = invocationsOf("throws");
    await failureOf(handlerOf("throws")({}, calledAs()));
    expect(invocationsOf("throws")).toBe(before + 1);
    const error = await failureOf(
      functionHandler({ name: "look_up", timeoutMs: 5_000 }, "echo", dependencies())({}, calledAs()),
    );
    expect(error).toMatchObject({ message: "look_up could not be reached. It may work later.", retryable: true });
  });

  it("that nobody connects to has done nothing, and is not said to be slow", async () => {
    const httpAgent = new http.Agent();
    httpAgent.createConnection = () => Object.assign(new net.Socket(), { connecting: true });
    const requestHandler = { connectionTimeout: 20, httpAgent };
    const unreachable = createToolLambda({ ...lambdaSettings(), requestHandler });
    const handler = functionHandler(
      { name: "look_up", timeoutMs: 5_000 },
      "echo",
      dependencies({ lambda: unreachable }),
    );
    const error = await failureOf(handler({}, calledAs()));
    expect(error).toMatchObject({ failure: "failed", message: "look_up could not be reached. It may work later." });
    httpAgent.destroy();
  });

  it("takes as long as it may: its own time, the function's, or until nobody waits any more", async () => {
    const tookTooLong = { failure: "timed_out", message: expect.stringMatching(/^look_up took too long/) };
    expect(await failureOf(handlerOf("sleeps", 100)({}, calledAs()))).toMatchObject(tookTooLong);
    expect(await failureOf(handlerOf("out-of-time")({}, calledAs()))).toMatchObject(tookTooLong);
    const aborted = handlerOf("out-of-time")({}, calledAs("call_1", AbortSignal.timeout(50)));
    expect(await failureOf(aborted)).toMatchObject(tookTooLong);
  });
});
