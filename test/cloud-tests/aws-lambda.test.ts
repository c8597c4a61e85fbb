import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";

const sources = {
  echo: `
    let count = 0;
    export const handler = async (event, context) =>
      ({ event, count: ++count, pid: process.pid, name: context.functionName, leftMs: context.getRemainingTimeInMillis(), env: process.env });`,
  throws: `export const handler = async () => { throw new RangeError("too far"); };`,
  slow: `export const handler = (event) => new Promise((resolve) => setTimeout(resolve, event.sleepMs, process.pid));`,
  exits: `export const handler = async (event) => (event.exit ? process.exit(9) : process.pid);`,
  broken: `throw new Error("cannot load"); export const handler = 1;`,
  none: `export const other = 1;`,
  large: `export const handler = async () => "x".repeat(7 * 1024 * 1024);`,
  web: `
    export const handler = async (event) => {
      if (event.rawPath === "/plain") return { hello: "world" };
      if (event.rawPath === "/throw") throw new Error("no");
      if (event.rawPath === "/binary") {
        return { statusCode: 200, headers: { "content-type": "image/png" }, body: Buffer.from([0, 255, 1]).toString("base64"), isBase64Encoded: true };
      }
      return { statusCode: 201, headers: { "content-type": "application/json", "x-a": "b" }, cookies: ["a=1; Path=/", "b=2"], body: JSON.stringify(event) };
    };`,
};

let folder: string;
let aws: AwsCloud;
let lambda: LambdaClient;
const log = new EventLog();

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "lambda-"));
  const functions = await Promise.all(
    Object.entries(sources).map(async ([name, source]) => {
      const bundleFile = path.join(folder, `${name}.mjs`);
      await writeFile(bundleFile, source);
      return [name, { bundleFile, env: { GIVEN: "yes" }, timeoutMs: name === "slow" ? 600 : 5_000 }] as const;
    }),
  );
  aws = await startAwsCloud({
    log,
    functions: Object.fromEntries(functions),
    taskDefinitions: {},
    maxEnvironments: 2,
    maxWaiting: 3,
  });
  lambda = new LambdaClient({
    endpoint: aws.endpointUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  lambda.destroy();
  await aws.close();
  await rm(folder, { recursive: true, force: true });
});

const invoke = async (FunctionName: keyof typeof sources | (string & {}), event: unknown = {}, rest: object = {}) => {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...rest }));
  const text = answer.Payload?.transformToString() ?? "";
  return {
    status: answer.StatusCode,
    error: answer.FunctionError,
    payload: text === "" ? undefined : JSON.parse(text),
  };
};

