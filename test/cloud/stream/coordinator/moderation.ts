import { notFound } from "./api-error.ts";
import { type CallRecord, memberResponses } from "./calls.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Coordinator } from "./coordinator.ts";
import { emitCall } from "./create-call.ts";
import type { Json } from "./fields.ts";
import { type User, userResponse } from "./users.ts";

const now = () => new Date().toISOString();

/** Throws ApiError 404. */
export const requireUser = (coordinator: Coordinator, userId: string): User => {
  const user = coordinator.users.get(userId);
  if (!user) throw notFound(`the user ${userId} does not exist`);
  return user;
};

const byUser = (coordinator: Coordinator, field: string, userId: string | undefined): Json => {
  const user = userId === undefined ? undefined : coordinator.users.get(userId);
  return user ? { [field]: userResponse(user) } : {};
};

export interface CallEnd {
  byUserId?: string | undefined;
  reason?: string | undefined;
  /** False: a fault, the SFU goes on as if nothing had happened. */
  tellsSfu?: boolean;
}

/** Ends the call for everybody: call.ended, then the SFU's callEnded, then the session's end. Idempotent. */
export const endCall = (
  coordinator: Coordinator,
  call: CallRecord,
  { byUserId, reason, tellsSfu = true }: CallEnd = {},
): void => {
  if (call.endedAt) return;
  call.endedAt = now();
  call.updatedAt = call.endedAt;
  emitCall(coordinator, call, "call.ended", {
    members: memberResponses(coordinator.users, call),
    ...byUser(coordinator, "user", byUserId),
    ...(reason === undefined ? {} : { reason }),
  });
  if (tellsSfu) coordinator.sfu.endCall(call.cid, "ended");
  coordinator.sessions.end(call);
};

/** Ends the session that is on, as a limit of its duration would: everybody is out, the call stays. */
export const endSession = (coordinator: Coordinator, call: CallRecord): void => {
  coordinator.sessions.end(call);
  coordinator.sfu.endCall(call.cid, "session_ended");
};

export const deleteCall = (coordinator: Coordinator, call: CallRecord): void => {
  coordinator.sfu.endCall(call.cid, "ended");
  coordinator.sessions.end(call);
  coordinator.calls.delete(call.cid);
  emitCall(coordinator, call, "call.deleted");
};

/** Takes a user out of the call; they may join again. */
export const kickUser = (coordinator: Coordinator, call: CallRecord, userId: string, byUserId?: string): void => {
  coordinator.hub.emit(call.cid, "call.kicked_user", {
    user: userResponse(requireUser(coordinator, userId)),
    ...byUser(coordinator, "kicked_by_user", byUserId),
  });
  coordinator.sfu.removeUser(call.cid, userId);
};

/** Takes a user out of the call and keeps them out. */
export const blockUser = (coordinator: Coordinator, call: CallRecord, userId: string, byUserId?: string): void => {
  const user = requireUser(coordinator, userId);
  call.blockedUserIds.add(userId);
  coordinator.hub.emit(call.cid, "call.blocked_user", {
    user: userResponse(user),
    ...byUser(coordinator, "blocked_by_user", byUserId),
  });
  coordinator.sfu.removeUser(call.cid, userId);
};

export const unblockUser = (coordinator: Coordinator, call: CallRecord, userId: string): void => {
  call.blockedUserIds.delete(userId);
  coordinator.hub.emit(call.cid, "call.unblocked_user", { user: userResponse(requireUser(coordinator, userId)) });
};

/** Mutes microphones; `userIds` undefined: everybody's but the muter's. */
export const muteUsers = (
  coordinator: Coordinator,
  call: CallRecord,
  userIds: readonly string[] | undefined,
  byUserId: string,
): void => {
  const muted = coordinator.sfu.mute(call.cid, userIds, byUserId);
  coordinator.hub.emit(call.cid, "call.user_muted", {
    from_user_id: byUserId,
    muted_user_ids: userIds ?? muted,
    reason: "moderation",
  });
};

export const changePermissions = (
  coordinator: Coordinator,
  call: CallRecord,
  change: { userId: string; grant: readonly string[]; revoke: readonly string[] },
): void => {
  const user = requireUser(coordinator, change.userId);
  const before = call.permissions.get(user.id) ?? { granted: [], revoked: [] };
  const without = (list: readonly string[], removed: readonly string[]) => list.filter((one) => !removed.includes(one));
  call.permissions.set(user.id, {
    granted: [...without(before.granted, change.revoke), ...change.grant],
    revoked: [...without(before.revoked, change.grant), ...change.revoke],
  });
  coordinator.hub.emit(call.cid, "call.permissions_updated", {
    user: userResponse(user),
    own_capabilities: capabilitiesOf(call, user),
  });
  coordinator.sfu.grantsChanged(call.cid, user.id);
};

export const goLive = (coordinator: Coordinator, call: CallRecord): void => {
  call.backstage = false;
  coordinator.sessions.current(call).liveStartedAt = now();
  emitCall(coordinator, call, "call.live_started");
};

/** Back to backstage: who may not be there is sent away. */
export const stopLive = (coordinator: Coordinator, call: CallRecord): void => {
  call.backstage = true;
  coordinator.sessions.current(call).liveEndedAt = now();
  emitCall(coordinator, call, "call.updated", { capabilities_by_role: {} });
  coordinator.sfu.endLive(call.cid, (userId) =>
    capabilitiesOf(call, coordinator.users.get(userId)).includes("join-backstage"),
  );
};
