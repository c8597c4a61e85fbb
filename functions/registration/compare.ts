import { isMasked } from "./credentials.ts";
import { canonical } from "./exact-json.ts";
import { eventHooksOf, type Json, type StagePlace } from "./hook.ts";
import { othersIn } from "./plan.ts";

/** What became of everything but our hook while it was written. */
export interface Differences {
  /** Hooks that are gone, or are not what they were. */
  lost: Json[];
  /** Hooks that were not there before: somebody else's, who was busy at the same time. */
  added: Json[];
  /** Fields of the app that say where events go, with what they were. */
  fields: { name: string; before: unknown; isRestorable: boolean }[];
}

/** The app's other ways of delivery: webhook_url, webhook_events, sqs_*, sns_*, hooks before messages, compression. */
const deliveryField = /webhook|hook|sqs|sns|_url$/;

/** Where a hook stands in the list, and when it was written, is nothing that it does. */
const contentOf = ({ id: _id, created_at: _created, updated_at: _updated, ...content }: Json): string =>
  canonical(content);

/** The hooks of `some` that `all` does not have, one for one, by what they do. */
const lacking = (some: readonly Json[], all: readonly Json[]): Json[] => {
  const counts = new Map<string, number>();
  for (const hook of all) counts.set(contentOf(hook), (counts.get(contentOf(hook)) ?? 0) + 1);
  return some.filter((hook) => {
    const left = counts.get(contentOf(hook)) ?? 0;
    counts.set(contentOf(hook), left - 1);
    return left <= 0;
  });
};

/** Holds the app as it is now against what it was. Ours is left out; so is what has nothing to do with delivery. */
export const differences = (before: Json, after: Json, us: StagePlace): Differences => {
  const hooksBefore = othersIn(eventHooksOf(before) ?? [], us);
  const hooksAfter = othersIn(eventHooksOf(after) ?? [], us);
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const fields = [...names]
    .filter((name) => name !== "event_hooks" && deliveryField.test(name))
    .filter((name) => canonical(before[name]) !== canonical(after[name]))
    .map((name) => ({
      name,
      before: before[name],
      // A mask would take the place of the credential.
      isRestorable: before[name] !== undefined && !isMasked(name, before[name]),
    }));
  return { lost: lacking(hooksBefore, hooksAfter), added: lacking(hooksAfter, hooksBefore), fields };
};

export const isHarm = ({ lost, fields }: Differences): boolean => lost.length > 0 || fields.length > 0;

const addressOf = ({ webhook_url, sqs_queue_url, sns_topic_arn }: Json): unknown =>
  webhook_url || sqs_queue_url || sns_topic_arn;

/** In words, with no credential in them. */
export const describeDifferences = ({ lost, fields }: Differences): string =>
  [
    ...lost.map((hook) => `the ${String(hook.hook_type)} hook to ${String(addressOf(hook))} (id ${String(hook.id)})`),
    ...fields.map(({ name }) => name),
  ].join(", ");

/** A hook that was changed is lost as it was, and added as it is. */
const isChanged = (hook: Json, lost: readonly Json[]): boolean =>
  lost.some((one) => (one.id !== undefined && one.id === hook.id) || addressOf(one) === addressOf(hook));

/**
 * What puts the app back: the hooks that were there, ours included, beside those that somebody added meanwhile, and each
 * field that was told. In the order of `before`, so that nothing moves.
 */
export const restoring = (before: Json, { lost, added, fields }: Differences): Json => ({
  event_hooks: [...(eventHooksOf(before) ?? []), ...added.filter((hook) => !isChanged(hook, lost))],
  ...Object.fromEntries(
    fields.filter(({ isRestorable }) => isRestorable).map(({ name, before: value }) => [name, value]),
  ),
});
