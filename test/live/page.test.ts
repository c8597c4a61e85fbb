import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEventRoutes } from "../cloud/control.ts";
import { EventLog } from "../cloud/event-log.ts";
import type { Invitation } from "../cloud/page/invitation.ts";
import { type PageServer, servePage } from "../cloud/page/server.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";

const keys = { apiKey: "key", apiSecret: "secret" };

let stream: StreamCloud;
let page: PageServer;
beforeAll(async () => {
  const log = new EventLog();
  stream = await startStreamCloud({ log, ...keys });
  const info = { streamApiKey: "key", streamApiSecret: "secret", streamServerBaseUrl: stream.serverBaseUrl };
  page = await servePage({ info, log, control: { app: createEventRoutes(log) } });
});
afterAll(async () => {
  await page?.close();
  await stream?.close();
});

const start = (headers: Record<string, string> = {}) =>
  fetch(`${page.url}api/calls`, { method: "POST", headers, body: JSON.stringify({ name: "Ann" }) });

test("the page says that it is live", async () => {
  expect(await (await fetch(page.url)).text()).toContain('<body class="live">');
});

test("it makes a call in Stream and lets its person in by a token of their own", async () => {
  const { call, user, ...invitation } = (await (await start()).json()) as Invitation;
  expect(invitation).toMatchObject({ stream: { apiKey: "key" }, typing: "asks" });
  // Stream's own, which the SDK knows.
  expect(invitation.stream).not.toHaveProperty("locationHintUrl");
  const client = new StreamClient(keys.apiKey, keys.apiSecret, { basePath: stream.serverBaseUrl });
  expect((await client.video.call(call.type, call.id).get()).call.created_by.id).toBe(user.id);
  const [, claims = ""] = user.token.split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ user_id: user.id });
});

test("other sites cannot make calls by it, nor read what happens", async () => {
  const { status } = await start({ origin: "https://example.com" });
  expect(status).toBe(403);
  const events = await fetch(`${page.url}control/events`, { headers: { origin: "https://example.com" } });
  expect(events.status).toBe(403);
  expect((await fetch(`${page.url}control/events`)).headers.get("access-control-allow-origin")).toBeNull();
});

test("nothing of the stand-in's is served: no words for a script, no door for tests", async () => {
  const said = await fetch(`${page.url}api/lines`, {
    method: "POST",
    body: JSON.stringify({ text: "Hi", sessionId: "1" }),
  });
  expect(said.status).toBe(404);
  expect((await fetch(`${page.url}control/stream/faults`)).status).toBe(404);
});
