import type { Json } from "./hook.ts";
import type { StreamApp } from "./stream-app.ts";
import type { RegisteredUser } from "./types.ts";

/** Stream tells of at most 30 users at once. */
const usersPerRequest = 30;

const isMarked = ({ custom, agent }: Json): boolean =>
  agent === true || (typeof custom === "object" && custom !== null && (custom as Json).agent === true);

/**
 * Makes the users that there are not, and gives the others the one field that tells agents from people: what else they have was
 * somebody's choice, and an upsert would wipe it. Resolves with the ids of those that were made.
 */
export const ensureUsers = async (app: StreamApp, wanted: readonly RegisteredUser[]): Promise<string[]> => {
  const users = [...new Map(wanted.map((user) => [user.id, user])).values()];
  const created: string[] = [];
  for (let from = 0; from < users.length; from += usersPerRequest) {
    const some = users.slice(from, from + usersPerRequest);
    const existing = new Map((await app.users(some.map(({ id }) => id))).map((user) => [String(user.id), user]));
    const missing = some.filter(({ id }) => !existing.has(id));
    if (missing.length > 0) {
      await app.createUsers(missing.map(({ id, name, image }) => ({ id, name, image, custom: { agent: true } })));
      created.push(...missing.map(({ id }) => id));
    }
    for (const [id, user] of existing) if (!isMarked(user)) await app.setUserFields(id, { agent: true });
  }
  return created;
};
