import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SfuEventSchema } from "../../bridge-task/stream/generated/events_pb.js";
import type { SfuEventPayload } from "../../bridge-task/stream/sfu-events.ts";

/** An event of the SFU, in short. */
export const sfuEvent = (
  eventPayload: NonNullable<MessageInitShape<typeof SfuEventSchema>["eventPayload"]>,
): SfuEventPayload => create(SfuEventSchema, { eventPayload }).eventPayload;
