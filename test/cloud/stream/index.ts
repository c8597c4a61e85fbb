import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { WebSocketServer } from "ws";
import type { EventLog } from "../event-log.ts";
import { createControl } from "./control.ts";
import { AppSettings } from "./coordinator/app.ts";
import { CallTypes } from "./coordinator/call-types.ts";
import { CallDirectory } from "./coordinator/calls.ts";
import type { Coordinator } from "./coordinator/coordinator.ts";
import { serveCoordinatorSocket } from "./coordinator/coordinator-socket.ts";
import { EventHub } from "./coordinator/hub.ts";
import { CallSessions } from "./coordinator/sessions.ts";
import { CoordinatorSocketFaults } from "./coordinator/socket-faults.ts";
import { UserDirectory } from "./coordinator/users.ts";
import type { WebhookPolicy } from "./coordinator/webhook-policy.ts";
import { Webhooks, type WebhookTarget } from "./coordinator/webhooks.ts";
import { createRest } from "./rest/index.ts";
import { rpcRoutes } from "./sfu/rpc.ts";
import { Sfu } from "./sfu/sfu.ts";
import { serveSfuSocket } from "./sfu/socket.ts";
import { sfuHost } from "./sfu-host.ts";

export type { WebhookFaults } from "./coordinator/webhooks.ts";

export interface StreamCloudOptions {
  log: EventLog;
  apiKey: string;
  apiSecret: string;
  /** `settings.session.inactivity_timeout_seconds` of new calls; default 30. */
  sessionInactivitySeconds?: number;
  /** How long a participant whose socket was lost stays in the call; default 25, as Stream says. */
  fastReconnectDeadlineSeconds?: number;
  /** An SFU socket without a frame for this long is dead; default 30,000. */
  sfuSilenceLimitMs?: number;
  /** Everybody is offered everybody's audio without asking; default true, as Stream's SFU does for its browser SDK. */
  implicitAudioSubscription?: boolean;
  webhookPolicy?: WebhookPolicy;
  /** Source of packet loss, 0 to 1; default Math.random. */
  random?: () => number;
}

export interface StreamCloud {
  /** `baseURL` of @stream-io/video-client: http://127.0.0.1:PORT/video */
  baseUrl: string;
  /** `basePath` of @stream-io/node-sdk: http://127.0.0.1:PORT */
  serverBaseUrl: string;
  /** `locationHintUrl` of @stream-io/video-client. */
  locationHintUrl: string;
  /** Sends call events there, beside what the app's settings say; null: no longer. */
  setWebhook(target: WebhookTarget | null): void;
  /** The tests' door: see control.ts. */
  control: Hono;
  sfu: Sfu;
  coordinator: Coordinator;
  /** Ends every socket, peer connection, timer and delivery. Idempotent. */
  close(): Promise<void>;
}

const coordinatorPaths = new Set(["/video/connect", "/api/v2/connect", "/api/v2/video/connect"]);

/** Starts Stream Video, coordinator and SFU, on one free loopback port. A stand-in for tests, never a product. */
export const startStreamCloud = async (options: StreamCloudOptions): Promise<StreamCloud> => {
  const { log, apiKey, apiSecret } = options;
  let origin = "";
  const app = new AppSettings();
  const users = new UserDirectory();
  const webhooks = new Webhooks({ log, apiKey, apiSecret, app, policy: options.webhookPolicy });
  const socketFaults = new CoordinatorSocketFaults();
  const hub = new EventHub({ webhooks, faults: socketFaults, log });
  const sessions = new CallSessions({ users, hub });
  const sfu = new Sfu({
    log,
    host: sfuHost(() => coordinator),
    origin: () => origin,
    fastReconnectDeadlineSeconds: options.fastReconnectDeadlineSeconds ?? 25,
    silenceLimitMs: options.sfuSilenceLimitMs ?? 30_000,
    subscribesImplicitly: options.implicitAudioSubscription ?? true,
    random: options.random,
  });
  const coordinator: Coordinator = {
    apiKey,
    apiSecret,
    inactivityTimeoutSeconds: options.sessionInactivitySeconds ?? 30,
    log,
    users,
    calls: new CallDirectory(),
    sessions,
    hub,
    webhooks,
    app,
    callTypes: new CallTypes(),
    sfu,
    socketFaults,
    restFaults: [],
  };

  const http = createRest(coordinator);
  http.route("/sfu/twirp", rpcRoutes(sfu));
  const server = createAdaptorServer({ fetch: http.fetch }) as Server;
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? "/", origin);
    const isSfu = url.pathname === "/sfu/ws";
    const isServed = isSfu ? !sfu.faults.isDown : coordinatorPaths.has(url.pathname) && !socketFaults.refuses;
    if (!isServed) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (isSfu) serveSfuSocket(sfu, ws);
      else serveCoordinatorSocket(coordinator, ws, url.searchParams);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  let closing: Promise<void> | undefined;
  const close = async () => {
    sfu.faults.isDown = true;
    for (const client of sockets.clients) client.terminate();
    await sfu.close();
    sessions.close();
    socketFaults.close();
    await webhooks.close();
    sockets.close();
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    baseUrl: `${origin}/video`,
    serverBaseUrl: origin,
    locationHintUrl: `${origin}/hint`,
    setWebhook: (target) => app.setWebhook(target),
    control: createControl({ coordinator, sfu }),
    sfu,
    coordinator,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
};
