import { eventTypes } from "../../../functions/dispatch/decide.ts";
import {
  eventHooksOf,
  type HookOwner,
  hookUrlOf,
  isConflict,
  type Json,
  nameOfOther,
  ownerOf,
} from "../../../functions/registration/hook.ts";
import type { Deployment } from "../deployment.ts";
import { type Finding, Found, ok, orOk, problem, warn } from "./check.ts";

type Of = Pick<Deployment, "stage" | "place" | "agentsUrl" | "streamWebhook" | "calls">;
type Owned = { hook: Json } & HookOwner;

const deploy = ({ stage }: Of): string => `deploy again, which registers it: npx sst deploy --stage ${stage}`;

/** The hooks of an answer to GET /app, and whose each is. Throws Found where the answer has something else there. */
const ownedHooks = (app: Json, of: Of): Owned[] => {
  const hooks = eventHooksOf(app);
  if (hooks !== undefined) return hooks.map((hook) => ({ hook, ...ownerOf(hook, of) }));
  throw new Found(
    problem(
      "Stream's answer has no list of event hooks that can be read",
      "look at the webhooks in Stream's dashboard",
    ),
  );
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Where a hook sends to, for people. */
const targetOf = (hook: Json): string =>
  textOf(hook.webhook_url) || textOf(hook.sqs_queue_url) || textOf(hook.sns_topic_arn) || "nowhere";

const eventFindings = (hook: Json, of: Of): Finding[] => {
  const found = Array.isArray(hook.event_types) ? hook.event_types.map(String) : [];
  if (found.length === 0) {
    return [warn("the hook sends every type of event, not only those that are acted on", deploy(of))];
  }
  const missing = eventTypes.filter((type) => !found.includes(type));
  const extra = found.filter((type) => !eventTypes.includes(type));
  return [
    ...(missing.length > 0 ? [problem(`the hook does not send ${missing.join(", ")}`, deploy(of))] : []),
    ...(extra.length > 0 ? [warn(`the hook also sends ${extra.join(", ")}, which nobody acts on`, deploy(of))] : []),
  ];
};

/** The same address, whatever the order of its parameters. */
const isSameUrl = (one: unknown, other: string): boolean => {
  const [a, b] = [URL.parse(textOf(one)), new URL(other)];
  a?.searchParams.sort();
  b.searchParams.sort();
  return a?.href === b.href;
};

/** Whether Stream tells this stage of calls, as its setting wants. */
export const ownHookFindings = (app: Json, of: Of): Finding[] => {
  const own = ownedHooks(app, of).filter(({ owner }) => owner === "us");
  const [first, ...others] = own.map(({ hook }) => hook);
  if (of.streamWebhook === "off") {
    if (first === undefined) return [ok('not registered, as the setting streamWebhook "off" says')];
    return [warn(`streamWebhook is "off", and a hook to ${targetOf(first)} is there`, deploy(of))];
  }
  if (first === undefined) {
    return [problem("the app has no hook of this stage: Stream tells it of no call", deploy(of))];
  }
  const wanted = hookUrlOf(`${of.agentsUrl}/webhooks/stream`, of);
  const type = textOf(first.hook_type) || "webhook";
  const findings: Finding[] = [
    ...(others.length > 0
      ? [problem(`this stage has ${own.length} hooks: each event comes as often`, deploy(of))]
      : []),
    ...(type === "webhook" ? [] : [problem(`the hook is of type ${type}, not webhook`, deploy(of))]),
    ...(first.enabled === false ? [problem("the hook is disabled", deploy(of))] : []),
    ...(isSameUrl(first.webhook_url, wanted)
      ? []
      : [problem(`the hook points to ${targetOf(first)}, not to ${wanted}`, deploy(of))]),
    ...eventFindings(first, of),
    ...(first.should_send_custom_events === true
      ? [warn("the hook also sends custom events, which nobody acts on", deploy(of))]
      : []),
  ];
  return orOk(findings, `${eventTypes.length} types of events go to ${of.agentsUrl}/webhooks/stream`);
};

const conflictFindings = (others: readonly Owned[], of: Of): Finding[] =>
  others.flatMap((other) => {
    if (other.owner !== "other_stage" || of.streamWebhook === "off" || !isConflict(other, of)) return [];
    const apart =
      other.stage === of.stage
        ? "deploy this one under another stage name"
        : 'set calls: "own" for one of the two in infra/settings.ts';
    return [
      problem(
        `${nameOfOther(other, of)} has an enabled hook on this app, too (${other.url}): two stages put two agents into each call`,
        `remove that stage (npx sst remove --stage ${other.stage ?? "NAME"}), ${apart}, or use another Stream app; ` +
          `if it no longer exists, delete its hook ${String(other.hook.id)} in Stream's dashboard`,
      ),
    ];
  });

/** Whether something else on the app gets in the way; what does not is only told. */
export const otherHooksFindings = (app: Json, of: Of): Finding[] => {
  const others = ownedHooks(app, of).filter(({ owner }) => owner !== "us");
  const legacy = textOf(app.webhook_url);
  const twice = legacy.startsWith(`${of.agentsUrl}/`)
    ? [
        warn(
          `the app's older setting webhook_url points here, too (${legacy}): each event comes twice`,
          "empty webhook_url in the settings of the Stream app",
        ),
      ]
    : [];
  const told = others.map(({ hook }) => {
    const type = textOf(hook.hook_type) || "webhook";
    return `${targetOf(hook)} (${type}${hook.enabled === false ? ", disabled" : ""})`;
  });
  const all = [...told, ...(legacy === "" ? [] : [`${legacy} (webhook_url)`])];
  const message = all.length === 0 ? "there are no others" : `not ours, and left alone: ${all.join("; ")}`;
  return orOk([...conflictFindings(others, of), ...twice], message);
};
