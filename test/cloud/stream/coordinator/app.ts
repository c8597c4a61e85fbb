import { randomUUID } from "node:crypto";
import { ApiError, apiCode, inputError } from "./api-error.ts";
import { isJson, type Json, textList } from "./fields.ts";
import type { WebhookTarget } from "./webhooks.ts";

/** What may go wrong with the app's settings. Each holds until it is changed, but for the counts. */
export interface AppFaults {
  /** GET tells these fields of hooks, and of the app, by stars only; what is written is what is kept. */
  masked: string[];
  /** GET leaves these fields of hooks out. */
  withheld: string[];
  /** So many of the next PATCHes of event_hooks are answered as taken, and change nothing. */
  lostWrites: number;
  /** Ids that are sent are not kept: each write makes new ones. */
  choosesIds: boolean;
  /** A hook may not be made under an id that is not there yet. */
  refusesNewIds: boolean;
  /** What else each PATCH of event_hooks changes: a way to break what stands beside. */
  onWrite: ((settings: Json) => Json) | undefined;
  /** What somebody else changes right after the next PATCH of event_hooks; once. */
  meanwhile: ((settings: Json) => Json) | undefined;
}

export const noAppFaults = (): AppFaults => ({
  masked: [],
  withheld: [],
  lostWrites: 0,
  choosesIds: false,
  refusesNewIds: false,
  onWrite: undefined,
  meanwhile: undefined,
});

/** How many hooks an app may have is not documented; more than this is a mistake of ours. */
const maxHooks = 50;

const hookTypes: ReadonlySet<unknown> = new Set(["webhook", "sqs", "sns", "pending_message"]);

const hooksOf = (settings: Json): Json[] =>
  (Array.isArray(settings.event_hooks) ? settings.event_hooks : []).filter(isJson);

/** A path like "sqs_secret" of everything, the hooks included. */
const withoutSecrets = (settings: Json, { masked, withheld }: AppFaults): Json => {
  const hide = (object: Json): Json =>
    Object.fromEntries(
      Object.entries(object).map(([key, value]) => [key, masked.includes(key) && value !== "" ? "********" : value]),
    );
  const event_hooks = hooksOf(settings).map((hook) =>
    Object.fromEntries(Object.entries(hide(hook)).filter(([key]) => !withheld.includes(key))),
  );
  return { ...hide(settings), event_hooks };
};

/**
 * The app's settings: those that decide where events go. Others are kept as given and have no effect. A list replaces the
 * former one: a hook that is left out is gone, and so is a field of a hook that is left out.
 */
export class AppSettings {
  #settings: Json = {
    webhook_url: "",
    webhook_events: [],
    sqs_url: "",
    sqs_key: "",
    sqs_secret: "",
    sns_topic_arn: "",
    sns_key: "",
    sns_secret: "",
    enable_hook_payload_compression: false,
    event_hooks: [],
  };
  #ownTarget: WebhookTarget | null = null;
  faults: AppFaults = noAppFaults();

  /** A webhook set by the test, beside those of the app's settings. */
  setWebhook(target: WebhookTarget | null): void {
    this.#ownTarget = target;
  }

  /** The settings themselves, with nothing masked. */
  get settings(): Json {
    return this.#settings;
  }

  /** The app as it is when a test begins: everything exactly as given, hooks with ids and dates included. */
  restore(settings: Json): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** GET /app. */
  response(): Json {
    const known = { id: 1, name: "local cloud", organization: "local", suspended: false, call_types: {} };
    return { ...known, ...withoutSecrets(this.#settings, this.faults) };
  }

  /** PATCH /app: what is not named stays. */
  update(changes: Json): void {
    if (changes.event_hooks === undefined) {
      this.#settings = { ...this.#settings, ...changes };
      return;
    }
    const written = { ...this.#settings, ...changes, event_hooks: this.#hooksFrom(changes.event_hooks) };
    const { lostWrites, onWrite, meanwhile } = this.faults;
    if (lostWrites > 0) this.faults.lostWrites -= 1;
    else this.#settings = onWrite?.(written) ?? written;
    this.faults.meanwhile = undefined;
    if (meanwhile !== undefined) this.#settings = meanwhile(this.#settings);
  }

  /** The list as it is kept. Throws the 400 of Stream. */
  #hooksFrom(given: unknown): Json[] {
    if (!Array.isArray(given) || !given.every(isJson)) throw inputError("event_hooks must be a list of objects");
    if (given.length > maxHooks) throw inputError(`event_hooks may have ${maxHooks} entries at most`);
    const before = new Map(hooksOf(this.#settings).map((hook) => [hook.id, hook]));
    const ids = given.flatMap(({ id }) => (id === undefined ? [] : [id]));
    if (new Set(ids).size < ids.length) throw inputError("event_hooks has two hooks of one id");
    const now = new Date().toISOString();
    return given.map((hook) => {
      const { hook_type = "webhook", event_types = [], id = randomUUID() } = hook;
      if (!hookTypes.has(hook_type)) throw inputError(`event_hooks: hook_type ${String(hook_type)} is unknown`);
      if (hook_type === "webhook" && (typeof hook.webhook_url !== "string" || !URL.canParse(hook.webhook_url)))
        throw inputError("event_hooks: webhook_url must be a URL");
      textList(event_types, "event_types");
      const isNew = !before.has(id);
      if (isNew && hook.id !== undefined && this.faults.refusesNewIds)
        throw new ApiError(400, apiCode.input, `event_hooks: no hook has the id ${String(id)}`);
      return {
        // A hook that was there is kept as it is written.
        ...(isNew ? { enabled: true, product: "all" } : {}),
        ...hook,
        id: this.faults.choosesIds ? randomUUID() : id,
        hook_type,
        event_types,
        created_at: before.get(id)?.created_at ?? hook.created_at ?? now,
        updated_at: now,
      };
    });
  }

  get compressesWebhooks(): boolean {
    return this.#settings.enable_hook_payload_compression === true;
  }

  webhookTargets(): WebhookTarget[] {
    const flat = this.#settings.webhook_url;
    return [
      ...(this.#ownTarget ? [this.#ownTarget] : []),
      ...(typeof flat === "string" && flat !== ""
        ? [{ url: flat, eventTypes: textList(this.#settings.webhook_events, "webhook_events") }]
        : []),
      ...hooksOf(this.#settings)
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
