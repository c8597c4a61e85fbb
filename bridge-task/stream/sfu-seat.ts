import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Seat } from "./call-events.ts";
import type { Participant } from "./generated/models_pb.js";

/**
 * A participant of the SFU as the coordinator would describe it. What the SFU does not tell of a user is filled in
 * neutrally; the times of their record, of which nothing is known but that it was there, are those of their joining.
 */
export const seatOf = (message: Participant, nowIso: string): Seat => {
  const { userId, sessionId, name, image, custom, roles, joinedAt } = message;
  const joinedIso = joinedAt ? timestampDate(joinedAt).toISOString() : nowIso;
  const role = roles[0] ?? "user";
  return {
    user: {
      id: userId,
      ...(name === "" ? {} : { name }),
      ...(image === "" ? {} : { image }),
      custom: custom ?? {},
      role,
      language: "",
      teams: [],
      blocked_user_ids: [],
      banned: false,
      shadow_banned: false,
      invisible: false,
      online: true,
      created_at: joinedIso,
      updated_at: joinedIso,
    },
    user_id: userId,
    user_session_id: sessionId,
    role,
    joined_at: joinedIso,
  };
};
