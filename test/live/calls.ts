import { type Json, objectOf, type StreamAnswer, type StreamApi } from "./stream-api.ts";

/** A call as an answer of REST has it. */
export interface CallSeen {
  call: Json;
  members: unknown;
}

export interface Found {
  calls: CallSeen[];
  rateLimit: StreamAnswer["rateLimit"];
}

/** Calls of one answer; Stream's own default. */
export const pageSize = 25;
const requestMs = 5_000;

const path = "/video/calls";
const newestFirst = [{ field: "created_at", direction: -1 }];

const foundIn = ({ body, rateLimit }: StreamAnswer): Found => ({
  rateLimit,
  calls: (Array.isArray(body.calls) ? body.calls : []).map((one) => {
    const { call, members } = objectOf(one);
    return { call: objectOf(call), members };
  }),
});

/** The three questions about calls. Each throws RateLimitedError or CoordinatorError. */
export class Calls {
  readonly #api: StreamApi;
  readonly #closing: AbortSignal;

  constructor(api: StreamApi, closing: AbortSignal) {
    this.#api = api;
    this.#closing = closing;
  }

  /** The newest of those that were created after that. */
  createdSince(sinceMs: number): Promise<Found> {
    const filter = { created_at: { $gt: new Date(sinceMs).toISOString() } };
    return this.#query("Looking for new calls", { filter_conditions: filter, sort: newestFirst, limit: pageSize });
  }

  /** The newest of those in which somebody is. */
  ongoing(): Promise<Found> {
    const filter = { ongoing: { $eq: true } };
    return this.#query("Looking for calls that go on", {
      filter_conditions: filter,
      sort: newestFirst,
      limit: pageSize,
    });
  }

  /** From now on this connection gets the calls' events. Resolves with those that it does get, as they are. At most a page. */
  watch(cids: readonly string[], connection: { id: string; userId: string }): Promise<Found> {
    return this.#query(
      "Watching calls",
      { filter_conditions: { cid: { $in: cids } }, sort: newestFirst, limit: pageSize, watch: true },
      { query: { connection_id: connection.id }, asUser: connection.userId },
    );
  }

  async #query(
    what: string,
    body: object,
    more: { query?: Record<string, string>; asUser?: string } = {},
  ): Promise<Found> {
    const signal = AbortSignal.any([this.#closing, AbortSignal.timeout(requestMs)]);
    return foundIn(await this.#api.request({ what, method: "POST", path, body, signal, ...more }));
  }
}
