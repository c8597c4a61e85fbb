import { randomUUID } from "node:crypto";
import { inputError } from "./api-error.ts";
import { isJson, type Json, textList } from "./fields.ts";
import type { WebhookTarget } from "./webhooks.ts";

/** The app's settings: those that decide where events go. Others are kept as given and have no effect. */
export class AppSettings {
  #settings: Json = { event_hooks: [], webhook_url: "", webhook_events: [], enable_hook_payload_compression: false };
  #ownTarget: WebhookTarget | null = null;

  /** A webhook set by the test, beside those of the app's settings. */
  setWebhook(target: WebhookTarget | null): void {
    this.#ownTarget = target;
  }

  /** GET /app. */
  response(): Json {
    return { id: 1, name: "local cloud", organization: "local", suspended: false, call_types: {}, ...this.#settings };
  }

  /** PATCH /app: a list replaces the former one, so a hook that is left out is gone; ids given are kept. */
  update(changes: Json): void {
    const next = { ...this.#settings, ...changes };
    if (changes.event_hooks !== undefined) {
      if (!Array.isArray(changes.event_hooks) || !changes.event_hooks.every(isJson))
        throw inputError("event_hooks must be a list of objects");
      const now = new Date().toISOString();
      next.event_hooks = changes.event_hooks.map((hook: Json) => ({
        id: randomUUID(),
        enabled: true,
        hook_type: "webhook",
        event_types: [],
        created_at: now,
        updated_at: now,
        ...hook,
      }));
    }
    this.#settings = next;
  }

  get compressesWebhooks(): boolean {
    return this.#settings.enable_hook_payload_compression === true;
  }

  webhookTargets(): WebhookTarget[] {
    const hooks = (Array.isArray(this.#settings.event_hooks) ? this.#settings.event_hooks : []).filter(isJson);
    const flat = this.#settings.webhook_url;
    return [
      ...(this.#ownTarget ? [this.#ownTarget] : []),
      ...(typeof flat === "string" && flat !== ""
        ? [{ url: flat, eventTypes: textList(this.#settings.webhook_events, "webhook_events") }]
        : []),
      ...hooks
        .filter(
          (hook) => hook.enabled !== false && hook.hook_type === "webhook" && typeof hook.webhook_url === "string",
        )
        .map((hook) => ({
          url: String(hook.webhook_url),
          eventTypes: textList(hook.event_types, "event_types"),
          sendsCustomEvents: hook.should_send_custom_events === true,
        })),
    ];
  }
}
