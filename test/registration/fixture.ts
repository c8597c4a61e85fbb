import { createLogger, type Logger } from "../../bridge-task/log.ts";
import { hookIdOf, hookOf, hookUrlOf, type Json } from "../../functions/registration/hook.ts";
import { register, unregister } from "../../functions/registration/index.ts";
import { createStreamApp, type StreamApp } from "../../functions/registration/stream-app.ts";
import type { RegistrationReport, RegistrationRequest } from "../../functions/registration/types.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";

export const keys = { apiKey: "key", apiSecret: "the-app-keeps-this" };
export const agentsUrl = "https://agents.example.com";
export const webhookUrl = `${agentsUrl}/webhooks/stream`;
export const dates = { created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z" };

/** Where the stages of most tests are, and another place. */
export const place = "0a1b2c3d";
export const elsewhere = "5e1f0e15";
/** The stage that most tests are about. */
export const us = { stage: "dev", place };

export const request = (overrides: Partial<RegistrationRequest> = {}): RegistrationRequest => ({
  ...us,
  calls: "all",
  webhookUrl,
  users: [],
  ...overrides,
});

export const removal = (overrides: Partial<RegistrationRequest> = {}): RegistrationRequest =>
  request({ tf: { action: "delete" }, ...overrides });

/** The hook of a stage, as a deploy of it left it on the app. */
export const hookOfStage = (
  stage: string,
  overrides: Json = {},
  calls: "all" | "own" = "all",
  where: string = place,
): Json => ({
  ...hookOf(hookIdOf({ stage, place: where }), hookUrlOf(webhookUrl, { stage, place: where, calls })),
  product: "all",
  ...dates,
  ...overrides,
});

/** Hooks that are nothing of ours, of every kind, each of which can be sent back. */
export const foreignHooks: readonly Json[] = [
  {
    id: "7c0a2c3e-0000-4000-8000-000000000001",
    enabled: true,
    hook_type: "webhook",
    product: "chat",
    webhook_url: "https://example.com/webhooks/stream?app=billing",
    event_types: [],
    timeout_ms: 1500,
    should_send_custom_events: true,
    ...dates,
  },
  {
    id: "7c0a2c3e-0000-4000-8000-000000000002",
    enabled: false,
    hook_type: "sqs",
    product: "video",
    sqs_queue_url: "https://sqs.us-east-1.amazonaws.com/1/calls",
    sqs_region: "us-east-1",
    sqs_auth_type: "role",
    sqs_role_arn: "arn:aws:iam::1:role/stream",
    event_types: ["call.created"],
    ...dates,
  },
  {
    id: "7c0a2c3e-0000-4000-8000-000000000003",
    enabled: true,
    hook_type: "sns",
    product: "all",
    sns_topic_arn: "arn:aws:sns:us-east-1:1:calls",
    sns_region: "us-east-1",
    sns_auth_type: "keys",
    sns_key: "AKIAEXAMPLE",
    sns_secret: "told+by/Stream",
    event_types: ["call.ended", "call.created"],
    ...dates,
  },
];

export const legacy: Json = {
  webhook_url: "https://example.com/legacy",
  webhook_events: ["call.created"],
  sqs_url: "https://sqs.us-east-1.amazonaws.com/1/legacy",
  sqs_key: "AKIALEGACY",
  sqs_secret: "legacy-secret",
  sns_topic_arn: "arn:aws:sns:us-east-1:1:legacy",
  sns_key: "AKIALEGACY",
  sns_secret: "legacy-secret",
};

export const startStream = (): Promise<StreamCloud> => startStreamCloud({ log: new EventLog(), ...keys });

export const hooksOn = (stream: StreamCloud): Json[] => stream.coordinator.app.settings.event_hooks as Json[];

/** The app as the function sees it, by real HTTP, in a hurry. */
export const appOf = (baseUrl: string, { requestMs = 5_000, signal = AbortSignal.timeout(20_000) } = {}) =>
  createStreamApp({ ...keys, baseUrl, signal, requestMs, pauseMs: 1 });

const silent = createLogger({ write: () => {} });

/** What the function does with a request. */
export const perform = (
  app: StreamApp,
  asked: RegistrationRequest,
  { undoApp = () => app, logger = silent }: { undoApp?: () => StreamApp; logger?: Logger } = {},
): Promise<RegistrationReport> =>
  asked.tf?.action === "delete" ? unregister({ app, logger }, asked) : register({ app, undoApp }, asked);
