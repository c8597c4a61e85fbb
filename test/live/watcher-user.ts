import { userPatch } from "../../bridge-task/stream/user.ts";
import { objectOf, type StreamApi } from "./stream-api.ts";

/** Whose socket the calls' events come over. It is in no call and a member of none. */
export const watcherId = "stream-agent-bridge-live";

/** `custom.agent`: it is no person. An admin may read calls of every type, which events come with. */
const watcher = { id: watcherId, name: "Watches calls for npm start -- --live", custom: { agent: true } };
const requestMs = 5_000;

/**
 * Makes sure that the watcher exists: one that does keeps what it has. Resolves with whether it is online already, which means
 * that another machine watches. Throws CoordinatorError.
 */
export const ensureWatcher = async (api: StreamApi): Promise<boolean> => {
  const signal = AbortSignal.timeout(2 * requestMs);
  const payload = JSON.stringify({ filter_conditions: { id: { $eq: watcherId } }, limit: 1 });
  const looking = { what: "Looking up the watcher's user", method: "GET", path: "/users", query: { payload } } as const;
  const { body } = await api.request({ ...looking, signal });
  const existing = (Array.isArray(body.users) ? body.users.map(objectOf) : []).find(({ id }) => id === watcherId);
  if (existing === undefined) {
    const users = { [watcherId]: { ...watcher, role: "admin" } };
    await api.request({ what: "Creating the watcher's user", method: "POST", path: "/users", body: { users }, signal });
    return false;
  }
  const set = userPatch(watcher, {
    id: watcherId,
    custom: objectOf(existing.custom),
    name: String(existing.name ?? ""),
  });
  const isOnline = existing.online === true;
  if (!set) return isOnline;
  const users = [{ id: watcherId, set }];
  await api.request({ what: "Updating the watcher's user", method: "PATCH", path: "/users", body: { users }, signal });
  return isOnline;
};
