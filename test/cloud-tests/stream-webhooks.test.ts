import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type AttemptOutcome,
  attemptLimit,
  requestBudgetMs,
  retries,
  streamWebhookPolicy,
} from "../cloud/stream/coordinator/webhook-policy.ts";
import { noWebhookFaults } from "../cloud/stream/coordinator/webhooks.ts";
import { startTestCloud, type TestCloud } from "./stream-support/cloud.ts";

describe("Stream's retry policy", () => {
  it.each([
    [{ kind: "status", status: 200 }, 1],
    [{ kind: "status", status: 401 }, 1],
    [{ kind: "status", status: 408 }, 3],
    [{ kind: "status", status: 429 }, 3],
    [{ kind: "status", status: 500 }, 3],
    [{ kind: "status", status: 503 }, 3],
    [{ kind: "network" }, 2],
    [{ kind: "timeout" }, 3],
  ] as [AttemptOutcome, number][])("%o: %i attempts in all", (outcome, attempts) => {
    let made = 1;
    while (retries(made, outcome, 0, streamWebhookPolicy)) made += 1;
    expect(made).toBe(attempts);
  });

  it("never goes past 15 s in all, nor 6 s for one request, nor three attempts", () => {
    const outcome = fc.oneof(
      fc.record({ kind: fc.constant("status" as const), status: fc.integer({ min: 100, max: 599 }) }),
      fc.record({ kind: fc.constantFrom("network" as const, "timeout" as const) }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, fc.integer({ min: 0, max: 20_000 })), { minLength: 1 }), (attempts) => {
        let elapsedMs = 0;
        let made = 0;
        for (const [outcome, wantedMs] of attempts) {
          const budgetMs = requestBudgetMs(elapsedMs, streamWebhookPolicy);
          expect(budgetMs).toBeLessThanOrEqual(6_000);
          elapsedMs += Math.min(wantedMs, budgetMs);
          made += 1;
          expect(elapsedMs).toBeLessThanOrEqual(15_000);
          if (!retries(made, outcome, elapsedMs, streamWebhookPolicy)) break;
          elapsedMs += streamWebhookPolicy.retryDelayMs;
        }
        expect(made).toBeLessThanOrEqual(3);
        expect(attemptLimit({ kind: "timeout" })).toBe(3);
      }),
    );
  });
});

interface Delivery {
  headers: IncomingHttpHeaders;
  body: Buffer;
  event: { type: string; call_cid: string; custom?: object };
}

