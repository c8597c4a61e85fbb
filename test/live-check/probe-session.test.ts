import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { ProbeSession } from "./probe-session.ts";

let server: WebSocketServer;
let session: ProbeSession | undefined;
afterEach(async () => {
  session?.close();
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

test("an answer that does not come in time is told to whoever waits for it later, and ends nothing else", async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.send(JSON.stringify({ type: "session.created" })));
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  session = await ProbeSession.open({ baseUrl, apiKey: "key", model: "any" });
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const forgotten = session.next(() => false, 1, "what nobody sends");
    await expect(session.next(() => false, 20, "something else")).rejects.toThrow("something else");
    await expect(forgotten).rejects.toThrow("what nobody sends");
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
