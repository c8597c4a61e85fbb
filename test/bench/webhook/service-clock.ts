import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { epochMs } from "../../cloud/event-log.ts";

export interface Interval {
  fromMs: number;
  toMs: number;
}

/** How much of `within` the intervals cover together: what runs at the same time counts once. */
export const coveredMs = (intervals: readonly Interval[], within: Interval): number => {
  let covered = 0;
  let uncoveredFromMs = within.fromMs;
  for (const { fromMs, toMs } of intervals.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const startMs = Math.max(fromMs, uncoveredFromMs);
    const endMs = Math.min(toMs, within.toMs);
    if (endMs <= startMs) continue;
    covered += endMs - startMs;
    uncoveredFromMs = endMs;
  }
  return covered;
};

/** Requests older than this many are forgotten. */
const maxIntervals = 1_000;

/**
 * Stands in front of services and notes when they are at work: from a request's head to the last byte of its answer. What
 * asking costs (connecting, signing, parsing the answer) is not in it.
 */
export class ServiceClock {
  readonly #doors: Server[] = [];
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #intervals: Interval[] = [];

  /** Opens another address of the service at `targetUrl()`, which is asked when a request comes. Resolves with its URL. */
  async open(targetUrl: () => string): Promise<string> {
    const door = http.createServer((request, response) => {
      this.#pass(request, response, targetUrl()).catch(() => response.destroy()); // The client sees the service gone.
    });
    this.#doors.push(door);
    const listening = Promise.withResolvers<void>();
    door.once("error", listening.reject).listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    return `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  }

  /** How long at least one service was at work. Unix epoch in milliseconds, with a fraction. */
  spentMs(within: Interval): number {
    return coveredMs(this.#intervals, within);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    const closed = this.#doors.map((door) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      door.close(() => resolve());
      door.closeAllConnections();
      return promise;
    });
    await Promise.all(closed);
  }

  async #pass(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const fromMs = epochMs();
    response.once("finish", () => {
      this.#intervals.push({ fromMs, toMs: epochMs() });
      if (this.#intervals.length > maxIntervals) this.#intervals.shift();
    });
    const { method, headers } = request;
    const passed = http.request(new URL(request.url ?? "/", target), { agent: this.#agent, method, headers });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    passed.once("response", resolve).once("error", reject);
    await Promise.all([
      pipeline(request, passed),
      promise.then((answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        return pipeline(answer, response);
      }),
    ]);
  }
}
