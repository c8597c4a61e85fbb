import { createHmac } from "node:crypto";
import { BridgeError } from "../../bridge-task/errors.ts";
import { send } from "../send.ts";

/** Stream's hosts: users and the app stand with the chat API. */
const videoUrl = "https://video.stream-io-api.com";
const commonUrl = "https://chat.stream-io-api.com";

const base64Url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The token with which a server speaks to Stream: HS256, no expiry. */
export const serverToken = (secret: string): string => {
  const signed = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url({ server: true })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
};

/** Stream answered, and not with a 2xx. */
export class StreamRequestError extends BridgeError {
  readonly status: number;
  /** Stream will not have it as it is: the user, or the call, may not exist. */
  readonly isRefusal: boolean;

  constructor(path: string, status: number, { code, message }: Record<string, unknown>) {
    const isRefusal = status >= 400 && status < 500 && status !== 429;
    super("stream_request", `Stream answered ${status} to ${path}: ${String(message)}`, {
      retryable: !isRefusal,
      data: { status, code },
    });
    this.status = status;
    this.isRefusal = isRefusal;
  }
}

export interface StreamApiOptions {
  apiKey: string;
  apiSecret: string;
  /** Another server than Stream's own. */
  baseUrl?: string | undefined;
  /** How the text of an answer is read; JSON.parse unless told. */
  parse?: (json: string) => unknown;
}

export interface StreamRequest {
  body?: object;
  query?: Record<string, string>;
  signal: AbortSignal;
}

/** One request as a server; `path` begins after /api/v2. Rejects with StreamRequestError, or when there is no answer. */
export type StreamApi = (method: string, path: string, request: StreamRequest) => Promise<Record<string, unknown>>;

/** The functions' own few requests to Stream: the SDK would weigh more than the rest of the webhook. */
export const createStreamApi = ({ apiKey, apiSecret, baseUrl, parse = JSON.parse }: StreamApiOptions): StreamApi => {
  const authorization = serverToken(apiSecret);
  return async (method, path, { body, query = {}, signal }) => {
    const url = new URL(baseUrl ?? (path.startsWith("/video/") ? videoUrl : commonUrl));
    url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v2${path}`;
    url.search = new URLSearchParams({ api_key: apiKey, ...query }).toString();
    const { status, text } = await send(url, {
      method,
      signal,
      headers: { authorization, "stream-auth-type": "jwt", "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    let answer: unknown;
    try {
      answer = parse(text);
    } catch (error) {
      // No JSON: the status says what there is to say, and whoever wants a field sees that it is missing.
      if (!(error instanceof SyntaxError)) throw error;
    }
    const fields = typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
    if (status < 200 || status > 299) throw new StreamRequestError(path, status, fields);
    return fields;
  };
};
