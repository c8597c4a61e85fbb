import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createLogger, silentLogger } from "../../bridge-task/log.ts";
import { CallWatch } from "../../bridge-task/stream/call-watch.ts";
import { Coordinator } from "../../bridge-task/stream/coordinator.ts";
import { CoordinatorSocket } from "../../bridge-task/stream/coordinator-socket.ts";
import { defaultTimeouts } from "../../bridge-task/stream/timeouts.ts";

/** A server of sockets that says nothing by itself. */
let server: WebSocketServer;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
});
afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

const port = () => (server.address() as AddressInfo).port;
const connect = (timeouts: Partial<typeof defaultTimeouts> = {}) => {
  const messages: object[] = [];
  const lines: Record<string, unknown>[] = [];
  const socket = new CoordinatorSocket({
    url: new URL(`ws://127.0.0.1:${port()}/connect`),
    hello: { token: "a token" },
    timeouts: { ...defaultTimeouts, ...timeouts },
    logger: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
    onMessage: (message) => messages.push(message),
  });
  return { socket, messages, lines };
};
const peer = async (): Promise<WebSocket> => (await once(server, "connection"))[0];
const frame = async (from: WebSocket): Promise<unknown> => JSON.parse(String((await once(from, "message"))[0]));
const yes = JSON.stringify({ type: "connection.ok", connection_id: "c1" });

test("the first frame says who we are; later ones are health checks, a list each", async () => {
  const { socket } = connect({ eventsHealthCheckMs: 20 });
  const stream = await peer();
  expect(await frame(stream)).toEqual({ token: "a token" });
  stream.send(yes);
  expect(await socket.open()).toBe("c1");
  expect(await frame(stream)).toEqual([{ type: "health.check", client_id: expect.any(String) }]);
  await socket.close("done");
});

test("messages that make no sense are left out, those around them are not", async () => {
  const { socket, messages, lines } = connect();
  const stream = await peer();
  stream.send(JSON.stringify({ type: "too.early" }));
  stream.send(yes);
  await socket.open();
  for (const message of ["{", "null", "7", Buffer.from([0xff, 0x00])]) stream.send(message);
  for (const type of ["health.check", "connection.ok", "custom"]) stream.send(JSON.stringify({ type }));
  await expect.poll(() => messages).toEqual([{ type: "custom" }]);
  expect(lines.map(({ event }) => event)).toEqual(Array(4).fill("coordinator_message_unreadable"));
  await socket.close("done");
});

test("a server that never says yes is given up, and one that does not let go is left by force", async () => {
  const { socket } = connect({ eventsOpenMs: 50, leaveStepMs: 50 });
  const stream = await peer();
  await expect(socket.open()).rejects.toMatchObject({ code: "timeout" });
  stream.pause();
  const beganMs = performance.now();
  await socket.close("done");
  expect(performance.now() - beganMs).toBeLessThan(500);
  expect(await socket.lost).toMatchObject({ message: "closed: done" });
});

test("a loss is told once with its reason, also by an error of the server", async () => {
  const { socket } = connect();
  const stream = await peer();
  stream.send(yes);
  await socket.open();
  stream.send(JSON.stringify({ type: "connection.error", error: { code: 40, message: "token is expired" } }));
  expect(await socket.lost).toMatchObject({ apiCode: 40, message: expect.stringContaining("token is expired") });
  await socket.close("done");

  const other = connect();
  const far = await peer();
  far.send(yes);
  await other.socket.open();
  far.close(4999);
  expect(await other.socket.lost).toMatchObject({ retryable: true, message: expect.stringContaining("4999") });
});

test("nobody waits for a watch that does not come about", async () => {
  const streamClient = new StreamClient("key", "secret", { basePath: `http://127.0.0.1:${port()}` });
  const call = { type: "default", id: "room" };
  const unexpected = () => expect.unreachable();
  const watch = new CallWatch({
    coordinator: new Coordinator({ streamClient, call, user: { id: "lucy" }, requestTimeoutMs: 100 }),
    timeouts: { ...defaultTimeouts, watchingMs: 50 },
    logger: silentLogger,
    onWatched: unexpected,
    onLost: unexpected,
    onEvent: unexpected,
  });
  watch.open();
  await watch.watching;
  await watch.close();
  await watch.close();
});
