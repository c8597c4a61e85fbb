import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LoopbackServer, serveOnLoopback } from "../cloud/aws/server.ts";

let server: LoopbackServer;
beforeAll(async () => {
  server = await serveOnLoopback(new Hono().get("/", (c) => c.text("a secret")));
});
afterAll(() => server?.close());

const askAs = async (host: string) => {
  const asked = request(server.url, { headers: { host } }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return { status: answer.statusCode, body: await text(answer) };
};

test.each(["127.0.0.1", "localhost", "127.0.0.1:8000", "localhost:8000"])("%s is answered", async (host) => {
  expect(await askAs(host)).toEqual({ status: 200, body: "a secret" });
});

test.each(["rebound.example", "127.0.0.1.example:8000", "localhost.example", "169.254.169.254"])(
  "%s, a name of somebody else's that leads here, is told nothing",
  async (host) => {
    const { status, body } = await askAs(host);
    expect(status).toBe(421);
    expect(body).not.toContain("secret");
  },
);
