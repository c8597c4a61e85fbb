import { randomUUID } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { AwsError } from "./aws-error.ts";
import type { Invocation } from "./execution-environment.ts";
import type { LambdaFunction } from "./lambda-function.ts";

/** The largest request that a Function URL takes. */
const maxRequestBytes = 6 * 1024 * 1024;

export interface UrlRequest {
  method: string;
  /** Absolute. */
  url: string;
  headers: Headers;
  body: Uint8Array;
  sourceIp: string;
  nowMs: number;
}

const textTypes = /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded|[^;]+\+(?:json|xml)))/i;

const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // No UTF-8: it goes as base64.
  }
};

/** Text goes as it is, the rest as base64: other types, compressed bodies, and text that is no UTF-8. */
const bodyOf = ({ headers, body }: UrlRequest): { body?: string; isBase64Encoded: boolean } => {
  if (body.byteLength === 0) return { isBase64Encoded: false };
  const isText = textTypes.test(headers.get("content-type") ?? "") && !headers.has("content-encoding");
  const text = isText ? decodeUtf8(body) : undefined;
  return text === undefined
    ? { body: Buffer.from(body).toString("base64"), isBase64Encoded: true }
    : { body: text, isBase64Encoded: false };
};

/** The event that a Function URL makes of a request: payload format 2.0. */
export const eventOf = (request: UrlRequest): Record<string, unknown> => {
  const url = new URL(request.url);
  const headers = Object.fromEntries([...request.headers].filter(([name]) => name !== "cookie"));
  const cookies = request.headers.get("cookie")?.split(/;\s*/);
  const query: Record<string, string> = {};
  for (const [name, value] of url.searchParams) query[name] = name in query ? `${query[name]},${value}` : value;
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookies ? { cookies } : {}),
    headers: {
      ...headers,
      "x-forwarded-for": request.sourceIp,
      "x-forwarded-proto": "https",
      "x-forwarded-port": "443",
    },
    ...(url.search === "" ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: "anonymous",
      apiId: "local",
      domainName: url.host,
      domainPrefix: "local",
      http: {
        method: request.method,
        path: url.pathname,
        protocol: "HTTP/1.1",
        sourceIp: request.sourceIp,
        userAgent: request.headers.get("user-agent") ?? "",
      },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: new Date(request.nowMs).toUTCString(),
      timeEpoch: request.nowMs,
    },
    ...bodyOf(request),
  };
};

interface FunctionResult {
  statusCode?: number;
  headers?: Record<string, string>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
}

/** The response that a Function URL makes of what the handler returned: a response object, or any JSON as a 200. */
export const responseOf = ({ payload, functionError }: Pick<Invocation, "payload" | "functionError">): Response => {
  if (functionError !== undefined) return Response.json({ Message: "Internal Server Error" }, { status: 502 });
  const result: unknown = JSON.parse(payload);
  if (typeof result !== "object" || result === null || !("statusCode" in result)) {
    const text = typeof result === "string" ? result : payload;
    return new Response(text, { headers: { "content-type": "application/json" } });
  }
  const { statusCode = 200, headers = {}, cookies = [], body, isBase64Encoded } = result as FunctionResult;
  const response = new Response(
    body === undefined || body === "" ? null : isBase64Encoded ? Buffer.from(body, "base64") : body,
    {
      status: statusCode,
      headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
    },
  );
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  return response;
};

/** One function behind its URL; `called` throws AwsError where there is none any more. */
export const createFunctionUrl = (called: () => LambdaFunction): Hono<{ Bindings: HttpBindings }> => {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.all("*", async (c) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (body.byteLength > maxRequestBytes) return c.json({ Message: "Request Entity Too Large" }, 413);
    const { method, url, raw } = c.req;
    const sourceIp = c.env.incoming.socket.remoteAddress ?? "127.0.0.1";
    try {
      const event = eventOf({ method, url, headers: raw.headers, body, sourceIp, nowMs: Date.now() });
      return responseOf(await called().invoke(JSON.stringify(event)));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return c.json({ Message: error.message }, error.status === 429 ? 429 : 502);
    }
  });
  return app;
};
