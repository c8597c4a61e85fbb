import { type Context, Hono } from "hono";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import type { Fields, Logger } from "../../bridge-task/log.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { requireBearer } from "./bearer.ts";
import { readJson } from "./body.ts";
import { ApiError, apiErrorOf, invalid } from "./errors.ts";
import { createHandlers, type Handler } from "./handlers.ts";
import { checkPath } from "./validation/path.ts";
import { type RequestOptions, requestChecks } from "./validation/requests.ts";

export interface ApiOptions {
  dispatcher: Dispatcher;
  /** What requests must carry as `authorization: Bearer …`. */
  apiKey: string;
  logger: Logger;
  /** The agents that have a definition; a request may name one of them. */
  agents: RequestOptions["agents"];
  /** Names of the deployed function tools; without them a wrong name is found by the task only. */
  functionTools?: readonly string[] | undefined;
  /** http on loopback is taken for tools and events: for the local cloud. */
  allowLoopbackUrls?: boolean;
  /** Unix epoch in milliseconds. */
  now?: () => number;
}

/** No request takes longer, whatever DynamoDB and ECS do: the function has 10 s, a change of a talking agent waits 5 of them. */
export const requestBudgetMs = 9_000;

const root = "/calls/:type/:id/agents";

const createRoutes = ({ join, list, update, leave, say, record }: ReturnType<typeof createHandlers>) =>
  [
    { path: root, methods: { POST: join, GET: list } },
    { path: `${root}/:userId`, methods: { PATCH: update, DELETE: leave } },
    { path: `${root}/:userId/messages`, methods: { POST: say } },
    { path: `${root}/:userId/record`, methods: { GET: record } },
  ] satisfies { path: string; methods: Record<string, Handler> }[];

const routesText = `POST|GET ${root}, PATCH|DELETE ${root}/:userId, POST ${root}/:userId/messages, GET ${root}/:userId/record`;

/** The answer to a path that is no route, as JSON that names the routes. */
export const unknownRoute = (c: Context): Response =>
  c.json(
    { error: "unknown_route", message: `there is no ${c.req.path}; the routes: ${routesText}, POST /webhooks/stream` },
    404,
  );

const elapsedMs = (startMs: number): number => Math.round((performance.now() - startMs) * 10) / 10;

const takesBody = new Set(["POST", "PATCH"]);

/**
 * The HTTP API: agents in calls, for whoever has the key. Its answers are JSON; every one that is not 2xx says in `message`
 * what to do. docs/http-api.md describes it from outside.
 *
 * @example
 * app.route("/", createApi({ dispatcher, apiKey, logger, agents }));
 */
export const createApi = (options: ApiOptions): Hono => {
  const { dispatcher, apiKey, logger, agents, functionTools, allowLoopbackUrls = false, now = Date.now } = options;
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new InvalidInputError(
      "the HTTP API needs a key that a header can carry: set AGENTS_API_KEY to ASCII letters, digits and signs, without spaces",
    );
  }
  const routes = createRoutes(createHandlers(requestChecks({ agents, functionTools, allowLoopbackUrls })));

  const authorize = (c: Context) => requireBearer(c.req.header("authorization"), apiKey);

  /** Answers in any case, and writes one line; `fields` are there as soon as they are known. */
  const answer = async (c: Context, route: string, work: (fields: Fields) => Promise<Response>): Promise<Response> => {
    const startMs = performance.now();
    const fields: Fields = { method: c.req.method, route };
    try {
      authorize(c);
      const response = await work(fields);
      logger.info("api", { ...fields, status: response.status, durationMs: elapsedMs(startMs) });
      return response;
    } catch (thrown) {
      const { status, body, headers } = apiErrorOf(thrown);
      const told =
        status >= 500 ? { error: thrown } : { reason: body.error, bad: body.fields?.map(({ field }) => field) };
      logger[status >= 500 ? "error" : "warn"]("api", { ...fields, status, ...told, durationMs: elapsedMs(startMs) });
      return c.json(body, status, headers);
    }
  };

  const run = (c: Context, handler: Handler) => async (fields: Fields) => {
    const atMs = now();
    const checked = checkPath(c.req.param());
    if (!checked.ok) throw invalid(checked.fields);
    const { type, id, userId } = checked.value;
    Object.assign(fields, { callCid: `${type}:${id}` }, userId === "" ? {} : { userId });
    const body = takesBody.has(c.req.method) ? await readJson(c.req.raw) : undefined;
    const within = dispatcher.until(AbortSignal.timeout(requestBudgetMs));
    const reply = await handler({ type, id, userId, body, atMs, dispatcher: within });
    return c.json(reply.body, reply.status);
  };

  const api = new Hono();
  for (const { path, methods } of routes) {
    for (const [method, handler] of Object.entries(methods)) {
      api.on(method, path, (c) => answer(c, path, run(c, handler)));
    }
    const allowed = Object.keys(methods).join(", ");
    api.all(path, (c) =>
      answer(c, path, async () => {
        const message = `${c.req.method} is not possible here: use ${allowed.replace(/, ([^,]*)$/, " or $1")}`;
        throw new ApiError(405, { error: "wrong_method", message }, { allow: allowed });
      }),
    );
  }
  api.all("/calls/*", (c) => answer(c, "unknown", async () => unknownRoute(c)));
  return api;
};
