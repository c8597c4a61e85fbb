import type { IncomingMessage, ServerResponse } from "node:http";
import { isRetired, keyOf } from "./admission.ts";
import { type ApiProblem, problems } from "./errors.ts";
import type { Settings } from "./settings.ts";

export interface OpenAiRestOptions {
  apiKey: string;
  settings: Settings;
}

const refusal = (status: number, error: ApiProblem) => ({ status, body: { error } });

const answerTo = (
  { method, url = "/", headers }: IncomingMessage,
  { apiKey, settings }: OpenAiRestOptions,
): { status: number; body: object } => {
  const { pathname } = new URL(url, "http://127.0.0.1");
  const model = decodeURIComponent(/^\/v1\/models\/([^/]+)$/.exec(pathname)?.[1] ?? "");
  if (method !== "GET" || model === "") return refusal(404, problems.notOffered(`${method} ${url}`));
  if (keyOf(headers) !== apiKey) return refusal(401, problems.invalidApiKey());
  const isMissing = isRetired(model) || settings.missingModels.includes(model);
  if (isMissing) return refusal(404, problems.modelNotFound(model));
  return { status: 200, body: { id: model, object: "model", created: 1_750_000_000, owned_by: "system" } };
};

/** What the local server has of OpenAI's REST API: GET /v1/models/:model. */
export const answerRest = (request: IncomingMessage, response: ServerResponse, options: OpenAiRestOptions): void => {
  const { status, body } = answerTo(request, options);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};
