import { Hono } from "hono";
import { inputError, notFound } from "../coordinator/api-error.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { optionalText, record, requiredText, textList } from "../coordinator/fields.ts";
import { callState } from "../coordinator/join-call.ts";
import {
  blockUser,
  changePermissions,
  goLive,
  kickUser,
  muteUsers,
  stopLive,
  unblockUser,
} from "../coordinator/moderation.ts";
import { answerRing, ringCall } from "../coordinator/ringing.ts";
import { userResponse } from "../coordinator/users.ts";
import { answer, bodyOf, callFor, existingCall, type RestContext, type RestEnv, userIdOf } from "./context.ts";

/** Custom events are limited to 5 KB. */
const maxCustomEventBytes = 5_120;

const actingUser = (coordinator: Coordinator, c: RestContext, given: unknown, field: string) => {
  const id = userIdOf(c) ?? requiredText(given, field);
  const user = coordinator.users.get(id);
  if (!user) throw notFound(`the user ${id} does not exist`);
  return user;
};

/** What is done to people in a call, and what they tell each other through the coordinator. */
export const moderationRoutes = (coordinator: Coordinator): Hono<RestEnv> =>
  new Hono<RestEnv>()
    .post("/call/:type/:id/event", async (c) => {
      const call = existingCall(coordinator, c);
      const body = await bodyOf(c);
      const custom = record(body.custom);
      if (Buffer.byteLength(JSON.stringify(custom)) > maxCustomEventBytes)
        throw inputError("custom must not be larger than 5 KB");
      const user = userResponse(actingUser(coordinator, c, body.user_id, "user_id"));
      coordinator.hub.emit(call.cid, "custom", { custom, user });
      return answer(c, {});
    })
    .post("/call/:type/:id/reaction", async (c) => {
      const call = callFor(coordinator, c, "create-reaction");
      const { type, emoji_code, custom } = await bodyOf(c);
      const reaction = {
        type: requiredText(type, "type"),
        user: userResponse(actingUser(coordinator, c, undefined, "user_id")),
        ...(emoji_code === undefined ? {} : { emoji_code: optionalText(emoji_code, "emoji_code") }),
        ...(custom === undefined ? {} : { custom: record(custom) }),
      };
      coordinator.hub.emit(call.cid, "call.reaction_new", { reaction });
      return answer(c, { reaction });
    })
    .post("/call/:type/:id/request_permission", async (c) => {
      const call = existingCall(coordinator, c);
      const permissions = textList((await bodyOf(c)).permissions, "permissions");
      const user = userResponse(actingUser(coordinator, c, undefined, "user_id"));
      coordinator.hub.emit(call.cid, "call.permission_request", { user, permissions });
      return answer(c, {});
    })
    .post("/call/:type/:id/mute_users", async (c) => {
      const call = callFor(coordinator, c, "mute-users");
      const body = await bodyOf(c);
      const by = actingUser(coordinator, c, body.muted_by_id, "muted_by_id").id;
      if (body.audio === true)
        muteUsers(coordinator, call, body.mute_all_users ? undefined : textList(body.user_ids, "user_ids"), by);
      return answer(c, {});
    })
    .post("/call/:type/:id/kick", async (c) => {
      const call = callFor(coordinator, c, "kick-user");
      const body = await bodyOf(c);
      const userId = requiredText(body.user_id, "user_id");
      const by = userIdOf(c) ?? optionalText(body.kicked_by_id, "kicked_by_id");
      kickUser(coordinator, call, userId, by);
      if (body.block === true) blockUser(coordinator, call, userId, by);
      return answer(c, {});
    })
    .post("/call/:type/:id/block", async (c) => {
      const call = callFor(coordinator, c, "block-users");
      blockUser(coordinator, call, requiredText((await bodyOf(c)).user_id, "user_id"), userIdOf(c));
      return answer(c, {});
    })
    .post("/call/:type/:id/unblock", async (c) => {
      const call = callFor(coordinator, c, "block-users");
      unblockUser(coordinator, call, requiredText((await bodyOf(c)).user_id, "user_id"));
      return answer(c, {});
    })
    .post("/call/:type/:id/user_permissions", async (c) => {
      const call = callFor(coordinator, c, "update-call-permissions");
      const body = await bodyOf(c);
      changePermissions(coordinator, call, {
        userId: requiredText(body.user_id, "user_id"),
        grant: textList(body.grant_permissions, "grant_permissions"),
        revoke: textList(body.revoke_permissions, "revoke_permissions"),
      });
      return answer(c, {});
    })
    .post("/call/:type/:id/go_live", (c) => {
      const call = callFor(coordinator, c, "update-call");
      goLive(coordinator, call);
      return answer(c, { call: callState(coordinator, c.get("caller"), call).call });
    })
    .post("/call/:type/:id/stop_live", (c) => {
      const call = callFor(coordinator, c, "update-call");
      stopLive(coordinator, call);
      return answer(c, { call: callState(coordinator, c.get("caller"), call).call });
    })
    .post("/call/:type/:id/ring", async (c) => {
      const call = callFor(coordinator, c, "read-call");
      const body = await bodyOf(c);
      const named = textList(body.members_ids, "members_ids");
      const members_ids = ringCall(coordinator, call, {
        byUserId: userIdOf(c) ?? call.createdById,
        video: body.video === true,
        ...(named.length > 0 ? { memberIds: named } : {}),
      });
      return answer(c, { members_ids });
    })
    .post("/call/:type/:id/accept", (c) => {
      const user = actingUser(coordinator, c, undefined, "user_id");
      answerRing(coordinator, existingCall(coordinator, c), user, "accepted");
      return answer(c, {});
    })
    .post("/call/:type/:id/reject", async (c) => {
      const user = actingUser(coordinator, c, undefined, "user_id");
      const reason = optionalText((await bodyOf(c)).reason, "reason");
      answerRing(coordinator, existingCall(coordinator, c), user, "rejected", reason);
      return answer(c, {});
    });
