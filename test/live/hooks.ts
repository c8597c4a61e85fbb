import { eventHooksOf, isConflict, ownerOf } from "../../functions/registration/hook.ts";
import { localStage } from "../cloud/local-deployment.ts";
import { type Json, objectOf } from "./stream-api.ts";

/** A deployed stage whose hook is on the Stream app. */
export interface HookedStage {
  stage: string;
  url: string;
}

export interface AppHooks {
  /** Their agents come to the calls that this machine would put agents into as well. */
  conflicts: HookedStage[];
  /** URLs that look like ours and do not say whose they are: a webhook that somebody entered by hand. */
  suspects: string[];
}

/** What runs here is no deployment: no hook is ours. It has a name all the same, which calls may name as theirs. */
const nobody = { stage: "", place: "" };
const here = { stage: localStage, calls: "all" } as const;
const webhookPath = "/webhooks/stream";

const looksLikeOurs = (url: unknown): url is string =>
  typeof url === "string" && (URL.parse(url)?.pathname.endsWith(webhookPath) ?? false);

/** What the app's settings (GET app) say about deployments of this project. The legacy `webhook_url` is a hook, too. */
export const hooksOf = (app: Json): AppHooks => {
  const found: AppHooks = { conflicts: [], suspects: [] };
  for (const hook of [...(eventHooksOf(app) ?? []).map(objectOf), { webhook_url: app.webhook_url }]) {
    const owned = ownerOf(hook, nobody);
    if (owned.owner === "foreign") {
      if (hook.enabled !== false && looksLikeOurs(hook.webhook_url)) found.suspects.push(hook.webhook_url);
    } else if (owned.owner === "other_stage" && isConflict(owned, here)) {
      found.conflicts.push({ stage: owned.stage ?? "(unnamed)", url: owned.url });
    }
  }
  return { ...found, suspects: [...new Set(found.suspects)] };
};

/** Why agents must not come by themselves from here as well, and what to do. */
export const conflictMessage = (conflicts: readonly HookedStage[]): string =>
  `This Stream app has the webhook of a deployment already:
${conflicts.map(({ stage, url }) => `  stage ${stage}  ${url}`).join("\n")}

Each new call would get two agents, the deployment's and this machine's. Do one of these:
  use another Stream app for development: put its key and secret into .env
  npm start -- --live --posts-only: from here agents come only where you POST for them
  let that stage take only its own calls: calls: "own" in infra/settings.ts, then deploy it
  remove that stage: npx sst remove --stage NAME
`;
