import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { inputError, notAllowed } from "../coordinator/api-error.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { isJson, type Json, record, textList } from "../coordinator/fields.ts";
import { fullUserResponse, type User } from "../coordinator/users.ts";
import { answer, bodyOf, type RestContext, type RestEnv, userIdOf } from "./context.ts";

const byId = (users: readonly User[]): Json => ({
  users: Object.fromEntries(users.map((user) => [user.id, fullUserResponse(user)])),
  membership_deletion_task_id: "",
});

/** A user may change themselves, a server anybody. */
const requireSelf = (c: RestContext, ids: readonly unknown[]): void => {
  const self = userIdOf(c);
  if (self !== undefined && ids.some((id) => id !== self))
    throw notAllowed("a user token may change its own user only");
};

const requireServer = (c: RestContext): void => {
  if (userIdOf(c) !== undefined) throw notAllowed("deleting users needs a server token");
};

export const userRoutes = (coordinator: Coordinator): Hono<RestEnv> =>
  new Hono<RestEnv>()
    .get("/users", (c) => {
      const payload: unknown = JSON.parse(c.req.query("payload") ?? "{}");
      return answer(c, { users: coordinator.users.query(record(payload)).map(fullUserResponse) });
    })
    .post("/users", async (c) => {
      const { users } = await bodyOf(c);
      if (!isJson(users)) throw inputError("users is a required field");
      const given = Object.values(users).filter(isJson);
      requireSelf(
        c,
        given.map(({ id }) => id),
      );
      return answer(c, byId(given.map((user) => coordinator.users.upsert(user))), 201);
    })
    .post("/users/delete", async (c) => {
      const ids = textList((await bodyOf(c)).user_ids, "user_ids");
      requireServer(c);
      for (const id of ids) coordinator.users.delete(id);
      return answer(c, { task_id: randomUUID() }, 201);
    })
    .patch("/users", async (c) => {
      const { users } = await bodyOf(c);
      if (!Array.isArray(users)) throw inputError("users is a required field");
      const changes = users.filter(isJson);
      requireSelf(
        c,
        changes.map(({ id }) => id),
      );
      return answer(c, byId(changes.map((change) => coordinator.users.patch(change))));
    });

export const callTypeRoutes = (coordinator: Coordinator): Hono<RestEnv> =>
  new Hono<RestEnv>().get("/calltypes", (c) => {
    if (c.get("caller").kind !== "server") throw notAllowed("call types need a server token");
    return answer(c, { call_types: coordinator.callTypes.response() });
  });

export const appRoutes = (coordinator: Coordinator): Hono<RestEnv> =>
  new Hono<RestEnv>()
    .use("/app", async (c, next) => {
      if (c.get("caller").kind !== "server") throw notAllowed("the app's settings need a server token");
      await next();
    })
    .get("/app", (c) => answer(c, { app: coordinator.app.response() }))
    .patch("/app", async (c) => {
      coordinator.app.update(await bodyOf(c));
      return answer(c, {});
    });
