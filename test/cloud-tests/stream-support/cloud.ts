import { createHmac } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { EventLog } from "../../cloud/event-log.ts";
import { type StreamCloud, type StreamCloudOptions, startStreamCloud } from "../../cloud/stream/index.ts";

export const apiKey = "key";
export const apiSecret = "a-secret-of-the-test";

export interface TestCloud {
  cloud: StreamCloud;
  log: EventLog;
  /** Stream's own client for servers. */
  server: StreamClient;
  /** A REST request as somebody with this token. */
  rest(method: string, path: string, token?: string, body?: unknown): Promise<{ status: number; body: Answer }>;
  /** A request to the control routes; throws unless it is answered with 200. */
  control(path: string, body?: unknown): Promise<Answer>;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape, expectations check them
export type Answer = any;

export const startTestCloud = async (options: Partial<StreamCloudOptions> = {}): Promise<TestCloud> => {
  const log = new EventLog();
  const cloud = await startStreamCloud({ log, apiKey, apiSecret, ...options });
  const server = new StreamClient(apiKey, apiSecret, { basePath: cloud.serverBaseUrl });
  return {
    cloud,
    log,
    server,
    async rest(method, path, token, body) {
      const url = new URL(cloud.serverBaseUrl + path);
      if (!url.searchParams.has("api_key")) url.searchParams.set("api_key", apiKey);
      const response = await fetch(url, {
        method,
        headers: { "content-type": "application/json", ...(token ? { authorization: token } : {}) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
    async control(path, body) {
      const response = await cloud.control.request(
        path,
        body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
      );
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
  };
};

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token with any claims, also those that no SDK would make. */
export const rawToken = (claims: object, secret = apiSecret): string => {
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
};
