import type { SfuEvent } from "./generated/events_pb.js";

/** One thing the SFU said: the member of SfuEvent's oneof that is set. `case` undefined: a kind that we do not know. */
export type SfuEventPayload = SfuEvent["eventPayload"];
