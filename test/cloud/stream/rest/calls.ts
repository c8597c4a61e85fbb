import { Hono } from "hono";
import { inputError } from "../coordinator/api-error.ts";
import { callResponse, memberResponses } from "../coordinator/calls.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { cidOf, emitCall, getOrCreateCall, membersFrom, updateCall } from "../coordinator/create-call.ts";
import { record, textList } from "../coordinator/fields.ts";
import { matchesFilter, sortBy } from "../coordinator/filters.ts";
import { callState, joinCall } from "../coordinator/join-call.ts";
import { deleteCall, endCall } from "../coordinator/moderation.ts";
import { announceAsAsked } from "../coordinator/ringing.ts";
import { addressOf, answer, bodyOf, callFor, existingCall, type RestEnv, userIdOf, watchCall } from "./context.ts";

const defaultPageSize = 25;

/** Calls: create, read, change, join, end. */
export const callRoutes = (coordinator: Coordinator): Hono<RestEnv> =>
  new Hono<RestEnv>()
    .post("/calls", async (c) => {
      const body = await bodyOf(c);
      const caller = c.get("caller");
      const found = coordinator.calls
        .all()
        .map((call) => ({
          ...callResponse(coordinator.users, call),
          members: [...call.members.keys()],
          // Only filters know it.
          ongoing: (call.session?.participants.length ?? 0) > 0,
          call,
        }))
        .filter((item) => matchesFilter(item, record(body.filter_conditions)));
      const page = sortBy(found, body.sort).slice(0, typeof body.limit === "number" ? body.limit : defaultPageSize);
      if (body.watch === true) for (const { call } of page) watchCall(coordinator, c, call.cid);
      return answer(c, { calls: page.map(({ call }) => callState(coordinator, caller, call)) });
    })
    .post("/call/members", async (c) => {
      const body = await bodyOf(c);
      const call = coordinator.calls.require(cidOf({ type: String(body.type), id: String(body.id) }));
      const members = memberResponses(coordinator.users, call);
      return answer(c, { members: members.filter((one) => matchesFilter(one, record(body.filter_conditions))) });
    })
    .post("/call/:type/:id", async (c) => {
      const body = await bodyOf(c);
      const address = addressOf(c);
      const { call, created } = getOrCreateCall(coordinator, c.get("caller"), address, record(body.data));
      watchCall(coordinator, c, call.cid);
      announceAsAsked(coordinator, call, userIdOf(c) ?? call.createdById, body);
      return answer(c, { ...callState(coordinator, c.get("caller"), call), created }, created ? 201 : 200);
    })
    .get("/call/:type/:id", (c) => {
      const call = callFor(coordinator, c, "read-call");
      watchCall(coordinator, c, call.cid);
      return answer(c, callState(coordinator, c.get("caller"), call));
    })
    .patch("/call/:type/:id", async (c) => {
      const call = callFor(coordinator, c, "update-call");
      updateCall(coordinator, call, await bodyOf(c));
      return answer(c, callState(coordinator, c.get("caller"), call));
    })
    .post("/call/:type/:id/join", async (c) => {
      const body = await bodyOf(c);
      const address = addressOf(c);
      const joined = joinCall(coordinator, c.get("caller"), address, body);
      watchCall(coordinator, c, cidOf(address));
      return answer(c, joined, 201);
    })
    .post("/call/:type/:id/mark_ended", (c) => {
      endCall(coordinator, callFor(coordinator, c, "end-call"), { byUserId: userIdOf(c) });
      return answer(c, {});
    })
    .post("/call/:type/:id/delete", (c) => {
      const call = existingCall(coordinator, c);
      if (userIdOf(c) !== undefined) throw inputError("deleting a call needs a server token");
      deleteCall(coordinator, call);
      return answer(c, { call: callResponse(coordinator.users, call), task_id: "" });
    })
    .post("/call/:type/:id/members", async (c) => {
      const call = callFor(coordinator, c, "update-call-member");
      const body = await bodyOf(c);
      const members = membersFrom(body.update_members);
      coordinator.users.requireAll(members.map(({ userId }) => userId));
      const removed = textList(body.remove_members, "remove_members");
      for (const member of members) call.members.set(member.userId, member);
      for (const userId of removed) call.members.delete(userId);
      const all = { members: memberResponses(coordinator.users, call) };
      if (members.length > 0) emitCall(coordinator, call, "call.member_added", all);
      if (removed.length > 0) emitCall(coordinator, call, "call.member_removed", { members: removed });
      return answer(c, all);
    });
