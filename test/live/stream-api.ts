import { randomUUID } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { messageOf } from "../../bridge-task/errors.ts";
import { CoordinatorError } from "../../bridge-task/stream/errors.ts";
import { clientName, mayPass } from "../../bridge-task/stream/user-request.ts";
import { serverToken } from "../../functions/stream/stream-api.ts";

export type Json = Record<string, unknown>;

/** What the headers of an answer say about the app's rate limit; undefined where they say nothing. */
export interface RateLimit {
  limit: number;
  remaining: number;
  /** Unix epoch in milliseconds. */
  resetAtMs: number;
}

export interface StreamAnswer {
  body: Json;
  rateLimit: RateLimit | undefined;
  /** Stream's clock when it answered, Unix epoch in milliseconds, to the second; undefined without the header. */
  dateMs: number | undefined;
}

/** Stream says that it is asked too often. */
export class RateLimitedError extends CoordinatorError {
  readonly rateLimit: RateLimit | undefined;

  constructor(message: string, rateLimit: RateLimit | undefined) {
    super(message, { status: 429, retryable: true });
    this.rateLimit = rateLimit;
  }
}

export interface StreamRequest {
  /** In words, for the error. */
  what: string;
  method: "GET" | "POST" | "PATCH";
  /** Below /api/v2: `/video/…` is Stream's video API, everything else its common one. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  signal: AbortSignal;
  /** Asked as this user, and not as a server. */
  asUser?: string;
}

/** Stream's hosts. */
const videoUrl = "https://video.stream-io-api.com";
const commonUrl = "https://chat.stream-io-api.com";
/** Tokens are minted for each request: this covers clocks that differ. */
const tokenSeconds = 300;
const socketTokenSeconds = 3_600;

export const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

const rateLimitOf = (headers: Headers): RateLimit | undefined => {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) => {
    const value = headers.get(`x-ratelimit-${name}`);
    return value === null || value === "" ? Number.NaN : Number(value);
  });
  if (limit === undefined || remaining === undefined || reset === undefined) return undefined;
  if (![limit, remaining, reset].every(Number.isFinite)) return undefined;
  return { limit, remaining, resetAtMs: reset * 1_000 };
};

const readJson = (text: string): Json => {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    // Not JSON (a proxy's page, a cut answer): the reader sees that every field is missing.
    return {};
  }
};

/** Why a fetch failed: what undici says stands in the cause. */
const reasonOf = (thrown: unknown): string => messageOf((thrown instanceof Error && thrown.cause) || thrown);

const dateOf = (headers: Headers): number | undefined => {
  const ms = Date.parse(headers.get("date") ?? "");
  return Number.isFinite(ms) ? ms : undefined;
};

/** Stream's REST API as it is on the wire: what came is passed on as it came, and the rate limit is seen. */
export class StreamApi {
  readonly apiKey: string;
  readonly #secret: string;
  readonly #client: StreamClient;
  readonly #baseUrl: string | undefined;

  constructor(options: { apiKey: string; apiSecret: string; baseUrl: string | undefined }) {
    this.apiKey = options.apiKey;
    this.#secret = options.apiSecret;
    this.#client = new StreamClient(options.apiKey, options.apiSecret);
    this.#baseUrl = options.baseUrl;
  }

  /** Resolves with a JSON object. Throws RateLimitedError or CoordinatorError. */
  async request({ what, method, path, query = {}, body, signal, asUser }: StreamRequest): Promise<StreamAnswer> {
    const url = this.#url(path);
    url.search = new URLSearchParams({ api_key: this.apiKey, ...query }).toString();
    const token = asUser === undefined ? serverToken(this.#secret) : this.#userToken(asUser, tokenSeconds);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        signal,
        headers: {
          authorization: token,
          "content-type": "application/json",
          "stream-auth-type": "jwt",
          "x-client-request-id": randomUUID(),
          "x-stream-client": clientName,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (cause) {
      const why = signal.aborted ? "no answer in time" : reasonOf(cause);
      throw new CoordinatorError(`${what} failed: Stream could not be reached at ${url.origin} (${why})`, {
        retryable: true,
        cause,
      });
    }
    const answer = readJson(text);
    const { status, headers } = response;
    const rateLimit = rateLimitOf(headers);
    if (response.ok) return { body: answer, rateLimit, dateMs: dateOf(headers) };
    const { code, message } = answer;
    const said = `${what} failed: ${typeof message === "string" ? message : `HTTP ${status}`}`;
    if (status === 429) throw new RateLimitedError(said, rateLimit);
    const apiCode = typeof code === "number" ? code : undefined;
    throw new CoordinatorError(said, { status, apiCode, retryable: mayPass(status) });
  }

  /** Where a user's events come from, and the first thing to say there. The token in it is new with each call of this. */
  eventSource(userId: string): { url: URL; hello: object } {
    const url = this.#url("/video/connect");
    // The socket stands beside the video API, not below it.
    url.pathname = url.pathname.replace(/\/video\/connect$/, "/connect");
    url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
    url.search = new URLSearchParams({
      api_key: this.apiKey,
      "stream-auth-type": "jwt",
      "X-Stream-Client": clientName,
    }).toString();
    const token = this.#userToken(userId, socketTokenSeconds);
    // Nothing of the user but its id: what is stated here would change it.
    return { url, hello: { token, products: ["video"], user_details: { id: userId } } };
  }

  #url(path: string): URL {
    const url = new URL(this.#baseUrl ?? (path.startsWith("/video/") ? videoUrl : commonUrl));
    url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v2${path}`;
    return url;
  }

  #userToken(userId: string, seconds: number): string {
    // A few seconds in the past: Stream's clock may be behind ours.
    const issuedAt = Math.floor(Date.now() / 1_000) - 5;
    return this.#client.generateUserToken({ user_id: userId, iat: issuedAt, validity_in_seconds: seconds });
  }
}
