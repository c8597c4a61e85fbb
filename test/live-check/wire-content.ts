import { fromBinary, toJson } from "@bufbuild/protobuf";
import { SignalServer } from "../../bridge-task/stream/generated/signal_pb.js";
import type { Exchange } from "./observations.ts";

type Json = Record<string, unknown>;

/** Sound, keys and what somebody wrote or said. Only their length is kept. */
const contentKeys = new Set([
  "token",
  "credential",
  "password",
  "username",
  "audio_base64",
  "audio",
  "transcript",
  "text",
  "instructions",
  "obfuscation",
  "image",
]);

const isDelta = (type: unknown): boolean => typeof type === "string" && type.endsWith(".delta");

/** The same without content: a text under one of those keys becomes its length. */
export const withoutContent = (value: unknown, isContent = false): unknown => {
  if (typeof value === "string") return isContent ? `(${value.length} characters)` : value;
  if (Array.isArray(value)) return value.map((item) => withoutContent(item, isContent));
  if (typeof value !== "object" || value === null) return value;
  const object = value as Json;
  return Object.fromEntries(
    Object.entries(object).map(([key, item]) => [
      key,
      withoutContent(item, contentKeys.has(key) || (key === "delta" && isDelta(object.type))),
    ]),
  );
};

const parsed = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    // Not JSON: an upload, a proxy's page.
    return undefined;
  }
};

const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Of a join's answer, what is judged: the rest is the app's own. */
const ofJoin = (answer: Json): Json => {
  const { server, ice_servers } = object(answer.credentials);
  return {
    own_capabilities: answer.own_capabilities,
    server: Object.keys(object(server)),
    iceUrls: list(ice_servers).flatMap((one) => list(object(one).urls)),
    ...errorOf(answer),
  };
};

const errorOf = ({ code, message }: Json): Json => ({
  ...(code === undefined ? {} : { code }),
  ...(typeof message === "string" ? { message } : {}),
});

const twirp = (
  path: string,
  request: unknown,
  body: Uint8Array,
  isAnswered: boolean,
): [Json | undefined, Json | undefined] => {
  const name = path.split("/").at(-1);
  const method = Object.values(SignalServer.method).find((one) => one.name === name);
  if (method === undefined || !(request instanceof Uint8Array)) return [undefined, undefined];
  const asked = withoutContent(toJson(method.input, fromBinary(method.input, request))) as Json;
  return [
    asked,
    isAnswered ? (withoutContent(toJson(method.output, fromBinary(method.output, body))) as Json) : undefined,
  ];
};

const claimsOf = (authorization: string): Json | undefined => {
  const payload = authorization.replace(/^Bearer /, "").split(".")[1];
  const claims = payload && parsed(Buffer.from(payload, "base64url").toString("utf8"));
  if (!claims) return undefined;
  const { user_id, call_cids, server } = claims;
  return { ...(user_id ? { user_id } : {}), ...(call_cids ? { call_cids } : {}), ...(server ? { server } : {}) };
};

const schemeOf = (authorization: string): Exchange["authorization"] =>
  authorization === "" ? "none" : authorization.startsWith("Bearer ") ? "Bearer" : "bare";

/** A request and its answer without what is nobody's business. Never throws. */
export const plainExchange = (given: {
  url: string;
  init: RequestInit;
  atMs: number;
  status: number;
  body: Uint8Array;
}): Exchange => {
  const { url, init, atMs, status, body } = given;
  const headers = new Headers(init.headers);
  const { pathname } = new URL(url);
  const authorization = headers.get("authorization") ?? "";
  const contentType = headers.get("content-type") ?? "";
  let request: Json | undefined;
  let response: Json | undefined;
  try {
    if (contentType.includes("protobuf")) [request, response] = twirp(pathname, init.body, body, status === 200);
    else {
      const answer = parsed(new TextDecoder().decode(body)) ?? {};
      const asked = typeof init.body === "string" ? parsed(init.body) : undefined;
      if (pathname.endsWith("/join")) [request, response] = [asked, ofJoin(answer)];
      else response = errorOf(answer);
    }
  } catch {
    // An answer that is not what it says it is: its status is what can be told.
  }
  const claims = claimsOf(authorization);
  return {
    atMs,
    method: init.method ?? "GET",
    path: pathname,
    status,
    contentType,
    authorization: schemeOf(authorization),
    ...(claims ? { claims } : {}),
    ...(request ? { request } : {}),
    ...(response ? { response } : {}),
  };
};
