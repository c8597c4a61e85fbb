import { create, type DescEnum, type DescField, ScalarType, toBinary } from "@bufbuild/protobuf";
import { SfuEvents } from "@stream-io/video-client";
import { expect, test } from "vitest";
import { file_events, SfuEventSchema, SfuRequestSchema } from "../../bridge-task/stream/generated/events_pb.js";
import { CallEndedReason, file_models, TrackType } from "../../bridge-task/stream/generated/models_pb.js";
import { file_signal, SignalServer } from "../../bridge-task/stream/generated/signal_pb.js";
import { loadOfficialProtocol, type OfficialField } from "./official-protocol.ts";

const official = await loadOfficialProtocol();
const files = [file_events, file_models, file_signal];
const messages = files.flatMap(({ messages: ofFile }) => ofFile);

/** One field in words that both descriptions can be brought to. */
interface Shape {
  name: string;
  number: number;
  type: string;
  isRepeated: boolean;
  oneof: string | undefined;
}

const camel = (snake: string): string => snake.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const ours = (field: DescField): Shape => {
  const element =
    field.fieldKind === "list"
      ? field.listKind === "scalar"
        ? ScalarType[field.scalar]
        : field.listKind === "enum"
          ? field.enum.typeName
          : field.message.typeName
      : field.fieldKind === "scalar"
        ? ScalarType[field.scalar]
        : field.fieldKind === "enum"
          ? field.enum.typeName
          : field.fieldKind === "message"
            ? field.message.typeName
            : "map";
  return {
    name: field.name,
    number: field.number,
    type: element ?? "unknown",
    isRepeated: field.fieldKind === "list",
    oneof: field.oneof?.localName,
  };
};

type EnumInfo = [name: string, values: Record<string, string | number>, prefix?: string];

const theirs = (field: OfficialField): Shape => ({
  name: field.name,
  number: field.no,
  type:
    field.kind === "scalar"
      ? (ScalarType[field.T as number] ?? "unknown")
      : field.kind === "enum"
        ? (field.T as () => EnumInfo)()[0]
        : (field.T as () => { typeName: string })().typeName,
  isRepeated: (field.repeat ?? 0) > 0,
  oneof: field.oneof === undefined ? undefined : camel(field.oneof),
});

/** Every enum that the official messages use: name → value name (with prefix) → number. */
const officialEnums = new Map<string, Record<string, number>>();
for (const { fields } of official.messages.values()) {
  for (const { kind, T } of fields) {
    if (kind !== "enum") continue;
    const [name, values, prefix = ""] = (T as () => EnumInfo)();
    const entries = Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === "number");
    officialEnums.set(name, Object.fromEntries(entries.map(([value, number]) => [prefix + value, number])));
  }
}

test("the official protocol was found", () => {
  expect(official.messages.size).toBeGreaterThan(80);
  expect(official.methods.length).toBeGreaterThan(8);
  expect(messages.length).toBeGreaterThan(50);
});

test.each(messages.map((message) => [message.typeName, message] as const))(
  "%s has the fields of the official message: number, type, repeated, oneof",
  (typeName, message) => {
    const known = new Map(official.messages.get(typeName)?.fields.map((field) => [field.no, theirs(field)]));
    for (const field of message.fields) expect(ours(field)).toEqual(known.get(field.number));
    expect(official.messages.has(typeName)).toBe(true);
  },
);

test.each(files.flatMap(({ enums }) => enums).map((ofFile) => [ofFile.typeName, ofFile] as [string, DescEnum]))(
  "%s has exactly the values of the official enum",
  (typeName, ofFile) => {
    expect(Object.fromEntries(ofFile.values.map(({ name, number }) => [name, number]))).toEqual(
      officialEnums.get(typeName),
    );
  },
);

test("every request that we name exists in the official service, with the same messages", () => {
  for (const { name, input, output } of SignalServer.methods) {
    const method = official.methods.find((candidate) => candidate.name === name);
    expect([method?.I.typeName, method?.O.typeName]).toEqual([input.typeName, output.typeName]);
  }
});

test("the official client reads what we write", () => {
  const request = create(SfuRequestSchema, {
    requestPayload: {
      case: "joinRequest",
      value: { token: "t", sessionId: "s", publisherSdp: "v=0", unifiedSessionId: "u" },
    },
  });
  expect(SfuEvents.SfuRequest.fromBinary(toBinary(SfuRequestSchema, request)).requestPayload).toMatchObject({
    oneofKind: "joinRequest",
    joinRequest: { token: "t", sessionId: "s", publisherSdp: "v=0", unifiedSessionId: "u" },
  });
  const event = create(SfuEventSchema, {
    eventPayload: {
      case: "participantJoined",
      value: { participant: { sessionId: "s", publishedTracks: [TrackType.AUDIO], custom: { agent: true } } },
    },
  });
  expect(SfuEvents.SfuEvent.fromBinary(toBinary(SfuEventSchema, event)).eventPayload).toMatchObject({
    participantJoined: { participant: { sessionId: "s", publishedTracks: [1] } },
  });
  const ended = create(SfuEventSchema, {
    eventPayload: { case: "callEnded", value: { reason: CallEndedReason.KICKED } },
  });
  expect(SfuEvents.SfuEvent.fromBinary(toBinary(SfuEventSchema, ended)).eventPayload).toMatchObject({
    callEnded: { reason: 3 },
  });
});
