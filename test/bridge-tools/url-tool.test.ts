import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ToolError } from "../../bridge-task/realtime/tools/tool-error.ts";
import { isSigned } from "../../bridge-task/signature.ts";
import { urlHandler } from "../../bridge-task/tools/url-tool.ts";
import { callContext, calledAs, dependencies, failureOf, key } from "./dependencies.ts";

/** The application's endpoint: answers as it is told and keeps what it was sent. */
const start = async (answer: (response: ServerResponse) => void) => {
  const seen: { headers: IncomingMessage["headers"]; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, body });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tools/look_up`;
  return { seen, run: (args: Record<string, unknown>, timeoutMs = 5_000) => run(url, args, timeoutMs) };
};

const run = async (url: string, args: Record<string, unknown>, timeoutMs = 5_000) =>
  urlHandler({ name: "look_up", url }, timeoutMs, dependencies())(args, calledAs("call_9"));

describe("a tool that is a URL", () => {
  it("is posted what it is to do and for whom, signed, with a key that tells a repetition", async () => {
    const { seen, run: call } = await start((response) => response.writeHead(202).end('{"found":true}'));
    expect(await call({ order: "A-1" })).toEqual({ found: true });
    const [{ headers, body } = { headers: {}, body: "" }] = seen;
    expect(JSON.parse(body)).toEqual({
      tool: "look_up",
      arguments: { order: "A-1" },
      ...callContext,
      data: { customer: 7 },
      idempotencyKey: "default:c1:call_9",
    });
    expect(headers["idempotency-key"]).toBe("default:c1:call_9");
    const header = String(headers["x-agents-signature"]);
    expect(isSigned({ key, body, header, nowMs: Date.now() })).toBe(true);
  });

  it("may say nothing", async () => {
    expect(await (await start((response) => response.writeHead(204).end())).run({})).toBeNull();
  });

  it("is quoted where it says what is wrong with the arguments, and only there", async () => {
    const refuses = await start((response) => response.writeHead(422).end('{"error":"email: must be an address."}'));
    const error = await failureOf(refuses.run({}));
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({ message: "look_up failed with status 422. email: must be an address." });
    const breaks = await start((response) => response.writeHead(500).end('{"error":"password of the database: x"}'));
    expect(await failureOf(breaks.run({}))).toMatchObject({ message: "look_up failed with status 500." });
    const html = await start((response) => response.writeHead(404).end("<html>"));
    expect(await failureOf(html.run({}))).toMatchObject({ message: "look_up failed with status 404." });
  });

  it("that answers with too much gives its beginning; with no JSON, an error", async () => {
    const large = await start((response) => response.end(JSON.stringify("x".repeat(1_000_000))));
    expect(await failureOf(large.run({}))).toMatchObject({
      failure: "too_long",
      message: expect.stringMatching(/too long: more than 65536 bytes, at most 16384/),
      beginning: `"${"x".repeat(1_999)}`,
    });
    const escaped = await start((response) => response.end(`"${"\\u00e9".repeat(8_000)}"`));
    expect(await escaped.run({})).toBe("é".repeat(8_000));
    const page = await start((response) => response.end("<html>"));
    expect(await failureOf(page.run({}))).toMatchObject({ message: expect.stringMatching(/is not JSON/) });
  });

  it("that is slow, gone, moved or private is told of without hosts and addresses", async () => {
    const slow = await start(() => undefined);
    expect(await failureOf(slow.run({}, 50))).toMatchObject({
      failure: "timed_out",
      message: "look_up took too long. It may still succeed; its result is not known.",
    });
    const moved = await start((response) => response.writeHead(302, { location: "http://127.0.0.1/" }).end());
    expect(await failureOf(moved.run({}))).toMatchObject({ message: "look_up is not available: it has moved." });
    expect(await failureOf(run("http://127.0.0.1:1/", {}))).toMatchObject({
      message: "look_up could not be reached. It may work later.",
      cause: { code: "unreachable" },
    });
    expect(await failureOf(run("https://169.254.170.2/v2/credentials", {}))).toMatchObject({
      message: "look_up is not available: its address cannot be used.",
      cause: { code: "url_refused" },
    });
  });
});
