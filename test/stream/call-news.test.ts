import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import {
  type CallEvent,
  type CallEventMap,
  type CallState,
  readCallEvent,
} from "../../bridge-task/stream/call-events.ts";
import { CallNews } from "../../bridge-task/stream/call-news.ts";
import { SfuEventSchema } from "../../bridge-task/stream/generated/events_pb.js";
import { CallEndedReason } from "../../bridge-task/stream/generated/models_pb.js";
import type { Moment } from "../../bridge-task/stream/session-roll.ts";
import type { SfuEventPayload } from "../../bridge-task/stream/sfu-events.ts";

const cid = "default:room";
const startMs = Date.UTC(2026, 0, 1);
const at = (ms: number): Moment => ({ ms, iso: new Date(startMs + ms).toISOString() });
const sfu = (eventPayload: MessageInitShape<typeof SfuEventSchema>["eventPayload"]): SfuEventPayload =>
  create(SfuEventSchema, { eventPayload } as MessageInitShape<typeof SfuEventSchema>).eventPayload;

const ann = {
  userId: "ann",
  sessionId: "s-ann",
  name: "Ann",
  image: "https://example.com/a.png",
  custom: { mood: "good" },
  roles: ["host"],
  joinedAt: timestampFromDate(new Date(startMs - 60_000)),
};
const known = { cid, type: "default", id: "room", custom: { topic: "x" }, current_session_id: "session-1" };

/** In the call, the coordinator heard, `participants` there before us. */
const inCall = (participants: object[] = [], call: object = known): CallNews => {
  const news = new CallNews({ call: { type: "default", id: "room" }, userId: "lucy", waitMs: 1_000 });
  news.callIs(call as CallState, at(0));
  news.coordinatorHeard(true);
  news.sfuTold(sfu({ case: "joinResponse", value: { callState: { participants } } }), at(0));
  return news;
};
const told = (news: CallNews, message: object, ms = 0): CallEvent[] => {
  const event = readCallEvent({ call_cid: cid, created_at: at(ms).iso, ...message }, cid);
  return event ? news.coordinatorTold(event, at(ms)) : [];
};
const left = sfu({ case: "participantLeft", value: { participant: ann } });
const callEnded = (reason: CallEndedReason) => sfu({ case: "callEnded", value: { reason } });

test("what only the SFU tells of somebody becomes the coordinator's event, with the times it had", () => {
  const news = inCall([ann]);
  news.sfuTold(left, at(5_000));
  expect(news.dueMs).toBe(6_000);
  expect(news.due(6_000)).toEqual([
    {
      type: "call.session_participant_left",
      call_cid: cid,
      created_at: at(5_000).iso,
      session_id: "session-1",
      duration_seconds: 65,
      participant: {
        user: expect.objectContaining({
          id: "ann",
          name: "Ann",
          image: ann.image,
          custom: { mood: "good" },
          role: "host",
          teams: [],
        }),
        user_id: "ann",
        user_session_id: "s-ann",
        role: "host",
        joined_at: at(-60_000).iso,
      },
    },
  ]);
});

test("where the coordinator has described them, its description is used", () => {
  const seat = { user: { id: "ann", name: "Ann", teams: ["red"] }, user_session_id: "s-ann", role: "admin" };
  const news = inCall([ann], { ...known, session: { id: "session-1", participants: [seat] } });
  news.sfuTold(left, at(5_000));
  expect(news.farewell(at(5_100))).toMatchObject([
    { participant: { user: { id: "ann", teams: ["red"] }, user_id: "ann", role: "admin" }, duration_seconds: 0 },
  ]);
});

test("a participant whose user's id stands in one place only has it in both", () => {
  const news = inCall();
  const participant = { user_session_id: "s", role: "user", joined_at: at(0).iso };
  const type = "call.session_participant_joined";
  expect(told(news, { type, session_id: "1", participant: { ...participant, user: { id: "bob" } } })).toMatchObject([
    { participant: { user_id: "bob", user: { id: "bob" } } },
  ]);
  const other = { ...participant, user_session_id: "t", user_id: "cora" };
  expect(told(news, { type, session_id: "1", participant: other })).toMatchObject([
    { participant: { user_id: "cora", user: { id: "cora" } } },
  ]);
});

test("events of other calls, and of no call, are not ours", () => {
  expect(readCallEvent({ type: "call.updated", call_cid: "default:other" }, cid)).toBeUndefined();
  expect(readCallEvent({ type: "user.updated", call_cid: cid }, cid)).toBeUndefined();
  expect(readCallEvent({ type: "health.check" }, cid)).toBeUndefined();
  expect(
    readCallEvent({ type: "call.session_participant_joined", call_cid: cid, participant: {} }, cid),
  ).toBeUndefined();
  expect(readCallEvent({ type: "call.invented_later", call_cid: cid, x: 1 }, cid)).toMatchObject({ x: 1 });
});

