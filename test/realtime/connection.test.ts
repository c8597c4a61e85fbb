import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { expect, it, onTestFinished } from "vitest";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { createLogger } from "../../bridge-task/log.ts";
import { Connection, type ConnectionClosed, type ConnectionOptions } from "../../bridge-task/realtime/connection.ts";
import { createCertificates } from "../cloud/certificate.ts";

/** A TLS server whose every socket the test holds. `refuse`: what it answers instead of a handshake. */
const startServer = async (options: ServerOptions & { refuse?: string } = {}) => {
  const { caPem, keyPem, certPem } = await createCertificates();
  const https = createServer({ key: keyPem, cert: certPem });
  const { refuse, ...rest } = options;
  const server = new WebSocketServer({ noServer: true, ...rest });
  https.on("upgrade", (request, socket, head) => {
    if (refuse !== undefined) socket.end(refuse);
    else server.handleUpgrade(request, socket, head, (webSocket) => server.emit("connection", webSocket));
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  onTestFinished(async () => {
    for (const client of server.clients) client.terminate();
    https.closeAllConnections();
    await new Promise((resolve) => https.close(resolve));
  });
  const { port } = https.address() as AddressInfo;
  return { server, caPem, baseUrl: `https://127.0.0.1:${port}/v1` };
};

const connect = (options: Partial<ConnectionOptions> & { caPem: string; baseUrl: string }) => {
  const events: RealtimeServerEvent[] = [];
  const closed = Promise.withResolvers<ConnectionClosed>();
  const log: string[] = [];
  const { caPem, ...rest } = options;
  const connection = new Connection({
    apiKey: "sk-test",
    model: "m",
    logger: createLogger({ write: (line) => log.push(line) }),
    onEvent: (event) => events.push(event),
    onClosed: closed.resolve,
    wsOptions: { ca: caPem },
    ...rest,
  });
  onTestFinished(() => connection.close());
  return { connection, events, closed: closed.promise, log };
};

it("is closed as lost when the server stops answering pings, and not before", async () => {
  const answering = await startServer();
  const alive = connect({ ...answering, pingIntervalMs: 10, pongTimeoutMs: 1_000 });
  await alive.connection.opened();
  const mute = await startServer({ autoPong: false });
  const dead = connect({ ...mute, pingIntervalMs: 10, pongTimeoutMs: 60 });
  await dead.connection.opened();
  expect(await dead.closed).toMatchObject({
    cause: "lost",
    code: 1006,
    error: { message: expect.stringContaining("ping") },
  });
  expect(dead.connection.isOpen).toBe(false);
  expect(alive.connection.isOpen).toBe(true);
});

it("misses nothing that the server says with the handshake", async () => {
  const { server, ...address } = await startServer();
  server.on("connection", (socket: WebSocket) => socket.send('{"type":"session.created","event_id":"e","session":{}}'));
  const { connection, events } = connect(address);
  await connection.opened();
  await expect.poll(() => events.map(({ type }) => type)).toEqual(["session.created"]);
});

it("survives what is no event", async () => {
  const { server, ...address } = await startServer();
  server.on("connection", (socket: WebSocket) => {
    for (const frame of ["{", "[]", '"x"', '{"type":"session.created"}']) socket.send(frame);
  });
  const { connection, events } = connect(address);
  await connection.opened();
  await expect.poll(() => events.length).toBe(1);
  expect(connection.isOpen).toBe(true);
});

it("gives up on a server that never finishes the handshake", async () => {
  // A verification that takes a callback and never calls it leaves the client waiting.
  const silent = await startServer({ verifyClient: (_request, _accept) => undefined });
  const { connection, closed } = connect({ ...silent, openTimeoutMs: 50 });
  await expect(connection.opened()).rejects.toMatchObject({
    code: "model_unreachable",
    retryable: true,
    message: expect.stringContaining("50 ms"),
  });
  expect((await closed).cause).toBe("lost");
});

it("tells a lack of credit from a full server by the body of the refusal", async () => {
  const answer = (body: string) =>
    `HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const broke = connect(
    await startServer({ refuse: answer('{"error":{"code":"insufficient_quota","message":"No credit."}}') }),
  );
  await expect(broke.connection.opened()).rejects.toMatchObject({
    reason: "model_refused",
    code: "insufficient_quota",
  });
  const full = connect(await startServer({ refuse: answer("{}") }));
  await expect(full.connection.opened()).rejects.toMatchObject({ code: "rate_limit_exceeded", retryable: true });
});

it("reads the reason from the close where no error came before", async () => {
  const { server, ...address } = await startServer();
  server.on("connection", (socket: WebSocket) => socket.close(3_000, "invalid_request_error.invalid_api_key"));
  const { connection, closed } = connect(address);
  await connection.opened().catch(() => undefined);
  expect(await closed).toMatchObject({ cause: "lost", error: { reason: "model_refused", code: "invalid_api_key" } });
});

it("ends also when the server does not answer the close", async () => {
  const { server, ...address } = await startServer();
  server.on("connection", (socket: WebSocket) => socket.pause());
  const { connection, closed, log } = connect(address);
  await connection.opened();
  await connection.close();
  expect((await closed).cause).toBe("closed_by_us");
  expect(log.join()).toContain("realtime_close_forced");
  expect(connection.send({ type: "input_audio_buffer.clear" })).toBe(false);
});
