import { credentialProblem } from "./credentials.ts";
import {
  eventHooksOf,
  hookIdOf,
  hookOf,
  hookUrlOf,
  isAsWanted,
  isConflict,
  type Json,
  nameOfOther,
  type OtherStage,
  ownerOf,
  type StagePlace,
} from "./hook.ts";
import type { RegistrationReport } from "./types.ts";

/** The hook that a stage wants; `webhookUrl` null: none. */
export interface WantedHook extends StagePlace {
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
export const urlOf = ({ webhookUrl, ...mark }: WantedHook): string | undefined =>
  webhookUrl === null ? undefined : hookUrlOf(webhookUrl, mark);

/** Ours among the hooks: the one of our id, else the first that carries our mark. */
export const oursIn = (hooks: readonly Json[], us: StagePlace): Json | undefined => {
  const ours = hooks.filter((hook) => ownerOf(hook, us).owner === "us");
  return ours.find(({ id }) => id === hookIdOf(us)) ?? ours[0];
};

export const othersIn = (hooks: readonly Json[], us: StagePlace): Json[] =>
  hooks.filter((hook) => ownerOf(hook, us).owner !== "us");

/** Whether the hooks are as the stage wants them: one of ours that does what it is to do, or none. */
const isRegistered = (hooks: readonly Json[], wanted: WantedHook): boolean => {
  const ours = hooks.filter((hook) => ownerOf(hook, wanted).owner === "us");
  const url = urlOf(wanted);
  if (url === undefined) return ours.length === 0;
  const [only] = ours;
  return ours.length === 1 && only !== undefined && isAsWanted(only, url);
};

/** The legacy fields are a hook too, and may be another stage's. */
const legacyHookOf = ({ webhook_url }: Json): Json => ({ webhook_url });

const conflictMessage = (hook: Json, other: OtherStage, { stage }: WantedHook): string => {
  const isNamesake = other.stage === stage;
  const remove = other.stage === undefined ? "remove it" : `npx sst remove --stage ${other.stage}`;
  // Two of one name would both take what names them: there only another name helps.
  const [calls, apart] = isNamesake
    ? ["every call that both take", "deploy this one under another stage name"]
    : [
        "every call",
        'set calls: "own" in infra/settings.ts for one of the two (its agents then come only into calls whose custom.agentStage ' +
          "names it)",
      ];
  const gone =
    hook.id === undefined
      ? "empty webhook_url in the settings of the Stream app"
      : `delete its hook in Stream's dashboard or by its API, its id is ${String(hook.id)}`;
  return (
    `This Stream app already sends its events to ${nameOfOther(other, { stage })} (${other.url}): with stage "${stage}" beside ` +
    `it, two agents would come into ${calls}. Either ${remove}${isNamesake ? " there" : ""}, or ${apart}, or give this stage ` +
    `the keys of another Stream app. If that other one no longer exists, ${gone}`
  );
};

/** Another deployment that hears of the same calls and brings agents to them, as this one does. */
const conflictIn = (app: Json, hooks: readonly Json[], wanted: WantedHook): string | undefined => {
  for (const hook of [...hooks, legacyHookOf(app)]) {
    const owner = ownerOf(hook, wanted);
    if (owner.owner === "other_stage" && isConflict(owner, wanted)) return conflictMessage(hook, owner, wanted);
  }
  return undefined;
};

/**
 * From the app as it is to the hooks that it is to have. Pure. Hooks that are not ours are handed on as they were read; what
 * needs no change is not written at all.
 */
export const planHooks = (app: Json, wanted: WantedHook): Plan => {
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
  const problem = credentialProblem(othersIn(hooks, wanted), wanted);
  if (problem !== undefined) return { kind: "refuse", reason: "credentials", message: problem };
  const ours = oursIn(hooks, wanted);
  if (url === undefined) return { kind: "write", hook: "removed", eventHooks: othersIn(hooks, wanted) };
  if (ours === undefined) {
    return { kind: "write", hook: "created", eventHooks: [...hooks, hookOf(hookIdOf(wanted), url)] };
  }
  const id = typeof ours.id === "string" ? ours.id : hookIdOf(wanted);
  // In its place; a second one of ours goes: every event would come once more by it.
  const eventHooks = hooks.flatMap((hook) => {
    if (hook === ours) return [hookOf(id, url)];
    return ownerOf(hook, wanted).owner === "us" ? [] : [hook];
  });
  return { kind: "write", hook: "updated", eventHooks };
};
