import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { deferred } from "../deadline.ts";
import { InvalidInputError, messageOf } from "../errors.ts";
import { signatureHeader, signatureHeaderName } from "../signature.ts";
import { OutgoingError } from "./errors.ts";
import { allowedAddresses, checkUrl, type UrlPolicy } from "./url-policy.ts";

export interface SignedPost {
  url: string;
  /** JSON text; what is signed. */
  body: string;
  /** The API key of the deployment: signs the body. */
  key: string;
  headers?: Record<string, string>;
  /** For all of it: from looking the host up to the last byte of the answer. */
  timeoutMs: number;
  /** How much of the answer is read; of a longer one, its beginning. Default: nothing of it is. */
  maxAnswerBytes?: number;
  /** Gives it up: nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

export interface Answer {
  /** 200 to 299. */
  status: number;
  /** As much of it as was asked for. */
  body: string;
  /** False: the answer was longer than `maxAnswerBytes`. */
  isWhole: boolean;
}

/** Statuses after which the same request may succeed. */
const isRetryable = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

/** Looks a host up and gives its allowed addresses only: what is connected to is what was judged. */
const lookupIn =
  (url: URL, policy: UrlPolicy): LookupFunction =>
  (_hostname, options, callback) => {
    const refused = new OutgoingError(
      "url_refused",
      `${url.host} has no public address: tools and events are posted to public hosts only`,
    );
    allowedAddresses(url, policy).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(refused, [], 0);
        else if (options.all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, [], 0),
    );
  };

const reachErrorOf = (url: URL, cause: unknown): OutgoingError =>
  cause instanceof OutgoingError
    ? cause
    : new OutgoingError("unreachable", `${url.host} could not be reached: ${messageOf(cause)}`, {
        retryable: true,
        cause,
      });

/** How much of an answer that is no 2xx is read, for what it says is wrong. */
const maxComplaintBytes = 4_096;

const statusErrorOf = (url: URL, status: number, body: string): OutgoingError => {
  const isRedirect = status >= 300 && status < 400;
  const message = isRedirect
    ? `${url.host} answered with a redirect (${status}), which is not followed: use the final URL`
    : `${url.host} answered with status ${status}`;
  const code = isRedirect ? "redirected" : "bad_status";
  return new OutgoingError(code, message, { status, body, retryable: isRetryable(status) });
};

const readBody = async (
  url: URL,
  response: IncomingMessage,
  maxBytes: number,
): Promise<Pick<Answer, "body" | "isWhole">> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) break;
    }
  } catch (cause) {
    const message = `The answer of ${url.host} broke off: ${messageOf(cause)}`;
    const { statusCode: status } = response;
    throw new OutgoingError("broken_answer", message, { status, retryable: true, cause });
  }
  return { body: Buffer.concat(chunks).subarray(0, maxBytes).toString(), isWhole: bytes <= maxBytes };
};

const answerOf = async (url: URL, response: IncomingMessage, maxBytes: number | undefined): Promise<Answer> => {
  const status = response.statusCode ?? 0;
  const isAccepted = status >= 200 && status < 300;
  const bytes = isAccepted || maxBytes === undefined ? maxBytes : maxComplaintBytes;
  const answer = { status, ...(bytes === undefined ? notRead : await readBody(url, response, bytes)) };
  if (isAccepted) return answer;
  throw statusErrorOf(url, status, answer.body);
};

const notRead = { body: "", isWhole: false };

/**
 * POSTs JSON to the application, signed with `X-Agents-Signature`. Resolves with a 2xx answer. Rejects with an OutgoingError
 * that says what to do: every other answer (redirects are not followed), a host without a public address, no answer in time.
 * The address is judged when it is connected to, so that a name cannot come to mean another host in between. Every POST has a
 * connection of its own.
 */
export const postSigned = async (post: SignedPost, policy: UrlPolicy): Promise<Answer> => {
  const { body, key, headers, timeoutMs, maxAnswerBytes, signal } = post;
  const url = urlOf(post.url, policy);
  const { request: send } = url.protocol === "http:" ? http : https;
  const { promise: response, resolve, reject } = deferred<IncomingMessage>();
  const { promise: givenUp, reject: giveUp } = deferred<never>();
  const request: ClientRequest = send(url, {
    method: "POST",
    // A connection of its own: one that somebody else opened was judged by their rules.
    agent: false,
    lookup: lookupIn(url, policy),
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "stream-agent-bridge",
      ...headers,
      [signatureHeaderName]: signatureHeader(key, body, Date.now()),
    },
  });
  request.on("error", reject);
  request.on("response", resolve);
  const timer = setTimeout(
    () => giveUp(new OutgoingError("timed_out", `${url.host} took longer than ${timeoutMs} ms`, { retryable: true })),
    timeoutMs,
  );
  const onAbort = () => giveUp(new OutgoingError("timed_out", `Nobody waits for ${url.host} any more`));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  request.end(body);
  const answered = response.then(
    (received) => answerOf(url, received, maxAnswerBytes),
    (error: unknown) => Promise.reject(reachErrorOf(url, error)),
  );
  // Given up first, it still fails once its socket is gone: nobody hears that any more.
  answered.catch(() => undefined);
  try {
    return await Promise.race([answered, givenUp]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    request.destroy();
  }
};

const urlOf = (text: string, policy: UrlPolicy): URL => {
  try {
    return checkUrl(text, policy, "the URL");
  } catch (cause) {
    if (cause instanceof InvalidInputError) throw new OutgoingError("url_refused", cause.message, { cause });
    throw cause;
  }
};
