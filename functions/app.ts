import { Hono } from "hono";
import { BridgeError, messageOf } from "../bridge-task/errors.ts";
import type { Logger } from "../bridge-task/log.ts";
import { createApi, unknownRoute } from "./api/api.ts";
import type { StageFilter } from "./config.ts";
import type { Candidate } from "./dispatch/agents.ts";
import { decide } from "./dispatch/decide.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import { handleEvent } from "./dispatch/handle-event.ts";
import { openEnvelope } from "./envelope.ts";

export interface AppOptions {
  streamApiKey: string;
  streamApiSecret: string;
  /** The bearer key of the HTTP API. */
  agentsApiKey: string;
  agents: readonly Candidate[];
  /** Types of the calls that agents are asked about. */
  callTypes: readonly string[];
  /** Which calls events bring agents to, where other deployments hear of the same calls; undefined: all. */
  stageFilter?: StageFilter | undefined;
  /** Names of the tools that are functions; a request's unknown ones are found by the task where this is undefined. */
  functionTools?: readonly string[] | undefined;
  /** Only in the local cloud: http on loopback is taken for tools and events. */
  allowLoopbackUrls?: boolean;
  dispatcher: Dispatcher;
  logger: Logger;
  /** Unix epoch in milliseconds. */
  now?: () => number;
}

/** What a delivery came to. `reason` is a stable word; the details of a failure stand in the log only. */
interface Outcome {
  status: 200 | 202 | 400 | 401 | 413 | 500 | 503;
  body: { outcome: "launched" | "present" | "noted" | "ignored" | "refused" | "failed"; reason?: string };
  fields?: Record<string, unknown>;
}

/** Stream waits 6 s for an answer. */
export const eventBudgetMs = 4_500;

const elapsedMs = (startMs: number): number => Math.round((performance.now() - startMs) * 10) / 10;

const cidOf = (event: Record<string, unknown>): string | undefined =>
  typeof event.call_cid === "string" ? event.call_cid : undefined;

/**
 * The HTTP side of dispatch. POST /webhooks/stream takes Stream's events: 202 launched, 200 anything else that was
 * understood, 400/401/413 refused, 503 when AWS or an agent's `joins` failed: Stream delivers again after a 5xx.
 * Beside it the HTTP API of functions/api.
 */
export const createApp = (options: AppOptions) => {
  const {
    streamApiKey,
    streamApiSecret,
    agentsApiKey,
    agents,
    callTypes,
    stageFilter,
    dispatcher,
    logger,
    now = Date.now,
  } = options;

  const receive = async (raw: Uint8Array, headers: Headers): Promise<Outcome> => {
    const opened = openEnvelope(raw, headers.get("x-signature") ?? undefined, streamApiSecret);
    if (!opened.ok) {
      // A webhook of another Stream app is the usual cause of a bad signature: say so.
      const otherApp = opened.status === 401 && headers.has("x-api-key") && headers.get("x-api-key") !== streamApiKey;
      const reason = otherApp ? "other_api_key" : opened.reason;
      return { status: opened.status, body: { outcome: "refused", reason } };
    }
    const { event } = opened;
    const known = { callCid: cidOf(event), eventType: event.type };
    try {
      const decision = decide(event, { nowMs: now(), agents, callTypes, stageFilter });
      const within = dispatcher.until(AbortSignal.timeout(eventBudgetMs));
      const { outcome, reason, fields } = await handleEvent(decision, { dispatcher: within, agents });
      const body = { outcome, ...(reason === undefined ? {} : { reason }) };
      return { status: outcome === "launched" ? 202 : 200, body, fields: { ...known, ...fields } };
    } catch (error) {
      const [status, reason] =
        error instanceof BridgeError && error.retryable ? ([503, error.code] as const) : ([500, "internal"] as const);
      return { status, body: { outcome: "failed", reason }, fields: { ...known, error } };
    }
  };

  const app = new Hono();
  app.post("/webhooks/stream", async (c) => {
    const startMs = performance.now();
    const { status, body, fields } = await receive(new Uint8Array(await c.req.arrayBuffer()), c.req.raw.headers);
    const level = status >= 500 ? "error" : status >= 400 || body.outcome === "refused" ? "warn" : "info";
    logger[level]("webhook", {
      ...body,
      status,
      ...fields,
      webhookId: c.req.header("x-webhook-id"),
      attempt: c.req.header("x-webhook-attempt"),
      durationMs: elapsedMs(startMs),
    });
    return c.json(body, status);
  });
  const { allowLoopbackUrls = false, functionTools } = options;
  app.route(
    "/",
    createApi({ dispatcher, apiKey: agentsApiKey, logger, agents, functionTools, allowLoopbackUrls, now }),
  );
  app.notFound(unknownRoute);
  app.onError((error, c) => {
    logger.error("webhook", { outcome: "failed", reason: "internal", status: 500, error: messageOf(error) });
    return c.json({ outcome: "failed", reason: "internal" }, 500);
  });
  return app;
};
