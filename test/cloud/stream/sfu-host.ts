import { capabilitiesOf } from "./coordinator/capabilities.ts";
import type { Coordinator } from "./coordinator/coordinator.ts";
import { record, textList } from "./coordinator/fields.ts";
import type { SfuHost } from "./sfu/sfu.ts";

/** What the SFU may ask of the coordinator, and tell it. */
export const sfuHost = (coordinator: () => Coordinator): SfuHost => {
  const callOf = (cid: string) => coordinator().calls.find(cid);
  const userOf = (id: string) => coordinator().users.get(id);
  return {
    user: (id) => {
      const user = userOf(id);
      return user && { id, name: user.name ?? "", image: user.image ?? "", role: user.role, custom: user.custom };
    },
    capabilities: (cid, userId) => {
      const [call, user] = [callOf(cid), userOf(userId)];
      return call && user ? capabilitiesOf(call, user) : [];
    },
    admits: (cid, userId) => {
      const call = callOf(cid);
      return call !== undefined && (!call.endedAt || capabilitiesOf(call, userOf(userId)).includes("join-ended-call"));
    },
    participantLimit: (cid) => {
      const limit = record(callOf(cid)?.settings.limits).max_participants;
      return typeof limit === "number" && limit > 0 ? limit : undefined;
    },
    isCounted: (cid, userId) => {
      const call = callOf(cid);
      const { max_participants_exclude_roles: excluded } = record(call?.settings.limits);
      const roles = [userOf(userId)?.role, call?.members.get(userId)?.role];
      return !textList(excluded, "max_participants_exclude_roles").some((role) => roles.includes(role));
    },
    joined: (cid, userId, sessionId) => {
      const call = callOf(cid);
      if (call) coordinator().sessions.joined(call, userId, sessionId);
    },
    left: (cid, sessionId, reason) => {
      const call = callOf(cid);
      if (call) coordinator().sessions.left(call, sessionId, reason);
    },
  };
};