describe("Invoke", () => {
  it("runs the handler with the event, a context and the function's own environment, warm the second time", async () => {
    process.env.OF_THE_TEST = "leaks";
    const first = await invoke("echo", { hello: "wörld" });
    delete process.env.OF_THE_TEST;
    expect(first).toMatchObject({
      status: 200,
      error: undefined,
      payload: { event: { hello: "wörld" }, count: 1, name: "echo" },
    });
    expect(first.payload.leftMs).toBeGreaterThan(3_000);
    expect(first.payload.env).toMatchObject({
      GIVEN: "yes",
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL_ECS: aws.endpointUrl,
    });
    expect(first.payload.env).not.toHaveProperty("OF_THE_TEST");
    const arn = "arn:aws:lambda:us-east-1:123456789012:function:echo";
    expect(await invoke(arn)).toMatchObject({ payload: { count: 2, pid: first.payload.pid } });
    const invoked = log.since().filter(({ type, data }) => type === "lambda.invoked" && data.function === "echo");
    expect(invoked.map(({ data }) => "initMs" in data)).toEqual([true, false]);
  });

  it("tells a handler's error as FunctionError and payload, with status 200", async () => {
    expect(await invoke("throws")).toMatchObject({
      status: 200,
      error: "Unhandled",
      payload: {
        errorType: "RangeError",
        errorMessage: "too far",
        trace: expect.arrayContaining(["RangeError: too far"]),
      },
    });
  });

  it("ends a handler that takes too long, and has a new process for the next event", async () => {
    expect(await invoke("slow", { sleepMs: 60_000 })).toMatchObject({
      error: "Unhandled",
      payload: { errorType: "Sandbox.Timedout", errorMessage: expect.stringContaining("timed out after 0.60 seconds") },
    });
    expect(await invoke("slow", { sleepMs: 1 })).toMatchObject({ error: undefined, payload: expect.any(Number) });
  });

  it("survives a process that exits during an event", async () => {
    const { payload: pid } = await invoke("exits");
    expect(await invoke("exits", { exit: true })).toMatchObject({
      error: "Unhandled",
      payload: { errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("exit status 9") },
    });
    const again = await invoke("exits");
    expect(again.error).toBeUndefined();
    expect(again.payload).not.toBe(pid);
  });

  it("tells why a function cannot be loaded", async () => {
    expect(await invoke("broken")).toMatchObject({ error: "Unhandled", payload: { errorMessage: "cannot load" } });
    expect(await invoke("none")).toMatchObject({
      error: "Unhandled",
      payload: { errorType: "Runtime.HandlerNotFound" },
    });
  });

  it("gives each process one event at a time, has no more processes than allowed, and throttles what cannot wait", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => invoke("slow", { sleepMs: 100 }).catch((error) => error.name)),
    );
    const pids = outcomes.flatMap((outcome) => (typeof outcome === "string" ? [] : outcome.payload));
    expect(outcomes.filter((outcome) => outcome === "TooManyRequestsException")).toHaveLength(3);
    expect(pids).toHaveLength(5);
    expect(new Set(pids).size).toBe(2);
  });

  it("refuses unknown functions, what is no JSON, and answers that are too large", async () => {
    await expect(invoke("unknown")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(invoke("echo", {}, { Payload: "{" })).rejects.toMatchObject({
      name: "InvalidRequestContentException",
    });
    expect(await invoke("large")).toMatchObject({
      error: "Unhandled",
      payload: { errorType: "Function.ResponseSizeTooLarge" },
    });
  });

  it("answers an Event before it has run, and runs it", async () => {
    const before = log.since().length;
    expect((await invoke("exits", {}, { InvocationType: "Event" })).status).toBe(202);
    const ran = (event: { seq: number; type: string }) => event.seq > before && event.type === "lambda.invoked";
    await log.waitFor(ran, 5_000, "the event");
    expect((await invoke("exits", {}, { InvocationType: "DryRun" })).status).toBe(204);
  });
});

describe("a Function URL", () => {
  const call = (route: string, init: RequestInit = {}) => fetch(new URL(route, aws.functionUrl("web")), init);

  it("makes an event of payload format 2.0 and a response of the result", async () => {
    const response = await call("a/b%20c?x=1&x=2&y=%C3%A4", {
      method: "POST",
      headers: { "content-type": "application/json", "X-Signature": "abc", cookie: "k=v; l=w" },
      body: '{"ä":1}',
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-a")).toBe("b");
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
    expect(await response.json()).toMatchObject({
      version: "2.0",
      rawPath: "/a/b%20c",
      rawQueryString: "x=1&x=2&y=%C3%A4",
      queryStringParameters: { x: "1,2", y: "ä" },
      cookies: ["k=v", "l=w"],
      headers: { "x-signature": "abc" },
      requestContext: { http: { method: "POST", path: "/a/b%20c" } },
      body: '{"ä":1}',
      isBase64Encoded: false,
    });
  });

  it.each([
    ["compressed", { "content-type": "application/json", "content-encoding": "gzip" }, [123, 125]],
    ["of another type", { "content-type": "application/octet-stream" }, [123, 125]],
    ["no UTF-8", { "content-type": "application/json" }, [123, 255, 125]],
  ])("hands a body on as base64 that is %s", async (_what, headers, bytes) => {
    const event = (await (await call("", { method: "POST", headers, body: new Uint8Array(bytes) })).json()) as object;
    expect(event).toMatchObject({ isBase64Encoded: true, body: Buffer.from(bytes).toString("base64") });
  });

  it("sends binary and plain results, and 502 when the handler threw", async () => {
    expect(new Uint8Array(await (await call("binary")).arrayBuffer())).toEqual(new Uint8Array([0, 255, 1]));
    expect(await (await call("plain")).json()).toEqual({ hello: "world" });
    expect((await call("throw")).status).toBe(502);
    const large = { method: "POST", body: new Uint8Array(6 * 1024 * 1024 + 1) };
    expect((await call("", large)).status).toBe(413);
  });
});

it("leaves no process behind", async () => {
  const source = `export const handler = async () => process.pid;`;
  const bundleFile = path.join(folder, "pid.mjs");
  await writeFile(bundleFile, source);
  const other = await startAwsCloud({
    log,
    functions: { pid: { bundleFile, env: {}, timeoutMs: 1_000 } },
    taskDefinitions: {},
  });
  const pid = Number(await (await fetch(other.functionUrl("pid"))).text());
  expect(process.kill(pid, 0)).toBe(true);
  await other.close();
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});
