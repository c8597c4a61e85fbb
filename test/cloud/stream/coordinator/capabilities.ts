import type { CallRecord } from "./calls.ts";
import type { User } from "./users.ts";

/** What everybody may do in a call of type "default". No send-video, no screenshare: this SFU carries audio only. */
const participant = [
  "create-call",
  "create-reaction",
  "enable-noise-cancellation",
  "join-call",
  "read-call",
  "send-audio",
  "send-closed-captions-call",
];

const host = [
  ...participant,
  "block-users",
  "change-max-duration",
  "end-call",
  "join-backstage",
  "join-ended-call",
  "kick-user",
  "mute-users",
  "pin-for-everyone",
  "remove-call-member",
  "update-call",
  "update-call-member",
  "update-call-permissions",
  "update-call-settings",
];

/**
 * own_capabilities of a user in a call: by role, then what was granted or revoked in this call. `undefined` is the
 * server.
 */
export const capabilitiesOf = (call: CallRecord, user: User | undefined): string[] => {
  if (!user) return host;
  const roles = [user.role, call.members.get(user.id)?.role];
  const isHost = call.createdById === user.id || roles.includes("admin") || roles.includes("host");
  const overrides = call.permissions.get(user.id);
  const granted = new Set([...(isHost ? host : participant), ...(overrides?.granted ?? [])]);
  for (const revoked of overrides?.revoked ?? []) granted.delete(revoked);
  return [...granted].sort();
};
