import { randomUUID } from "node:crypto";
import { messageOf } from "../errors.ts";
import { CoordinatorError } from "./errors.ts";

export interface UserRequest {
  /** What the request is for, in words, for its error: "joining default:1". */
  what: string;
  method: "GET" | "POST";
  url: URL;
  /** A user's or a call token. */
  token: string;
  body?: unknown;
  signal: AbortSignal;
}

/** Who asks, in Stream's records. */
export const clientName = "stream-agent-bridge";

export const mayPass = (status: number | undefined): boolean => status === undefined || status === 429 || status >= 500;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON (a proxy's page, a cut answer): the caller sees that every field is missing.
    return undefined;
  }
};

/** One REST request as a user, for what node-sdk, a server's client, does not have. Resolves with the JSON; throws CoordinatorError. */
export const requestAsUser = async ({ what, method, url, token, body, signal }: UserRequest): Promise<unknown> => {
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method,
      headers: {
        authorization: token,
        "content-type": "application/json",
        "stream-auth-type": "jwt",
        "x-client-request-id": randomUUID(),
        "x-stream-client": clientName,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    throw new CoordinatorError(`${what} failed: Stream could not be reached (${messageOf(cause)})`, {
      retryable: true,
      cause,
    });
  }
  const answer = parseJson(text);
  if (status >= 200 && status < 300) return answer;
  const { code, message, unrecoverable } = (answer ?? {}) as Record<string, unknown>;
  throw new CoordinatorError(`${what} failed: ${typeof message === "string" ? message : `HTTP ${status}`}`, {
    status,
    apiCode: typeof code === "number" ? code : undefined,
    retryable: unrecoverable !== true && mayPass(status),
  });
};
