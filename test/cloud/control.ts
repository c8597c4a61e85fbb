import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { streamSSE } from "hono/streaming";
import type { EventLog } from "./event-log.ts";

export interface ControlServer {
  url: string;
  /** Its routes, for a server that also serves something else. */
  app: Hono;
  close(): Promise<void>;
}

export interface ControlParts {
  log: EventLog;
  stream: { control: Hono };
  openai: { control: Hono };
  aws: { control: Hono };
}

/** `GET /events?after=SEQ` lists what happened and `GET /events/live?after=SEQ` streams it (SSE). */
export const createEventRoutes = (log: EventLog): Hono => {
  const app = new Hono();
  app.get("/events", (c) => c.json(log.since(Number(c.req.query("after") ?? 0))));
  app.get("/events/live", (c) =>
    streamSSE(c, async (sse) => {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const send = (event: ReturnType<EventLog["record"]>) =>
        void sse.writeSSE({ id: String(event.seq), data: JSON.stringify(event) });
      for (const event of log.since(Number(c.req.query("after") ?? c.req.header("last-event-id") ?? 0))) send(event);
      const unwatch = log.watch(send);
      sse.onAbort(end);
      await ended;
      unwatch();
    }),
  );
  return app;
};

/**
 * The tests' own door to the local cloud: `/stream`, `/openai` and `/aws` belong to the parts (documented in README.md
 * beside this file), the rest are those of createEventRoutes.
 */
export const createControl = ({ log, stream, openai, aws }: ControlParts): Hono => {
  const app = new Hono();
  app.use(cors());
  app.onError((error, c) => c.json({ error: error.message }, 500));
  app.route("/", createEventRoutes(log));
  app.route("/stream", stream.control);
  app.route("/openai", openai.control);
  app.route("/aws", aws.control);
  return app;
};

/** Serves the control routes on a free loopback port. */
export const startControl = async (parts: ControlParts): Promise<ControlServer> => {
  const app = createControl(parts);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    app,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
