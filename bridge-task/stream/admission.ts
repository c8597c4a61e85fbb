import { CallEndedError, CallRefusedError } from "./errors.ts";

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

/** Whom a refusal is about: a user, in a call. */
export interface Entrant {
  userId: string;
  /** `type:id` */
  cid: string;
}

/** Modes of `settings.encryption` in which a client without keys may be in the call. */
const openModes = new Set<unknown>([undefined, "disabled", "available"]);

/** `what`: the call's name, or "the call". */
export const encrypted = (what: string): CallRefusedError =>
  new CallRefusedError(
    "e2ee",
    `${what} is end-to-end encrypted, and a server has no key to it: agents need calls whose settings.encryption.mode is "disabled"`,
  );

/** Whether the user is kept out of the call; `call` as the coordinator describes it, taken for what it is. */
export const isBlockedIn = (call: unknown, userId: string): boolean => {
  const { blocked_user_ids: blocked } = object(call);
  return Array.isArray(blocked) && blocked.includes(userId);
};

/** Why a call takes the user in under no circumstances; undefined where it may. Known before anything is tried. */
export const certainRefusal = (call: unknown, { userId, cid }: Entrant): CallRefusedError | undefined => {
  const { ended_at: endedAt, settings } = object(call);
  if (endedAt) return new CallEndedError(`${cid} has ended: an agent needs a call that goes on, create another one`);
  if (isBlockedIn(call, userId)) {
    return new CallRefusedError("blocked", `${userId} is blocked in ${cid}: call.unblockUser lets it in again`);
  }
  const { mode } = object(object(settings).encryption);
  return openModes.has(mode) ? undefined : encrypted(cid);
};

/**
 * What Stream most likely refused a join for, by the state of the call; undefined where that does not explain it. Backstage is
 * looked at only now: a user's role may let it in, and so may the time before the call's start.
 */
export const likelyRefusal = (call: unknown, entrant: Entrant): CallRefusedError | undefined => {
  const { userId, cid } = entrant;
  const certain = certainRefusal(call, entrant);
  if (certain) return certain;
  if (object(call).backstage === true) {
    return new CallRefusedError(
      "backstage",
      `${cid} is in backstage: the agent can come when it is live (call.goLive()), or earlier if the role of ${userId} has "join-backstage"`,
    );
  }
  // "available": whoever comes first may have encrypted it.
  return object(object(object(call).settings).encryption).mode === "available" ? encrypted(cid) : undefined;
};
