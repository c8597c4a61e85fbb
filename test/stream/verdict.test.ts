import { expect, test } from "vitest";
import {
  CallEndedReason,
  ErrorCode,
  GoAwayReason,
  PeerType,
  TrackType,
  TrackUnpublishReason,
  WebsocketReconnectStrategy,
} from "../../bridge-task/stream/generated/models_pb.js";
import { voiceAllowedBy } from "../../bridge-task/stream/permission.ts";
import { judgeRefusal, verdictOf } from "../../bridge-task/stream/verdict.ts";
import { sfuEvent } from "./support.ts";

const error = (code: ErrorCode, reconnectStrategy: WebsocketReconnectStrategy) =>
  verdictOf(sfuEvent({ case: "error", value: { error: { code, message: "words" }, reconnectStrategy } }));

test("a call that ends ends the stay; being kicked is told apart", () => {
  const causeOf = (reason: CallEndedReason) => verdictOf(sfuEvent({ case: "callEnded", value: { reason } }));
  expect(causeOf(CallEndedReason.ENDED)).toMatchObject({ type: "end", cause: "call_ended", detail: "ENDED" });
  expect(causeOf(CallEndedReason.SESSION_ENDED)).toMatchObject({ type: "end", cause: "call_ended" });
  expect(causeOf(CallEndedReason.UNSPECIFIED)).toMatchObject({ type: "end", cause: "call_ended" });
  expect(causeOf(CallEndedReason.KICKED)).toMatchObject({ type: "end", cause: "kicked" });
});

test("an error does what its strategy says", () => {
  const code = ErrorCode.INTERNAL_SERVER_ERROR;
  expect(error(code, WebsocketReconnectStrategy.UNSPECIFIED)).toEqual({ type: "stay" });
  expect(error(code, WebsocketReconnectStrategy.DISCONNECT)).toEqual({
    type: "end",
    cause: "refused",
    detail: "INTERNAL_SERVER_ERROR: words",
  });
  expect(error(code, WebsocketReconnectStrategy.FAST)).toMatchObject({ type: "reconnect", strategy: "fast" });
  expect(error(code, WebsocketReconnectStrategy.REJOIN)).toMatchObject({ type: "reconnect", strategy: "rejoin" });
  expect(error(code, WebsocketReconnectStrategy.MIGRATE)).toMatchObject({ type: "reconnect", strategy: "migrate" });
});

test("a live stream that ends sends away whom backstage is not open to", () => {
  const told = sfuEvent({ case: "error", value: { error: { code: ErrorCode.LIVE_ENDED, message: "" } } });
  const ended = sfuEvent({ case: "callEnded", value: { reason: CallEndedReason.LIVE_ENDED } });
  for (const event of [told, ended]) {
    expect(verdictOf(event, ["send-audio"])).toMatchObject({ type: "end", cause: "backstage" });
    expect(verdictOf(event, ["send-audio", "join-backstage"])).toEqual({ type: "stay" });
  }
  expect(error(ErrorCode.LIVE_ENDED, WebsocketReconnectStrategy.DISCONNECT)).toMatchObject({ cause: "backstage" });
  expect(error(ErrorCode.CALL_NOT_FOUND, WebsocketReconnectStrategy.DISCONNECT)).toMatchObject({ cause: "call_ended" });
});

test("an error event without its inner error ends nothing by itself", () => {
  expect(verdictOf(sfuEvent({ case: "error", value: {} }))).toEqual({ type: "stay" });
});

test("an SFU that goes away wants us to migrate", () => {
  expect(verdictOf(sfuEvent({ case: "goAway", value: { reason: GoAwayReason.REBALANCE } }))).toMatchObject({
    type: "reconnect",
    strategy: "migrate",
  });
});

test("an ICE restart of the ears is the SFU's to offer, one of the voice is ours", () => {
  const restart = (peerType: PeerType) => verdictOf(sfuEvent({ case: "iceRestart", value: { peerType } }));
  expect(restart(PeerType.SUBSCRIBER)).toEqual({ type: "stay" });
  expect(restart(PeerType.PUBLISHER_UNSPECIFIED)).toMatchObject({ type: "reconnect", strategy: "fast" });
});

test("events about others, and kinds that we do not know, change nothing", () => {
  expect(verdictOf(sfuEvent({ case: "healthCheckResponse", value: {} }))).toEqual({ type: "stay" });
  expect(verdictOf({ case: undefined })).toEqual({ type: "stay" });
});

test("a refused join is tried again, elsewhere when the SFU itself is the trouble, never when it is us", () => {
  const judge = (code: ErrorCode, strategy?: WebsocketReconnectStrategy) =>
    judgeRefusal({ $typeName: "stream.video.sfu.models.Error", code, message: "", shouldRetry: false }, strategy);
  expect(judge(ErrorCode.SFU_FULL)).toEqual({ retryable: true, edgeIsBad: true, isFull: true });
  expect(judge(ErrorCode.SFU_SHUTTING_DOWN)).toEqual({ retryable: true, edgeIsBad: true, isFull: false });
  expect(judge(ErrorCode.CALL_PARTICIPANT_LIMIT_REACHED)).toEqual({ retryable: true, edgeIsBad: true, isFull: true });
  expect(judge(ErrorCode.SFU_FULL, WebsocketReconnectStrategy.DISCONNECT).retryable).toBe(false);
  expect(judge(ErrorCode.INTERNAL_SERVER_ERROR)).toEqual({ retryable: true, edgeIsBad: false, isFull: false });
  expect(judge(ErrorCode.PERMISSION_DENIED).retryable).toBe(false);
  expect(judgeRefusal(undefined)).toEqual({ retryable: true, edgeIsBad: false, isFull: false });
});

test("moderation of our own microphone silences us; anybody else's does not, nor does our own muting", () => {
  const unpublished = (sessionId: string, type: TrackType, cause: TrackUnpublishReason) =>
    voiceAllowedBy(sfuEvent({ case: "trackUnpublished", value: { sessionId, type, cause } }), "me");
  expect(unpublished("me", TrackType.AUDIO, TrackUnpublishReason.MODERATION)).toBe(false);
  expect(unpublished("me", TrackType.AUDIO, TrackUnpublishReason.PERMISSION_REVOKED)).toBe(false);
  expect(unpublished("me", TrackType.AUDIO, TrackUnpublishReason.USER_MUTED)).toBeUndefined();
  expect(unpublished("me", TrackType.VIDEO, TrackUnpublishReason.MODERATION)).toBeUndefined();
  expect(unpublished("ann", TrackType.AUDIO, TrackUnpublishReason.MODERATION)).toBeUndefined();
});

test("grants silence us and give the voice back", () => {
  const grants = (canPublishAudio: boolean) =>
    voiceAllowedBy(sfuEvent({ case: "callGrantsUpdated", value: { currentGrants: { canPublishAudio } } }), "me");
  expect(grants(false)).toBe(false);
  expect(grants(true)).toBe(true);
  expect(voiceAllowedBy(sfuEvent({ case: "callGrantsUpdated", value: {} }), "me")).toBeUndefined();
});
