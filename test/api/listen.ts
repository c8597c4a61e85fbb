import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { onTestFinished } from "vitest";

/** Serves `answer` on a free port of loopback until the test is over. */
export const listen = async (answer: (request: Request) => Response | Promise<Response>): Promise<string> => {
  const server = serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  onTestFinished(() => {
    // A client that gave up may have left its connection open.
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
