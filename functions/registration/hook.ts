import { createHash } from "node:crypto";
import { eventTypes } from "../dispatch/decide.ts";

/** JSON as Stream sent it. */
export type Json = Record<string, unknown>;

/** What our hooks' URLs carry, so that they are known again whatever else changes. */
const appMark = "stream-agent-bridge";
const webhookPath = "/webhooks/stream";

/** A stage: two of one name in different places have nothing to do with each other. */
export interface StagePlace {
  stage: string;
  /** A short hash of AWS account and region. */
  place: string;
}

/** A hook's id: the same for every deploy of a stage. RFC 9562 leaves the contents of version 8 to whoever makes it. */
export const hookIdOf = ({ stage, place }: StagePlace): string => {
  const bytes = createHash("sha256").update(`${appMark}/${place}/${stage}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
};

/** Where a stage's hook sends events: its webhook, and who registered it. */
export const hookUrlOf = (
  webhookUrl: string,
  { stage, place, calls }: StagePlace & { calls: "all" | "own" },
): string => {
  const url = new URL(webhookUrl);
  url.searchParams.set("app", appMark);
  url.searchParams.set("stage", stage);
  url.searchParams.set("place", place);
  url.searchParams.set("calls", calls);
  return url.href;
};

/** Whose hook it is. */
export type HookOwner =
  /** This stage's. */
  | { owner: "us" }
  /** That of another deployment of this project on the same Stream app. */
  | ({ owner: "other_stage" } & OtherStage)
  | { owner: "foreign" };

export interface OtherStage {
  /** Undefined where its URL does not tell. */
  stage: string | undefined;
  calls: "all" | "own";
  url: string;
  isEnabled: boolean;
}

const markedUrl = (url: unknown): URL | undefined => {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  if (parsed?.searchParams.get("app") !== appMark || !parsed.pathname.endsWith(webhookPath)) return undefined;
  return parsed;
};

/** Whose hook one of the app's `event_hooks` is, as the stage `us` sees it. */
export const ownerOf = (hook: Json, us: StagePlace): HookOwner => {
  if (typeof hook.id === "string" && hook.id.toLowerCase() === hookIdOf(us)) return { owner: "us" };
  const url = markedUrl(hook.webhook_url);
  if (url === undefined) return { owner: "foreign" };
  const stage = url.searchParams.get("stage") || undefined;
  if (stage === us.stage && url.searchParams.get("place") === us.place) return { owner: "us" };
  const calls = url.searchParams.get("calls") === "own" ? "own" : "all";
  return { owner: "other_stage", stage, calls, url: url.href, isEnabled: hook.enabled !== false };
};

/**
 * Whether another deployment brings agents to calls that this one brings agents to, so that two would come: both take all
 * calls, or both have the name that a call's `custom.agentStage` names.
 */
export const isConflict = (
  other: Omit<OtherStage, "url">,
  { stage, calls }: { stage: string; calls: "all" | "own" },
): boolean => other.isEnabled && (other.stage === stage || (other.calls === "all" && calls === "all"));

/** For people: which deployment another one is. */
export const nameOfOther = ({ stage }: Pick<OtherStage, "stage">, us: { stage: string }): string => {
  if (stage === undefined) return "another deployment";
  return stage === us.stage ? `stage "${stage}" in another AWS account or region` : `stage "${stage}"`;
};

/** The hook as it is to be; what is not named is Stream's to choose. */
export const hookOf = (id: string, url: string): Json => ({
  id,
  enabled: true,
  hook_type: "webhook",
  webhook_url: url,
  event_types: [...eventTypes],
  // Our own events come back as custom ones, and nobody here acts on them.
  should_send_custom_events: false,
});

const isSameSet = (one: unknown, other: readonly unknown[]): boolean =>
  Array.isArray(one) && new Set(one).symmetricDifference(new Set(other)).size === 0;

/** In which fields a hook does not do what `hookOf(…, url)` does, whatever Stream added to it, and under whatever id. */
export const unlikeWanted = (hook: Json, url: string): string[] => {
  const isRight: Record<string, boolean> = {
    enabled: hook.enabled !== false,
    hook_type: (hook.hook_type ?? "webhook") === "webhook",
    webhook_url: typeof hook.webhook_url === "string" && URL.parse(hook.webhook_url)?.href === url,
    should_send_custom_events: hook.should_send_custom_events !== true,
    event_types: isSameSet(hook.event_types, eventTypes),
  };
  return Object.keys(isRight).filter((field) => !isRight[field]);
};

export const isAsWanted = (hook: Json, url: string): boolean => unlikeWanted(hook, url).length === 0;

/** The `event_hooks` of an app; undefined where the answer has something else there. */
export const eventHooksOf = ({ event_hooks: hooks }: Json): Json[] | undefined => {
  if (hooks === undefined || hooks === null) return [];
  const isList = Array.isArray(hooks) && hooks.every((hook) => typeof hook === "object" && hook !== null);
  return isList ? (hooks as Json[]) : undefined;
};
