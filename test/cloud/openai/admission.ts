import type { IncomingHttpHeaders } from "node:http";
import { type ApiProblem, problems } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** What becomes of a WebSocket upgrade: refused in HTTP, opened only to be told why it is closed, or a session. */
export type Admission =
  | { type: "http"; status: 401 | 404; problem: ApiProblem }
  | { type: "closed"; code: 4000; problem: ApiProblem }
  | { type: "session"; model: string };

/** The models of the beta protocol are gone. */
export const isRetired = (model: string): boolean => /^gpt-4o(-mini)?-realtime-preview/.test(model);

const protocolsOf = (headers: IncomingHttpHeaders): string[] =>
  (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());

/** Browsers cannot set headers: their key comes as a subprotocol. */
export const keyOf = (headers: IncomingHttpHeaders): string | undefined => {
  const prefix = "openai-insecure-api-key.";
  const protocol = protocolsOf(headers).find((name) => name.startsWith(prefix));
  return protocol?.slice(prefix.length) ?? headers.authorization?.replace(/^Bearer /, "");
};

const wantsBeta = (headers: IncomingHttpHeaders): boolean =>
  String(headers["openai-beta"] ?? "").includes("realtime") ||
  protocolsOf(headers).some((protocol) => protocol.startsWith("openai-beta.realtime"));

export interface AdmissionOptions {
  /** The only key that is let in. */
  apiKey: string;
  settings: Pick<Settings, "missingModels" | "isOutOfMoney">;
}

/** Decides on an upgrade to `/v1/realtime` by its headers and query. */
export const admit = (url: URL, headers: IncomingHttpHeaders, { apiKey, settings }: AdmissionOptions): Admission => {
  if (keyOf(headers) !== apiKey) return { type: "http", status: 401, problem: problems.invalidApiKey() };
  if (url.pathname !== "/v1/realtime")
    return { type: "http", status: 404, problem: problems.invalidEvent(`Invalid URL (GET ${url.pathname})`) };
  if (url.searchParams.has("call_id"))
    return { type: "http", status: 404, problem: { ...problems.notOffered("A call"), code: "call_id_not_found" } };
  const closed = (problem: ApiProblem): Admission => ({ type: "closed", code: 4000, problem });
  if (wantsBeta(headers)) return closed(problems.betaShape());
  if (url.searchParams.has("intent")) return closed(problems.notOffered("A transcription session", "intent"));
  const model = url.searchParams.get("model");
  if (!model) return closed(problems.missingModel());
  if (isRetired(model) || settings.missingModels.includes(model)) return closed(problems.modelNotFound(model));
  return settings.isOutOfMoney ? closed(problems.noMoney()) : { type: "session", model };
};
