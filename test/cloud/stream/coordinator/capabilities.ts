import type { CallRecord } from "./calls.ts";
import type { User } from "./users.ts";

/** What everybody may do who is let in, whatever the call's type. */
const guest = ["create-call", "create-reaction", "enable-noise-cancellation", "join-call", "read-call"];
/** No send-video, no screenshare: this SFU carries audio only. */
const speaker = [...guest, "send-audio", "send-closed-captions-call"];

const host = [
  ...speaker,
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

/** What users and members may do by their role, host and admin aside. In audio rooms and live streams the others listen. */
const byRole = (call: Pick<CallRecord, "type">, roles: readonly (string | undefined)[]): string[] => {
  if (call.type === "development") return host;
  const isForListening = call.type === "audio_room" || call.type === "livestream";
  return isForListening && !roles.includes("speaker") ? guest : speaker;
};

/** What a call type grants a role, as GET /video/calltypes tells it. */
export const capabilitiesOfRole = (type: string, role: string): string[] =>
  role === "admin" || role === "host" ? host : byRole({ type }, [role]);

/**
 * own_capabilities of a user in a call: by the call's type and the roles of user and member, then what was granted or revoked
 * in this call. `undefined` is the server.
 */
export const capabilitiesOf = (call: CallRecord, user: User | undefined): string[] => {
  if (!user) return host;
  const roles = [user.role, call.members.get(user.id)?.role];
  const isHost = call.createdById === user.id || roles.includes("admin") || roles.includes("host");
  const overrides = call.permissions.get(user.id);
  const granted = new Set([...(isHost ? host : byRole(call, roles)), ...(overrides?.granted ?? [])]);
  for (const revoked of overrides?.revoked ?? []) granted.delete(revoked);
  return [...granted].sort();
};
