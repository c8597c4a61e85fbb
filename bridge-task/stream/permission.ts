import { TrackType, TrackUnpublishReason } from "./generated/models_pb.js";
import type { SfuEventPayload } from "./sfu-events.ts";

/** Whether the event allows (true) or forbids (false) our voice; undefined when it says nothing about it. */
export const voiceAllowedBy = (event: SfuEventPayload, selfSessionId: string): boolean | undefined => {
  if (event.case === "callGrantsUpdated") return event.value.currentGrants?.canPublishAudio;
  if (event.case !== "trackUnpublished") return undefined;
  const { sessionId, type, cause } = event.value;
  const isForced = cause === TrackUnpublishReason.MODERATION || cause === TrackUnpublishReason.PERMISSION_REVOKED;
  return sessionId === selfSessionId && type === TrackType.AUDIO && isForced ? false : undefined;
};
