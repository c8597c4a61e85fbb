import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openEnvelope } from "../../functions/envelope.ts";
import type { StreamEvent } from "./call-facts.ts";
import { type Attempt, HookCourier } from "./hook-courier.ts";

interface Delivery {
  headers: Record<string, unknown>;
  body: Buffer;
}

const policy = { requestTimeoutMs: 5_000, totalTimeoutMs: 10_000, retryDelayMs: 1 };
const event = (cid: string, type = "call.created"): StreamEvent => ({
  type,
  call_cid: cid,
  created_at: "2030-01-01T00:00:00.000Z",
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A webhook that answers with these statuses in turn, and with 200 when they are used up; null: not at all. */
const start = async (statuses: (number | null)[] = []) => {
  const deliveries: Delivery[] = [];
  const server: Server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    deliveries.push({ headers: request.headers, body });
    const status = statuses.shift();
    if (status !== null) response.writeHead(status ?? 200).end(JSON.stringify({ outcome: "launched" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const attempts: Attempt[] = [];
  const dropped: StreamEvent[] = [];
  const waiting = new Set<() => void>();
  const courier = new HookCourier({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stream`,
    streamApiKey: "key",
    streamApiSecret: "secret",
    onAttempt: (attempt) => {
      attempts.push(attempt);
      for (const check of waiting) check();
    },
    onDropped: (one) => dropped.push(one),
    policy,
  });
  closers.push(() => courier.close());
  const attempted = (count: number): Promise<Attempt[]> =>
    new Promise((resolve) => {
      const check = () => attempts.length >= count && resolve(attempts);
      waiting.add(check);
      check();
    });
  return { courier, deliveries, attempted, dropped };
};

test("an event arrives as Stream sends it: the webhook's own check opens it", async () => {
  const { courier, deliveries, attempted } = await start();
  courier.send(event("default:1"));
  const [attempt] = await attempted(1);
  expect(attempt).toMatchObject({
    attempt: 1,
    outcome: { kind: "status", status: 200 },
    answer: { outcome: "launched" },
  });
  const [{ headers, body }] = deliveries as [Delivery];
  expect(openEnvelope(body, String(headers["x-signature"]), "secret")).toEqual({ ok: true, event: event("default:1") });
  expect(headers).toMatchObject({ "x-webhook-attempt": "1", "x-api-key": "key" });
  expect(headers["x-webhook-id"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("after a 5xx it is tried again under the same id, three times in all", async () => {
  const { courier, deliveries, attempted } = await start([503, 503, 503]);
  courier.send(event("default:1"));
  await attempted(3);
  await courier.close();
  expect(deliveries.map(({ headers }) => headers["x-webhook-attempt"])).toEqual(["1", "2", "3"]);
  expect(new Set(deliveries.map(({ headers }) => headers["x-webhook-id"])).size).toBe(1);
});

test("a refusal is not tried again", async () => {
  const { courier, deliveries, attempted } = await start([401]);
  courier.send(event("default:1"));
  courier.send(event("default:1", "call.ended"));
  await attempted(2);
  expect(deliveries).toHaveLength(2);
});

test("a call's events wait for each other, other calls' do not wait for them", async () => {
  const { courier, deliveries, attempted } = await start([null]);
  courier.send(event("default:slow"));
  courier.send(event("default:slow", "call.ended"));
  courier.send(event("default:quick"));
  await attempted(1);
  const cids = deliveries.map(({ body }) => JSON.parse(body.toString()).call_cid).toSorted();
  expect(cids).toEqual(["default:quick", "default:slow"]);
});

test("what waits has a bound, and what is beyond it is told", async () => {
  const { courier, dropped } = await start(Array(20).fill(null));
  for (let index = 0; index < 600; index += 1) courier.send(event("default:1", `call.${index}`));
  expect(dropped).toHaveLength(100);
});

test("closing gives up what is on its way and what waits", async () => {
  const { courier, deliveries } = await start([null]);
  courier.send(event("default:1"));
  courier.send(event("default:1", "call.ended"));
  await courier.close();
  courier.send(event("default:2"));
  expect(deliveries.length).toBeLessThanOrEqual(1);
});
