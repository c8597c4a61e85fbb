import { credentialProblem } from "./credentials.ts";
import { eventHooksOf, hookIdOf, hookOf, hookUrlOf, isAsWanted, type Json, ownerOf } from "./hook.ts";
import type { RegistrationReport } from "./types.ts";

/** The hook that a stage wants; `webhookUrl` null: none. */
export interface WantedHook {
  stage: string;
  calls: "all" | "own";
  webhookUrl: string | null;
}

export type HookChange = RegistrationReport["hook"];

/** What is to be done about the app's hooks. */
export type Plan =
  | { kind: "keep"; hook: "unchanged" | "none" }
  /** PATCH replaces the list: it holds every hook that is to be there. */
  | { kind: "write"; hook: "created" | "updated" | "removed"; eventHooks: Json[] }
  /** Writing would do harm, or two stages would send an agent each. The message says what to do. */
  | { kind: "refuse"; reason: "other_stage" | "credentials" | "unknown_shape"; message: string };

/** What the hook is to carry; undefined where there is to be none. */
export const urlOf = ({ stage, calls, webhookUrl }: WantedHook): string | undefined =>
  webhookUrl === null ? undefined : hookUrlOf(webhookUrl, { stage, calls });

/** Ours among the hooks: the one of our id, else the first that carries our mark. */
export const oursIn = (hooks: readonly Json[], stage: string): Json | undefined => {
  const ours = hooks.filter((hook) => ownerOf(hook, stage).owner === "us");
  return ours.find(({ id }) => id === hookIdOf(stage)) ?? ours[0];
};

export const othersIn = (hooks: readonly Json[], stage: string): Json[] =>
  hooks.filter((hook) => ownerOf(hook, stage).owner !== "us");

/** Whether the hooks are as the stage wants them: one of ours that does what it is to do, or none. */
const isRegistered = (hooks: readonly Json[], wanted: WantedHook): boolean => {
  const ours = hooks.filter((hook) => ownerOf(hook, wanted.stage).owner === "us");
  const url = urlOf(wanted);
  if (url === undefined) return ours.length === 0;
  const [only] = ours;
  return ours.length === 1 && only !== undefined && isAsWanted(only, url);
};

/** The legacy fields are a hook too, and may be another stage's. */
const legacyHookOf = ({ webhook_url }: Json): Json => ({ webhook_url });

/** Another deployment that hears of the same calls and brings agents to them, as this one does. */
const conflictIn = (app: Json, hooks: readonly Json[], { stage, calls }: WantedHook): string | undefined => {
  if (calls === "own") return undefined;
  for (const hook of [...hooks, legacyHookOf(app)]) {
    const owner = ownerOf(hook, stage);
    if (owner.owner !== "other_stage" || !owner.isEnabled || owner.calls === "own") continue;
    const name = owner.stage === undefined ? "another deployment" : `stage "${owner.stage}"`;
    const remove = owner.stage === undefined ? "remove it" : `npx sst remove --stage ${owner.stage}`;
    return (
      `This Stream app already sends its events to ${name} (${owner.url}): with stage "${stage}" beside it, two agents would ` +
      `come into every call. Either ${remove}, or set calls: "own" in infra/settings.ts for one of the two (its agents then come ` +
      "only into calls whose custom.agentStage names it), or give this stage the keys of another Stream app"
    );
  }
  return undefined;
};

/**
 * From the app as it is to the hooks that it is to have. Pure. Hooks that are not ours are handed on as they were read; what
 * needs no change is not written at all.
 */
export const planHooks = (app: Json, wanted: WantedHook): Plan => {
  const { stage } = wanted;
  const hooks = eventHooksOf(app);
  if (hooks === undefined) {
    const message =
      "Stream's answer has something in event_hooks that is no list of hooks: nothing was changed. Report it";
    return { kind: "refuse", reason: "unknown_shape", message };
  }
  const url = urlOf(wanted);
  const conflict = url === undefined ? undefined : conflictIn(app, hooks, wanted);
  if (conflict !== undefined) return { kind: "refuse", reason: "other_stage", message: conflict };
  if (isRegistered(hooks, wanted)) return { kind: "keep", hook: url === undefined ? "none" : "unchanged" };
  const problem = credentialProblem(othersIn(hooks, stage), wanted);
  if (problem !== undefined) return { kind: "refuse", reason: "credentials", message: problem };
  const ours = oursIn(hooks, stage);
  if (url === undefined) return { kind: "write", hook: "removed", eventHooks: othersIn(hooks, stage) };
  if (ours === undefined) {
    return { kind: "write", hook: "created", eventHooks: [...hooks, hookOf(hookIdOf(stage), url)] };
  }
  const id = typeof ours.id === "string" ? ours.id : hookIdOf(stage);
  // In its place; a second one of ours goes.
  const eventHooks = hooks.flatMap((hook) => {
    if (hook === ours) return [hookOf(id, url)];
    return ownerOf(hook, stage).owner === "us" ? [] : [hook];
  });
  return { kind: "write", hook: "updated", eventHooks };
};
