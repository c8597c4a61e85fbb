import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";

/** An HTTP server on a free loopback port. */
export interface LoopbackServer {
  /** host:port */
  host: string;
  /** Without a slash at the end. */
  url: string;
  /** Cuts what is open; resolves when the port is free. */
  close(): Promise<void>;
}

/** A site whose name was made to lead here asks under that name. Behind these servers there may be somebody's real keys. */
const isLoopbackHost = (host: string | null): boolean => /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? "");

// biome-ignore lint/suspicious/noExplicitAny: Hono's type parameters are invariant, and a server takes an app of any bindings
export const serveOnLoopback = async (app: Hono<any>): Promise<LoopbackServer> => {
  const fetch: typeof app.fetch = (request, env) =>
    isLoopbackHost(request.headers.get("host"))
      ? app.fetch(request, env)
      : new Response("This server is asked as 127.0.0.1 or localhost only.", { status: 421 });
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false }) as Server;
  server.requestTimeout = 0; // Lambda's runtime asks for its next invocation and waits as long as it takes.
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject).listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
};
