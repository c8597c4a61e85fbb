import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { StreamClient } from "@stream-io/node-sdk";
import { expect, onTestFinished, test } from "vitest";
import { readSessionId } from "../../bridge-task/task/call-facts.ts";

/** A Stream that answers so, one after the other. */
const streamThat = async (...answers: { status: number; body: object }[]): Promise<StreamClient> => {
  const server = createServer((_request, response) => {
    const { status, body } = answers.shift() ?? { status: 500, body: {} };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return new StreamClient("key", "secret", {
    basePath: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeout: 1_000,
  });
};

const call = { type: "default", id: "1" };
const busy = { status: 503, body: { message: "busy" } };
const inSession = (session: object) => ({ status: 200, body: { call: { session } } });

test("the session is asked for again where Stream is busy: whether an agent may come back hangs on it", async () => {
  expect(await readSessionId(await streamThat(busy, inSession({ id: "s-1" })), call)).toBe("s-1");
});

test("a session that has ended is none", async () => {
  const over = inSession({ id: "s-1", ended_at: new Date().toISOString() });
  expect(await readSessionId(await streamThat(over), call)).toBeUndefined();
});