test("the end is told once, from the coordinator or from the last that is known", () => {
  const news = inCall();
  expect(told(news, { type: "call.ended", call: known, reason: "r" })).toHaveLength(1);
  expect(told(news, { type: "call.ended", call: known })).toEqual([]);
  expect(news.over).toEqual({ cause: "call_ended", detail: "call.ended" });
  news.sfuTold(callEnded(CallEndedReason.ENDED), at(1));
  expect(news.farewell(at(2))).toEqual([]);

  const silent = inCall();
  told(silent, { type: "call.updated", call: { ...known, custom: { topic: "new" } } });
  silent.sfuTold(callEnded(CallEndedReason.ENDED), at(1));
  expect(silent.isOwed).toBe(true);
  expect(silent.farewell(at(501))).toEqual([
    {
      type: "call.ended",
      call_cid: cid,
      created_at: at(501).iso,
      call: { ...known, custom: { topic: "new" }, ended_at: at(501).iso },
    },
  ]);
});

test("nobody waits for words that cannot come", () => {
  const deaf = inCall();
  deaf.coordinatorHeard(false);
  deaf.sfuTold(callEnded(CallEndedReason.ENDED), at(1));
  expect(deaf.isOwed).toBe(false);
  const kicked = inCall();
  kicked.sfuTold(callEnded(CallEndedReason.KICKED), at(1));
  expect(kicked.isOwed).toBe(false);
  expect(kicked.farewell(at(2))).toEqual([]);
  const deleted = inCall();
  deleted.sfuTold(callEnded(CallEndedReason.ENDED), at(1));
  told(deleted, { type: "call.deleted", call: known });
  expect(deleted.isOwed).toBe(false);
  expect(deleted.farewell(at(2)).map(({ type }) => type)).toEqual(["call.ended"]);
});

test("a call that was over when we joined it has not ended since; one that ended while we heard nothing has", () => {
  const over = { ...known, ended_at: at(-1).iso } as object as CallState;
  expect(inCall([], over).callIs(over, at(1))).toEqual([]);
  const news = inCall();
  expect(news.callIs(over, at(1))).toMatchObject([{ type: "call.ended", call: { ended_at: at(-1).iso } }]);
  expect(news.callIs(over, at(2))).toEqual([]);
  expect(news.over).toEqual({ cause: "call_ended", detail: "call.ended" });
});

test("nothing that a server may send breaks the news", () => {
  const types = ["call.session_participant_joined", "call.session_participant_left", "call.ended", "call.x", "custom"];
  const anything = fc.anything();
  const seat = fc.record({ user: anything, user_id: anything, user_session_id: anything, joined_at: anything });
  const message = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...types), anything),
      call_cid: fc.constant(cid),
      session_id: anything,
      participant: fc.oneof(anything, seat),
      call: fc.oneof(anything, fc.record({ cid: fc.constant(cid), session: anything, current_session_id: anything })),
    },
    { requiredKeys: ["call_cid"] },
  );
  const property = fc.property(fc.array(message, { maxLength: 10 }), (messages) => {
    const news = inCall([ann]);
    for (const one of messages) told(news, one);
    news.sfuTold(left, at(1));
    news.due(10_000);
    news.farewell(at(10_000));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("our stay is over when we are kicked, and more so when we are blocked; others' ends are none of ours", () => {
  const news = inCall([ann]);
  told(news, { type: "call.blocked_user", user: { id: "ann" } });
  expect(news.over).toBeUndefined();
  told(news, { type: "call.kicked_user", user: { id: "lucy" } });
  expect(news.over).toEqual({ cause: "kicked", detail: "call.kicked_user" });
  told(news, { type: "call.blocked_user", user: { id: "lucy" } });
  told(news, { type: "call.kicked_user", user: { id: "lucy" } });
  expect(news.over).toEqual({ cause: "blocked", detail: "call.blocked_user" });
  expect(news.farewell(at(1))).toEqual([]);
});

test("events are typed by their names, with dates as texts", () => {
  expectTypeOf<CallEventMap["call.ended"][0]["created_at"]>().toEqualTypeOf<string>();
  expectTypeOf<CallEventMap["call.ended"][0]["call"]["ended_at"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<CallEventMap["call.session_participant_left"][0]["participant"]["user_id"]>().toEqualTypeOf<string>();
  expectTypeOf<
    CallEventMap["call.session_participant_joined"][0]["participant"]["user"]["id"]
  >().toEqualTypeOf<string>();
  expectTypeOf<CallEventMap["call.reaction_new"][0]["reaction"]["emoji_code"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<CallEventMap["custom"][0]["user"]["created_at"]>().toEqualTypeOf<string>();
  expectTypeOf<"message.new">().not.toExtend<keyof CallEventMap>();
});
