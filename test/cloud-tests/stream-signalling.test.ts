import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CallEndedReason,
  ErrorCode,
  WebsocketReconnectStrategy as Strategy,
  TrackType,
} from "../../bridge-task/stream/generated/models_pb.js";
import {
  UpdateMuteStatesRequestSchema,
  UpdateMuteStatesResponseSchema,
} from "../../bridge-task/stream/generated/signal_pb.js";
import { type Answer, startTestCloud, type TestCloud } from "./stream-support/cloud.ts";
import { type Credentials, credentialsFor, openSfuSocket } from "./stream-support/sfu-socket.ts";
import { join } from "./stream-support/voice.ts";

let test: TestCloud;
beforeAll(async () => {
  test = await startTestCloud({
    fastReconnectDeadlineSeconds: 0.2,
    sessionInactivitySeconds: 0.2,
    sfuSilenceLimitMs: 400,
  });
  await test.server.upsertUsers([{ id: "alice", name: "Alice", custom: { agent: true } }, { id: "bob" }]);
});
afterAll(() => test.cloud.close());

const enter = async (
  userId: string,
  callId: string,
  given?: Credentials,
  sessionId: string = randomUUID(),
  more = {},
) => {
  const credentials = given ?? (await credentialsFor(test, userId, callId));
  const socket = await openSfuSocket(credentials);
  socket.send({ case: "joinRequest", value: { token: credentials.token, sessionId, ...more } });
  return { ...socket, credentials, sessionId };
};