describe("webhooks", () => {
  let test: TestCloud;
  let url: string;
  const deliveries: Delivery[] = [];
  /** Statuses of the next answers; 0: no answer; then 200. */
  const answers: number[] = [];
  const listener = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const event = test.server.verifyAndParseWebhook(body, String(request.headers["x-signature"]));
    deliveries.push({ headers: request.headers, body, event: event as unknown as Delivery["event"] });
    const status = answers.shift() ?? 200;
    if (status > 0) response.writeHead(status).end();
  });

  beforeAll(async () => {
    test = await startTestCloud({
      webhookPolicy: { requestTimeoutMs: 2_000, totalTimeoutMs: 10_000, retryDelayMs: 5 },
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`;
    await test.server.upsertUsers([{ id: "alice" }]);
    await test.server.video.call("default", "hooks").create({ data: { created_by_id: "alice" } });
  });
  afterEach(async () => {
    await test.control("/faults/webhooks", noWebhookFaults);
    await test.control("/webhook", null);
    await test.server.updateApp({ event_hooks: [], webhook_url: "", enable_hook_payload_compression: false });
    deliveries.length = 0;
    answers.length = 0;
  });
  afterAll(async () => {
    await test.cloud.close();
    listener.closeAllConnections();
    listener.close();
  });

  const setWebhook = (eventTypes: string[] = ["custom"]) => test.control("/webhook", { url, eventTypes });
  const send = (n: number) =>
    test.server.video.call("default", "hooks").sendCallEvent({ user_id: "alice", custom: { n } });
  const settled = () => test.cloud.coordinator.webhooks.settled();
  const ids = () => deliveries.map(({ headers }) => headers["x-webhook-id"]);

  it("are signed over the body, and carry an id, the attempt and the api key", async () => {
    await setWebhook();
    await send(1);
    await settled();
    expect(deliveries).toHaveLength(1);
    expect(deliveries[0]?.event).toMatchObject({ type: "custom", call_cid: "default:hooks", custom: { n: 1 } });
    expect(deliveries[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "x-api-key": "key",
      "x-webhook-attempt": "1",
      "x-webhook-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("are tried again with the same id and the next attempt, until one is answered", async () => {
    await setWebhook();
    answers.push(503, 500);
    await send(1);
    await settled();
    expect(deliveries.map(({ headers }) => headers["x-webhook-attempt"])).toEqual(["1", "2", "3"]);
    expect(new Set(ids()).size).toBe(1);
    const outcomes = test.log.since().filter(({ type }) => type.startsWith("webhook."));
    expect(outcomes.slice(-3).map(({ type, data }) => [type, data.outcome])).toEqual([
      ["webhook.failed", 503],
      ["webhook.failed", 500],
      ["webhook.delivered", 200],
    ]);
  });

  it("are given up after three attempts, at once on other refusals", async () => {
    await setWebhook();
    answers.push(500, 500, 500, 500);
    await send(1);
    await settled();
    expect(deliveries).toHaveLength(3);
    answers.splice(0, answers.length, 400);
    await send(2);
    await settled();
    expect(deliveries).toHaveLength(4);
  });

  it("that nobody answers in time are tried three times in all", async () => {
    const short = await startTestCloud({
      webhookPolicy: { requestTimeoutMs: 40, totalTimeoutMs: 5_000, retryDelayMs: 5 },
    });
    short.cloud.setWebhook({ url });
    answers.push(0, 0, 0);
    await short.server.upsertUsers([{ id: "alice" }]);
    await short.server.video.call("default", "slow").create({ data: { created_by_id: "alice" } });
    await short.cloud.coordinator.webhooks.settled();
    const failed = short.log.since().filter(({ type }) => type === "webhook.failed");
    expect(failed.map(({ data }) => [data.attempt, data.outcome])).toEqual([
      [1, "timeout"],
      [2, "timeout"],
      [3, "timeout"],
    ]);
    await short.cloud.close();
  });

  it("that reach nobody are tried twice", async () => {
    await test.control("/webhook", { url: "http://127.0.0.1:9/", eventTypes: ["custom"] });
    const before = test.log.since().length;
    await send(1);
    await settled();
    const failed = test.log
      .since()
      .slice(before)
      .filter(({ type }) => type === "webhook.failed");
    expect(failed.map(({ data }) => data.outcome)).toEqual(["network", "network"]);
  });

  it("may come twice, with the same id or with a new one", async () => {
    await setWebhook();
    await test.control("/faults/webhooks", { duplicate: "same-id" });
    await send(1);
    await settled();
    expect(ids()).toHaveLength(2);
    expect(new Set(ids()).size).toBe(1);
    await test.control("/faults/webhooks", { duplicate: "new-id" });
    await send(2);
    await settled();
    expect(new Set(ids()).size).toBe(3);
  });

  it("may come compressed, by fault or by the app's setting; the signature is that of the plain body", async () => {
    await setWebhook();
    await test.control("/faults/webhooks", { gzip: true });
    await send(1);
    await settled();
    await test.control("/faults/webhooks", { gzip: false });
    await test.server.updateApp({ enable_hook_payload_compression: true });
    await send(2);
    await settled();
    expect(deliveries.map(({ headers }) => headers["content-encoding"])).toEqual(["gzip", "gzip"]);
    expect(deliveries.every(({ body }) => body[0] === 0x1f && body[1] === 0x8b)).toBe(true);
    expect(deliveries.map(({ event }) => event.custom)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("may come late, and in the wrong order", async () => {
    await setWebhook();
    await test.control("/faults/webhooks", { delayMs: 80 });
    await send(1);
    expect(deliveries).toHaveLength(0);
    await settled();
    expect(deliveries).toHaveLength(1);
    await test.control("/faults/webhooks", { delayMs: 0, swapWithinMs: 1_000 });
    await send(2);
    await send(3);
    await settled();
    expect(deliveries.slice(1).map(({ event }) => event.custom)).toEqual([{ n: 3 }, { n: 2 }]);
    await test.control("/faults/webhooks", { swapWithinMs: 30 });
    await send(4);
    await settled();
    expect(deliveries.at(-1)?.event.custom).toEqual({ n: 4 });
  });

  it("go where the app's event hooks say; the list replaces the former one", async () => {
    await test.server.updateApp({
      event_hooks: [
        { enabled: true, hook_type: "webhook", webhook_url: url, event_types: ["call.updated"] },
        { enabled: false, hook_type: "webhook", webhook_url: url, event_types: [] },
      ],
    });
    const { app } = await test.server.getApp();
    expect(app.event_hooks).toMatchObject([{ id: expect.any(String), webhook_url: url }, { enabled: false }]);
    await send(1);
    await test.server.video.call("default", "hooks").update({ custom: {} });
    await settled();
    expect(deliveries.map(({ event }) => event.type)).toEqual(["call.updated"]);

    await test.server.updateApp({
      event_hooks: [{ hook_type: "webhook", webhook_url: url, should_send_custom_events: true }],
    });
    await send(2);
    await settled();
    expect(deliveries.map(({ event }) => event.type)).toEqual(["call.updated", "custom"]);
  });

  it("custom events stay out where they were not asked for", async () => {
    await setWebhook([]);
    await send(1);
    await test.server.video.call("default", "hooks").update({ custom: {} });
    await settled();
    expect(deliveries.map(({ event }) => event.type)).toEqual(["call.updated"]);
  });

  it("an end of the cloud cuts off what is on its way", async () => {
    const other = await startTestCloud();
    other.cloud.setWebhook({ url });
    await other.server.upsertUsers([{ id: "alice" }]);
    other.cloud.coordinator.webhooks.faults = { ...noWebhookFaults, delayMs: 60_000 };
    await other.server.video.call("default", "late").create({ data: { created_by_id: "alice" } });
    await other.cloud.close();
    await sleep(20);
    expect(deliveries).toEqual([]);
  });
});
