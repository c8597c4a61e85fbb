import { describeDifferences, differences, isHarm, restoring } from "./compare.ts";
import { eventHooksOf, type Json, type StagePlace, unlikeWanted } from "./hook.ts";
import { type HookChange, othersIn, oursIn, type Plan, planHooks, urlOf, type WantedHook } from "./plan.ts";
import { RegistrationError, type StreamApp } from "./stream-app.ts";

export interface HookReport {
  hook: HookChange;
  otherHooks: number;
}

/** Writes that are made until the hook is there: somebody else may write the list between our read and our write. */
const maxRounds = 3;

type Write = Extract<Plan, { kind: "write" }>;

/**
 * Writes the list. A server that wants to choose ids itself refuses ours: then ours goes without, and is known by its URL.
 */
const writeHooks = async (app: StreamApp, { hook, eventHooks }: Write): Promise<string | undefined> => {
  try {
    return (await app.write({ event_hooks: eventHooks })).problem;
  } catch (error) {
    const ours = eventHooks.at(-1);
    const isInvalid = error instanceof RegistrationError && error.data.status === 400;
    if (hook !== "created" || ours === undefined || !isInvalid) throw error;
    const { id: _, ...withoutId } = ours;
    // What it refuses a second time, it did not refuse for the id.
    return (await app.write({ event_hooks: [...eventHooks.slice(0, -1), withoutId] })).problem;
  }
};

/** Puts the app back as it was, and says in an error what had become of it. */
const undo = async (app: StreamApp, before: Json, after: Json, us: StagePlace): Promise<RegistrationError> => {
  const found = differences(before, after, us);
  const what = describeDifferences(found);
  const intro = `While the hook of stage "${us.stage}" was written, something else on the Stream app changed: ${what}.`;
  let left: string;
  try {
    await app.write(restoring(before, found));
    const restored = differences(before, await app.read(), us);
    left = isHarm(restored) ? describeDifferences(restored) : "";
  } catch (error) {
    return new RegistrationError(
      `${intro} It could not be put back: ${error instanceof Error ? error.message : String(error)}. ` +
        "Look at these in Stream's dashboard before anything else",
      { cause: error },
    );
  }
  return new RegistrationError(
    left === ""
      ? `${intro} All is as it was before, without our hook. Deploy again; if it happens again, set streamWebhook: "off" in ` +
          "infra/settings.ts and register the hook by hand"
      : `${intro} It was written back, and is still different: ${left}. Look at it in Stream's dashboard before anything else`,
    { data: { changed: what, left } },
  );
};

/** What may have become of a write that Stream took. */
const whyNot = (app: Json, wanted: WantedHook): string => {
  const url = urlOf(wanted);
  const ours = oursIn(eventHooksOf(app) ?? [], wanted);
  if (ours === undefined || url === undefined) return "somebody else may be writing the app's hooks at the same time";
  return `Stream keeps something else in its ${unlikeWanted(ours, url).join(", ") || "list"}`;
};

/**
 * Makes the app's hooks what the stage wants: reads first, writes only what has to change, reads again, and holds everything
 * else against what it was. Rejects with RegistrationError.
 */
export const registerHook = async (app: StreamApp, wanted: WantedHook): Promise<HookReport> => {
  let current = await app.read();
  let done: HookChange | undefined;
  let problem: string | undefined;
  for (let round = 1; ; round++) {
    const plan = planHooks(current, wanted);
    if (plan.kind === "refuse") throw new RegistrationError(plan.message, { data: { reason: plan.reason } });
    if (plan.kind === "keep") {
      return { hook: done ?? plan.hook, otherHooks: othersIn(eventHooksOf(current) ?? [], wanted).length };
    }
    if (round > maxRounds) break;
    if (round > 1) await app.pause(round - 1);
    // The first thing that was done to the app is what the report tells.
    done ??= plan.hook;
    problem = await writeHooks(app, plan);
    const after = await app.read();
    if (isHarm(differences(current, after, wanted))) throw await undo(app, current, after, wanted);
    current = after;
  }
  throw new RegistrationError(
    `The hook of stage "${wanted.stage}" is not on the Stream app as it should be after ${maxRounds} writes: ` +
      `${problem ?? whyNot(current, wanted)}. Deploy again`,
    { retryable: true },
  );
};
