import fc from "fast-check";
import { expect, test } from "vitest";
import { TrackType } from "../../bridge-task/stream/generated/models_pb.js";
import { Participants } from "../../bridge-task/stream/participants.ts";
import { sfuEvent } from "./support.ts";

const joined = (sessionId: string, more: object = {}) =>
  sfuEvent({
    case: "participantJoined",
    value: { participant: { userId: `u-${sessionId}`, sessionId, trackLookupPrefix: `p-${sessionId}`, ...more } },
  });
const left = (sessionId: string) => sfuEvent({ case: "participantLeft", value: { participant: { sessionId } } });
const track = (kind: "trackPublished" | "trackUnpublished", sessionId: string, type = TrackType.AUDIO) =>
  sfuEvent({ case: kind, value: { userId: `u-${sessionId}`, sessionId, type } });

test("the join response tells who is there, ourselves and agents included", () => {
  const participants = new Participants("me");
  const changes = participants.apply(
    sfuEvent({
      case: "joinResponse",
      value: {
        callState: {
          participants: [
            { userId: "lucy", sessionId: "me", custom: { agent: true } },
            { userId: "ann", sessionId: "a", name: "Ann", publishedTracks: [TrackType.AUDIO, TrackType.VIDEO] },
          ],
        },
      },
    }),
  );
  expect(changes.map(({ type }) => type)).toEqual(["joined", "joined"]);
  expect(participants.list()).toEqual([
    { userId: "lucy", sessionId: "me", name: "", isAgent: true, publishesAudio: false, isSelf: true },
    { userId: "ann", sessionId: "a", name: "Ann", isAgent: false, publishesAudio: true, isSelf: false },
  ]);
  expect(participants.audible()).toEqual([{ userId: "ann", sessionId: "a" }]);
});

test("a participant who is announced twice joins once", () => {
  const participants = new Participants("me");
  expect(participants.apply(joined("a"))).toHaveLength(1);
  expect(participants.apply(joined("a"))).toEqual([]);
});

test("muting is told and keeps the subscription, leaving ends it", () => {
  const participants = new Participants("me");
  participants.apply(joined("a"));
  expect(participants.audible()).toEqual([]);
  expect(participants.apply(track("trackPublished", "a"))).toMatchObject([
    { type: "updated", participant: { publishesAudio: true } },
  ]);
  expect(participants.apply(track("trackUnpublished", "a"))).toMatchObject([
    { type: "updated", participant: { publishesAudio: false } },
  ]);
  expect(participants.audible()).toEqual([{ userId: "u-a", sessionId: "a" }]);
  expect(participants.apply(left("a"))).toMatchObject([{ type: "left", participant: { sessionId: "a" } }]);
  expect(participants.audible()).toEqual([]);
  expect(participants.byTrackPrefix("p-a")).toBeUndefined();
});

test("a camera changes nothing about the microphone", () => {
  const participants = new Participants("me");
  participants.apply(joined("a"));
  expect(participants.apply(track("trackPublished", "a", TrackType.VIDEO))).toEqual([]);
});

test("a track of somebody whom the cut list of a large call left out makes them known", () => {
  const participants = new Participants("me");
  expect(participants.apply(track("trackPublished", "a"))).toMatchObject([
    { type: "joined", participant: { userId: "u-a", publishesAudio: true } },
  ]);
  participants.apply(joined("a", { publishedTracks: [TrackType.AUDIO] }));
  expect(participants.byTrackPrefix("p-a")).toMatchObject({ sessionId: "a", publishesAudio: true });
});

test("a track event that brings the participant along is one change", () => {
  const participants = new Participants("me");
  const event = sfuEvent({
    case: "trackPublished",
    value: {
      userId: "ann",
      sessionId: "a",
      type: TrackType.AUDIO,
      participant: { userId: "ann", sessionId: "a", name: "Ann", trackLookupPrefix: "p" },
    },
  });
  expect(participants.apply(event)).toMatchObject([
    { type: "joined", participant: { name: "Ann", publishesAudio: true } },
  ]);
});

test("a second join response replaces the first", () => {
  const participants = new Participants("me");
  participants.apply(joined("a"));
  participants.apply(joined("b"));
  const callState = {
    participants: [
      { userId: "u-b", sessionId: "b" },
      { userId: "u-c", sessionId: "c" },
    ],
  };
  const changes = participants.apply(sfuEvent({ case: "joinResponse", value: { callState } }));
  expect(changes.map(({ type, participant }) => `${type} ${participant.sessionId}`)).toEqual(["left a", "joined c"]);
});

test("in any order of events: the changes add up to the list, and nobody subscribes to themselves", () => {
  const sessions = fc.constantFrom("me", "a", "b", "c");
  const events = fc.oneof(
    sessions.map((id) => joined(id)),
    sessions.map((id) => joined(id, { publishedTracks: [TrackType.AUDIO] })),
    sessions.map(left),
    fc
      .tuple(fc.constantFrom("trackPublished" as const, "trackUnpublished" as const), sessions)
      .map(([kind, id]) => track(kind, id)),
  );
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (sequence) => {
      const participants = new Participants("me");
      const told = new Map<string, object>();
      for (const event of sequence) {
        for (const { type, participant } of participants.apply(event)) {
          expect(told.has(participant.sessionId)).toBe(type !== "joined");
          if (type === "left") told.delete(participant.sessionId);
          else told.set(participant.sessionId, participant);
        }
        const list = participants.list();
        expect(new Map(list.map((participant) => [participant.sessionId, participant]))).toEqual(told);
        expect(participants.audible().map(({ sessionId }) => sessionId)).not.toContain("me");
        const audible = new Set(participants.audible().map(({ sessionId }) => sessionId));
        for (const { sessionId, publishesAudio, isSelf } of list) {
          if (publishesAudio && !isSelf) expect(audible.has(sessionId)).toBe(true);
        }
      }
    }),
  );
});
