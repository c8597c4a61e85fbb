import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { withDeadline } from "../../../bridge-task/deadline.ts";

export interface ListenerOptions {
  tls?: { key: string; cert: string };
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** May upgrade by `accept`, or answer on the socket itself. */
  onUpgrade(request: IncomingMessage, socket: Duplex, accept: (onOpen: (webSocket: WebSocket) => void) => void): void;
}

const stopMs = 5_000;

/** One loopback port with WebSockets on it, which can be pulled out and put back in under the same number. */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #port = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const { tls, onRequest, onUpgrade } = this.#options;
    const server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
    // As the service: large appends pass, the key-carrying subprotocol is not echoed.
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: 32 * 1_024 * 1_024,
      handleProtocols: (protocols) => (protocols.has("realtime") ? "realtime" : false),
    });
    server.on("upgrade", (request, socket, head) => {
      // A client that hangs up during the upgrade is its own business.
      socket.on("error", () => socket.destroy());
      onUpgrade(request, socket, (onOpen) => sockets.handleUpgrade(request, socket, head, onOpen));
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Connections are cut without a word, and new ones are refused until the next `start`. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const clients = [...(this.#sockets?.clients ?? [])];
    const closed = [once(server, "close"), ...clients.map((webSocket) => once(webSocket, "close"))];
    for (const webSocket of clients) webSocket.terminate();
    server.close();
    server.closeAllConnections();
    await withDeadline(Promise.all(closed), stopMs, "closing a listener of the local Realtime server");
  }
}
