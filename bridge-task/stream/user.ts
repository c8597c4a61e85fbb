/** A Stream user as the agent states it; what is left out is left alone. */
export interface StreamUser {
  id: string;
  name?: string;
  image?: string;
  custom?: Record<string, unknown>;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/**
 * The fields of a partial update that turn `existing` into what `stated` asks for; undefined when nothing differs.
 * Custom fields stand at the top level of `set`, as Stream's partial update wants them.
 */
export const userPatch = (stated: StreamUser, existing: StreamUser): Record<string, unknown> | undefined => {
  const entries = [
    ["name", stated.name, existing.name] as const,
    ["image", stated.image, existing.image] as const,
    ...Object.entries(stated.custom ?? {}).map(([key, value]) => [key, value, existing.custom?.[key]] as const),
  ].filter(([, wanted, found]) => wanted !== undefined && !same(wanted, found));
  return entries.length === 0 ? undefined : Object.fromEntries(entries.map(([key, wanted]) => [key, wanted]));
};
