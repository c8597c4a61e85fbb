import type { Json } from "./hook.ts";

const secretField = /key|secret|password|token|credential/i;

/** Stars, dots, or a word in the place of a credential. */
const masked = /\*{2,}|\u2022|\bredacted\b|\bmasked\b|\bhidden\b|^x{4,}$/i;

export const isMasked = (field: string, value: unknown): boolean =>
  typeof value === "string" && secretField.test(field) && masked.test(value);

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === "";

/** The credential of a hook that cannot be sent back as it was read, because it was not told. */
const untold = (hook: Json): string | undefined => {
  for (const service of ["sqs", "sns"]) {
    const fields = [`${service}_key`, `${service}_secret`];
    const auth = hook[`${service}_auth_type`];
    const usesKeys = auth === "keys" || (isMissing(auth) && fields.some((field) => !isMissing(hook[field])));
    if (hook.hook_type !== service || !usesKeys) continue;
    const missing = fields.find((field) => isMissing(hook[field]));
    if (missing !== undefined) return missing;
  }
  const failover = hook.failover_config;
  if (typeof failover === "object" && failover !== null) {
    const { gcs_bucket, gcs_credentials } = failover as Json;
    if (!isMissing(gcs_bucket) && isMissing(gcs_credentials)) return "failover_config.gcs_credentials";
    if (isMasked("gcs_credentials", gcs_credentials)) return "failover_config.gcs_credentials";
  }
  return Object.entries(hook).find(([field, value]) => isMasked(field, value))?.[0];
};

const nameOf = (hook: Json): string => {
  const place = hook.webhook_url || hook.sqs_queue_url || hook.sns_topic_arn || "no address";
  return `${String(hook.hook_type)} ${String(place)} (id ${String(hook.id)})`;
};

/**
 * Why the hooks may not be written: Stream takes the whole list or nothing, and a hook whose credential it does not tell would
 * be sent back without it. Undefined where all can be sent back as they were read.
 */
export const credentialProblem = (
  others: readonly Json[],
  { webhookUrl }: { webhookUrl: string | null },
): string | undefined => {
  for (const hook of others) {
    const field = untold(hook);
    if (field === undefined) continue;
    const how =
      webhookUrl === null
        ? "Remove the hook of this stage by hand (Stream's dashboard, Webhooks), then deploy or remove again"
        : `Either let that hook use auth_type "role", or set streamWebhook: "off" in infra/settings.ts and register ${webhookUrl} ` +
          "by hand (Stream's dashboard, Webhooks)";
    return (
      `The app has a hook whose ${field} Stream does not tell: ${nameOf(hook)}. Hooks can only be written all at once, and this one ` +
      `would lose its credentials, so nothing was changed. ${how}`
    );
  }
  return undefined;
};
