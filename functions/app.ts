import { Hono } from "hono";
import { messageOf } from "../bridge-task/errors.ts";
import type { Logger } from "../bridge-task/log.ts";
import type { Candidate } from "./dispatch/agents.ts";
import { decide } from "./dispatch/decide.ts";
import { LaunchError, type LaunchTask } from "./dispatch/launch.ts";
import { openEnvelope } from "./envelope.ts";

export interface AppOptions {
  streamApiKey: string;
  streamApiSecret: string;
  agents: readonly Candidate[];
  launchTask: LaunchTask;
  logger: Logger;
  /** Unix epoch in milliseconds. */
  now?: () => number;
}

/** What a delivery came to. `reason` is a stable word; the details of a failure stand in the log only. */
interface Outcome {
  status: 200 | 202 | 400 | 401 | 413 | 500 | 503;
  body: { outcome: "launched" | "ignored" | "refused" | "failed"; reason?: string };
  fields?: Record<string, unknown>;
}

const elapsedMs = (startMs: number): number => Math.round((performance.now() - startMs) * 10) / 10;

const cidOf = (event: Record<string, unknown>): string | undefined =>
  typeof event.call_cid === "string" ? event.call_cid : undefined;

/**
 * The HTTP side of dispatch: POST /webhooks/stream takes Stream's events and starts agents.
 * 202 launched, 200 ignored, 400/401/413 refused, 503 when ECS failed: Stream delivers again after a 5xx.
 */
export const createApp = ({
  streamApiKey,
  streamApiSecret,
  agents,
  launchTask,
  logger,
  now = Date.now,
}: AppOptions) => {
  const receive = async (raw: Uint8Array, headers: Headers): Promise<Outcome> => {
    const opened = openEnvelope(raw, headers.get("x-signature") ?? undefined, streamApiSecret);
    if (!opened.ok) {
      // A webhook of another Stream app is the usual cause of a bad signature: say so.
      const otherApp = opened.status === 401 && headers.has("x-api-key") && headers.get("x-api-key") !== streamApiKey;
      const reason = otherApp ? "other_api_key" : opened.reason;
      return { status: opened.status, body: { outcome: "refused", reason } };
    }
    const { event } = opened;
    const fields = { callCid: cidOf(event), eventType: event.type };
    try {
      const decision = decide(event, { nowMs: now(), agents });
      if ("ignore" in decision) return { status: 200, body: { outcome: "ignored", reason: decision.ignore }, fields };
      const launchStartMs = performance.now();
      const { taskArn } = await launchTask(decision.launch);
      const launchMs = elapsedMs(launchStartMs);
      return {
        status: 202,
        body: { outcome: "launched" },
        fields: { ...fields, agent: decision.launch.job.agent, taskArn, launchMs },
      };
    } catch (error) {
      const [status, reason] =
        error instanceof LaunchError ? ([503, error.code] as const) : ([500, "internal"] as const);
      return { status, body: { outcome: "failed", reason }, fields: { ...fields, error } };
    }
  };

  const app = new Hono();
  app.post("/webhooks/stream", async (c) => {
    const startMs = performance.now();
    const { status, body, fields } = await receive(new Uint8Array(await c.req.arrayBuffer()), c.req.raw.headers);
    const level = status >= 500 ? "error" : status >= 400 ? "warn" : "info";
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
  app.onError((error, c) => {
    logger.error("webhook", { outcome: "failed", reason: "internal", status: 500, error: messageOf(error) });
    return c.json({ outcome: "failed", reason: "internal" }, 500);
  });
  return app;
};
