import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type SfuEvent, SfuEventSchema } from "../../../../bridge-task/stream/generated/events_pb.js";
import {
  type PublishOption,
  PublishOptionSchema,
  TrackType,
} from "../../../../bridge-task/stream/generated/models_pb.js";
import { opusFmtp, opusPayloadType } from "./peer.ts";

type Payload = Extract<SfuEvent["eventPayload"], { case: string }>;
type Init = NonNullable<MessageInitShape<typeof SfuEventSchema>["eventPayload"]>;

export type EventName = Payload["case"];
export type EventValue<Name extends EventName> = Extract<Init, { case: Name }>["value"];

/** One binary frame of the SFU's socket. */
export const encodeEvent = <Name extends EventName>(name: Name, value: EventValue<Name>): Uint8Array =>
  toBinary(SfuEventSchema, create(SfuEventSchema, { eventPayload: { case: name, value } as Init }));

/** What may be published: one Opus track, 64 kbit/s (Stream's default). */
export const audioPublishOption: PublishOption = create(PublishOptionSchema, {
  id: 1,
  trackType: TrackType.AUDIO,
  codec: {
    name: "opus",
    payloadType: opusPayloadType,
    clockRate: 48_000,
    encodingParameters: "2",
    fmtp: opusFmtp,
  },
  bitrate: 64_000,
});
