import { inputError, notFound } from "./api-error.ts";
import { isJson, type Json, optionalText, record, requiredText, textList } from "./fields.ts";
import { matchesFilter, sortBy } from "./filters.ts";

export interface User {
  id: string;
  role: string;
  name?: string;
  image?: string;
  custom: Json;
  teams: string[];
  language: string;
  createdAt: string;
  updatedAt: string;
}

/** UserResponse of Stream's API. */
export const userResponse = (user: User): Json => ({
  id: user.id,
  role: user.role,
  ...(user.name === undefined ? {} : { name: user.name }),
  ...(user.image === undefined ? {} : { image: user.image }),
  custom: user.custom,
  teams: user.teams,
  language: user.language,
  blocked_user_ids: [],
  banned: false,
  invisible: false,
  online: false,
  shadow_banned: false,
  created_at: user.createdAt,
  updated_at: user.updatedAt,
});

/** FullUserResponse: what the users endpoints answer. */
export const fullUserResponse = (user: User): Json => ({
  ...userResponse(user),
  channel_mutes: [],
  devices: [],
  mutes: [],
  total_unread_count: 0,
  unread_channels: 0,
  unread_count: 0,
  unread_threads: 0,
});

const now = () => new Date().toISOString();

const userFields = (given: Json): Partial<User> => {
  const name = optionalText(given.name, "name");
  const image = optionalText(given.image, "image");
  const role = optionalText(given.role, "role");
  const language = optionalText(given.language, "language");
  return {
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(role ? { role } : {}),
    ...(language ? { language } : {}),
    ...(given.teams === undefined ? {} : { teams: textList(given.teams, "teams") }),
    ...(isJson(given.custom) ? { custom: given.custom } : {}),
  };
};

/** The fields of `set` that are not custom ones. */
const standardFields = new Set(["id", "name", "image", "role", "teams", "language"]);

const customPath = (path: string): string[] => path.replace(/^custom\./, "").split(".");

/** The object with a field set, or removed where `value` is undefined. */
const withPath = (base: Json, [key = "", ...rest]: string[], value: unknown): Json => {
  const copy = { ...base };
  if (rest.length > 0) copy[key] = withPath(record(copy[key]), rest, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
};

export class UserDirectory {
  readonly #users = new Map<string, User>();

  get(id: string): User | undefined {
    return this.#users.get(id);
  }

  /** Throws the 400 of Stream that names users who would have to exist first. */
  requireAll(ids: readonly string[]): void {
    const missing = [...new Set(ids)].filter((id) => !this.#users.has(id));
    if (missing.length > 0)
      throw inputError(
        `The following users are involved in call create operation, but don't exist: [${missing.join(" ")}]. ` +
          "Please create the user objects before setting up the call.",
      );
  }

  /** POST /users: each user becomes exactly what is given; fields not given are wiped, only `created_at` stays. */
  upsert(given: Json): User {
    const id = requiredText(given.id, "users.id");
    const user: User = {
      id,
      role: "user",
      custom: {},
      teams: [],
      language: "",
      createdAt: this.#users.get(id)?.createdAt ?? now(),
      updatedAt: now(),
      ...userFields(given),
    };
    this.#users.set(id, user);
    return user;
  }

  /** A coordinator socket was opened for this user: created if absent, else only what `user_details` states changes. */
  connect(id: string, details: Json): User {
    const known = this.#users.get(id);
    if (!known) return this.upsert({ ...details, id });
    const user = { ...known, ...userFields(details), updatedAt: now() };
    this.#users.set(id, user);
    return user;
  }

  /**
   * PATCH /users: `set` changes what it names, `unset` removes. Custom fields stand at the top level of `set`, or
   * under `custom`, which is merged; a dot reaches into a nested one. Unknown user: ApiError 404.
   */
  patch(change: Json): User {
    const id = requiredText(change.id, "users.id");
    const known = this.#users.get(id);
    if (!known) throw notFound(`UpdateUsersPartial failed with error: "the user ${id} does not exist"`);
    const { custom: merged, ...set } = record(change.set);
    let custom: Json = { ...known.custom, ...record(merged) };
    for (const [path, value] of Object.entries(set))
      if (!standardFields.has(path)) custom = withPath(custom, customPath(path), value);
    const user: User = { ...known, ...userFields(set), updatedAt: now() };
    for (const path of textList(change.unset, "users.unset")) {
      if (path === "name" || path === "image") delete user[path];
      else custom = withPath(custom, customPath(path), undefined);
    }
    user.custom = custom;
    this.#users.set(id, user);
    return user;
  }

  /** At once, where Stream does it in a task of its own. */
  delete(id: string): void {
    this.#users.delete(id);
  }

  query(payload: Json): User[] {
    const limit = typeof payload.limit === "number" ? payload.limit : 30;
    const offset = typeof payload.offset === "number" ? payload.offset : 0;
    const found = [...this.#users.values()].map(fullUserResponse);
    return sortBy(
      found.filter((user) => matchesFilter(user, record(payload.filter_conditions))),
      payload.sort,
    )
      .slice(offset, offset + limit)
      .flatMap((user) => this.#users.get(String(user.id)) ?? []);
  }
}
