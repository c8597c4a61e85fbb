/** A Stream user as the agent states it; what is left out is left alone. */
export interface StreamUser {
  id: string;
  name?: string;
  image?: string;
  custom?: Record<string, unknown>;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The one field that is ours to set on a user that somebody else made: it tells agents from people. */
const ownField = "agent";

/**
 * The fields of a partial update that give `existing` what `stated` has and it lacks; undefined when nothing is lacking.
 * What an existing user has stays: its name and image were somebody's choice, the agent's own are a default.
 * Custom fields stand at the top level of `set`, as Stream's partial update wants them.
 */
export const userPatch = (stated: StreamUser, existing: StreamUser): Record<string, unknown> | undefined => {
  const entries = [
    ["name", stated.name, existing.name] as const,
    ["image", stated.image, existing.image] as const,
    ...Object.entries(stated.custom ?? {}).map(([key, value]) => [key, value, existing.custom?.[key]] as const),
  ].filter(([key, wanted, found]) => {
    const isLacking = found === undefined || found === "";
    return wanted !== undefined && (key === ownField ? !same(wanted, found) : isLacking);
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries.map(([key, wanted]) => [key, wanted]));
};