const rpc = async ({ server, token }: Credentials, method: string, body: object, as = `Bearer ${token}`) => {
  const response = await fetch(`${server.url}/stream.video.sfu.signal.SignalServer/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: as },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer };
};

const leftReason = async (sessionId: string) =>
  (await test.log.waitFor(({ type, data }) => type === "sfu.left" && data.sessionId === sessionId, 3_000, "left")).data
    .reason;

describe("the SFU's socket", () => {
  it("answers a join with who is there, oneself included, and what may be published", async () => {
    const alice = await enter("alice", "hello");
    const { callState, publishOptions, reconnected, fastReconnectDeadlineSeconds } = await alice.next("joinResponse");
    expect(callState?.participants).toMatchObject([
      {
        userId: "alice",
        sessionId: alice.sessionId,
        name: "Alice",
        custom: { agent: true },
        publishedTracks: [],
        roles: ["user"],
      },
    ]);
    expect(callState?.participants[0]?.trackLookupPrefix).not.toBe("");
    expect(callState?.participantCount?.total).toBe(1);
    expect(publishOptions).toMatchObject([
      { id: 1, trackType: TrackType.AUDIO, codec: { name: "opus", payloadType: 111 } },
    ]);
    expect([reconnected, fastReconnectDeadlineSeconds]).toEqual([false, 1]);
    const bob = await enter("bob", "hello");
    expect((await bob.next("joinResponse")).callState?.participants.map(({ userId }) => userId)).toEqual([
      "alice",
      "bob",
    ]);
    expect(await alice.next("participantJoined")).toMatchObject({
      callCid: "default:hello",
      participant: { userId: "bob" },
    });
    bob.send({ case: "leaveCallRequest", value: { sessionId: bob.sessionId, reason: "done" } });
    expect((await alice.next("participantLeft")).participant?.sessionId).toBe(bob.sessionId);
    bob.socket.close();
    alice.socket.close(1000);
    expect(await leftReason(alice.sessionId)).toBe("closed");
  });

  it("answers health checks unless told not to; silence is death", async () => {
    const alice = await enter("alice", "health");
    alice.send({ case: "healthCheckRequest", value: {} });
    expect((await alice.next("healthCheckResponse")).participantCount?.total).toBe(1);
    await test.control("/faults/health-checks", { sfu: false });
    alice.send({ case: "healthCheckRequest", value: {} });
    expect(await alice.closed).toBe(1006);
    await test.control("/faults/health-checks", {});
    expect(alice.events.map((event) => event.case)).not.toContain("healthCheckResponse");
    expect(await leftReason(alice.sessionId)).toBe("connection_lost");
  });

  it.each([
    ["a token of nobody", { token: "x" }, ErrorCode.UNAUTHENTICATED, Strategy.DISCONNECT],
    ["no session id", { sessionId: "" }, ErrorCode.REQUEST_VALIDATION_FAILED, Strategy.DISCONNECT],
    [
      "a fast reconnect to a session that is gone",
      { fastReconnect: true },
      ErrorCode.PARTICIPANT_NOT_FOUND,
      Strategy.REJOIN,
    ],
  ])("refuses %s with an error and a close", async (_, request, code, strategy) => {
    const refused = await enter("alice", "refused", undefined, randomUUID(), request);
    expect(await refused.next("error")).toMatchObject({ error: { code }, reconnectStrategy: strategy });
    await refused.closed;
    expect(test.cloud.sfu.participants("default:refused")).toEqual([]);
  });

  it("lets in as many as the call's limit, and takes somebody else's session id for nobody", async () => {
    const call = test.server.video.call("default", "full");
    await call.create({ data: { created_by_id: "bob", settings_override: { limits: { max_participants: 1 } } } });
    const alice = await enter("alice", "full");
    await alice.next("joinResponse");
    const second = await enter("bob", "full");
    expect((await second.next("error")).error?.code).toBe(ErrorCode.CALL_PARTICIPANT_LIMIT_REACHED);
    const thief = await enter("bob", "full", undefined, alice.sessionId);
    expect((await thief.next("error")).error?.code).toBe(ErrorCode.PERMISSION_DENIED);
    const rejoined = await enter("alice", "full", alice.credentials, randomUUID(), {
      reconnectDetails: { strategy: Strategy.REJOIN, previousSessionId: alice.sessionId },
    });
    expect((await rejoined.next("joinResponse")).callState?.participants).toHaveLength(1);
    expect(await leftReason(alice.sessionId)).toBe("rejoined");
    for (const { socket } of [alice, rejoined]) socket.close();
  });

  it("keeps a session whose socket was lost for the deadline: a fast reconnect takes it over", async () => {
    const alice = await enter("alice", "fast");
    await alice.next("joinResponse");
    alice.socket.terminate();
    const again = await enter("alice", "fast", alice.credentials, alice.sessionId, {
      reconnectDetails: { strategy: Strategy.FAST },
    });
    expect((await again.next("joinResponse")).reconnected).toBe(true);
    expect(
      test.log
        .since()
        .filter(({ type, data }) => type === "call.session_participant_joined" && data.cid === "default:fast"),
    ).toHaveLength(1);
    again.socket.terminate();
    expect(await leftReason(alice.sessionId)).toBe("connection_lost");
    await test.log.waitFor(
      ({ type, data }) => type === "call.session_ended" && data.cid === "default:fast",
      3_000,
      "session end",
    );
  });

  it("tells whose rights changed, and sends people off the stage when it closes", async () => {
    const call = test.server.video.call("default", "stage");
    await call.create({ data: { created_by_id: "bob" } });
    const alice = await enter("alice", "stage");
    await call.updateUserPermissions({ user_id: "alice", revoke_permissions: ["send-audio"] });
    expect((await alice.next("callGrantsUpdated")).currentGrants?.canPublishAudio).toBe(false);
    const refused = await rpc(alice.credentials, "SetPublisher", { sessionId: alice.sessionId, sdp: "x" });
    expect(refused.body.error.code).toBe("ERROR_CODE_PERMISSION_DENIED");
    await call.stopLive();
    expect(await alice.next("error")).toMatchObject({ error: { code: ErrorCode.LIVE_ENDED } });
    expect(await leftReason(alice.sessionId)).toBe("live_ended");
    alice.socket.close();
  });

  it("closes the socket of who stays after the end of the call", async () => {
    await test.server.video.call("default", "over").create({ data: { created_by_id: "bob" } });
    const alice = await enter("alice", "over");
    await alice.next("joinResponse");
    await test.control("/calls/default/over/end", {});
    expect((await alice.next("callEnded")).reason).toBe(CallEndedReason.ENDED);
    const still = setInterval(() => alice.send({ case: "healthCheckRequest", value: {} }), 100);
    expect(await alice.closed).toBe(1000);
    clearInterval(still);
    const late = await enter("alice", "over", alice.credentials);
    expect((await late.next("error")).error?.code).toBe(ErrorCode.CALL_NOT_FOUND);
  });
});

describe("the SFU's requests", () => {
  it("are taken in JSON and in protobuf, with Bearer and without, and answered alike", async () => {
    const alice = await enter("alice", "rpc");
    await alice.next("joinResponse");
    const { credentials, sessionId } = alice;
    expect(await rpc(credentials, "SendStats", { sessionId, unknownField: 1 }, credentials.token)).toEqual({
      status: 200,
      body: {},
    });
    expect(await rpc(credentials, "SendStats", { session_id: sessionId })).toEqual({ status: 200, body: {} });
    const body = toBinary(
      UpdateMuteStatesRequestSchema,
      create(UpdateMuteStatesRequestSchema, { sessionId, muteStates: [{ trackType: TrackType.AUDIO, muted: true }] }),
    );
    const response = await fetch(`${credentials.server.url}/stream.video.sfu.signal.SignalServer/UpdateMuteStates`, {
      method: "POST",
      headers: { "content-type": "application/protobuf", authorization: `Bearer ${credentials.token}` },
      body,
    });
    expect(response.headers.get("content-type")).toBe("application/protobuf");
    const answer = fromBinary(UpdateMuteStatesResponseSchema, new Uint8Array(await response.arrayBuffer()));
    expect(answer.error).toBeUndefined();
    alice.socket.close(1000);
  });

  it("of strangers are refused by twirp, of who is not in the call by an error in the answer", async () => {
    const credentials = await credentialsFor(test, "alice", "rpc");
    expect(await rpc(credentials, "SendStats", {}, "Bearer nobody")).toMatchObject({
      status: 401,
      body: { code: "unauthenticated" },
    });
    expect(await rpc(credentials, "Nonsense", {})).toMatchObject({ status: 404, body: { code: "bad_route" } });
    expect(await rpc(credentials, "SendStats", { sessionId: 7 })).toMatchObject({
      status: 400,
      body: { code: "malformed" },
    });
    expect((await rpc(credentials, "SendStats", { sessionId: "gone" })).body).toMatchObject({
      error: { code: "ERROR_CODE_PARTICIPANT_NOT_FOUND" },
    });
  });

  it("of a killed SFU get no answer at all", async () => {
    const credentials = await credentialsFor(test, "alice", "rpc");
    await test.control("/faults/kill-sfu", {});
    await expect(rpc(credentials, "SendStats", {})).rejects.toThrow("fetch failed");
    await test.control("/faults/restore-sfu", {});
    expect((await rpc(credentials, "SendStats", { sessionId: "gone" })).status).toBe(200);
  });
});

it("without implicit subscription only what was asked for is heard", async () => {
  const strict = await startTestCloud({ implicitAudioSubscription: false });
  const alice = await join(strict, "asked", "alice");
  const bob = await join(strict, "asked", "bob");
  const heard = new Set<string>();
  bob.call.on("audio", ({ userId }) => heard.add(userId));
  await alice.speak(600);
  expect([...heard]).toEqual(["alice"]);
  await strict.cloud.close();
});

it("a closed cloud leaves no socket, no server and no timer of its own behind", async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => /UDP|TCP|Server/.test(kind)).length;
  const other = await startTestCloud();
  const alice = await join(other, "leak", "alice");
  await join(other, "leak", "bob");
  await alice.speak(100);
  await other.cloud.close();
  await other.cloud.close();
  await expect
    .poll(() => process.getActiveResourcesInfo().filter((kind) => /UDP|TCP|Server/.test(kind)).length)
    .toBeLessThanOrEqual(before);
});
