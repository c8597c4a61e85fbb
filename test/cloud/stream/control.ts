/**
 * The tests' door to Stream, mounted at `/stream` of the control server. All bodies and answers are JSON but the WAV.
 *
 *     GET  /calls                                          calls, each with its participants in the SFU
 *     GET  /calls/:type/:id                                one of them
 *     POST /calls/:type/:id/end                            ends it for everybody
 *     POST /calls/:type/:id/kick         {userId}          takes a user out; `block: true` keeps them out
 *     POST /calls/:type/:id/mute         {userId}          moderation mutes their microphone
 *     POST /calls/:type/:id/permissions  {userId, grant?: [], revoke?: []}
 *     POST /calls/:type/:id/event        {userId, custom}  a custom event
 *     GET  /calls/:type/:id/recordings                     who sent audio, past and present
 *     GET  /calls/:type/:id/participants/:sessionId/packets     what they sent: arrivalMs (epoch), sequenceNumber, timestamp, levelDbov, voiced, byteCount
 *     GET  /calls/:type/:id/participants/:sessionId/audio.wav   the same decoded: 24 kHz mono on the timeline of arrivals, silence where
 *                                                               nothing arrived; header x-started-at-ms: epoch of the first sample
 *     POST /webhook                      {url, eventTypes?} or null
 *     GET  /faults                                         what is set now
 *     POST /faults/close-sfu-socket      {cid?, userId?, sessionId?, code?}    cuts sockets, all that match; no code: without a close frame
 *     POST /faults/sfu-event             {cid?, userId?, sessionId?, event: "goAway" | "error" | "callEnded", code?, strategy?, message?}
 *     POST /faults/health-checks         {sfu?: boolean, coordinator?: boolean}    false: they stay unanswered
 *     POST /faults/packet-loss           {incoming?: percent, outgoing?: percent}
 *     POST /faults/kill-sfu              all sockets and peer connections are gone, nobody gets in until:
 *     POST /faults/restore-sfu
 *     POST /faults/rest                  {pathEnd, status, code?, count?}    the next requests to such a path fail
 *     POST /faults/webhooks              {gzip?, duplicate?: "none" | "same-id" | "new-id", delayMs?, swapWithinMs?}
 */
import { type Context, Hono } from "hono";
import { loadOpus } from "../../../bridge-task/audio/opus.ts";
import { CallEndedReason, GoAwayReason } from "../../../bridge-task/stream/generated/models_pb.js";
import { encodeWav } from "../../support/wav.ts";
import { apiCode, asApiError, inputError, notFound } from "./coordinator/api-error.ts";
import type { CallRecord } from "./coordinator/calls.ts";
import type { Coordinator } from "./coordinator/coordinator.ts";
import { isJson, type Json, optionalText, record, requiredText, textList } from "./coordinator/fields.ts";
import { blockUser, changePermissions, endCall, kickUser, muteUsers } from "./coordinator/moderation.ts";
import { userResponse } from "./coordinator/users.ts";
import type { SfuParticipant } from "./sfu/participant.ts";
import type { Recording } from "./sfu/recording.ts";
import type { Sfu } from "./sfu/sfu.ts";
import { decodeTimeline, timelineRate } from "./sfu/timeline.ts";

interface Parts {
  coordinator: Coordinator;
  sfu: Sfu;
}

const bodyOf = async (c: Context): Promise<Json> => record(await c.req.json().catch(() => ({})));

const cidOf = (c: Context): string => `${c.req.param("type")}:${c.req.param("id")}`;

const describeParticipant = (participant: SfuParticipant): Json => ({
  userId: participant.user.id,
  sessionId: participant.sessionId,
  edge: participant.edge,
  joinedAtMs: participant.joinedAtMs,
  publishesAudio: participant.publishesAudio,
  isConnected: participant.socket !== undefined,
  publisher: participant.publisher?.state ?? "none",
  subscriber: participant.subscriber.state,
  receivedPackets: participant.recording.packets.length + participant.recording.droppedCount,
});

const describeCall = ({ sfu }: Parts, call: CallRecord): Json => ({
  cid: call.cid,
  createdById: call.createdById,
  custom: call.custom,
  memberIds: [...call.members.keys()],
  endedAt: call.endedAt ?? null,
  session: call.session ?? null,
  participants: sfu.participants(call.cid).map(describeParticipant),
});

const describeRecording = (recording: Recording): Json => ({
  userId: recording.userId,
  sessionId: recording.sessionId,
  packetCount: recording.packets.length,
  droppedCount: recording.droppedCount,
});

const recordingOf = ({ sfu }: Parts, c: Context): Recording => {
  const recording = sfu.recording(cidOf(c), c.req.param("sessionId") ?? "");
  if (!recording) throw notFound(`session ${c.req.param("sessionId")} was never in ${cidOf(c)}`);
  return recording;
};

const callRoutes = (parts: Parts): Hono => {
  const { coordinator, sfu } = parts;
  const callOf = (c: Context) => coordinator.calls.require(cidOf(c));
  return new Hono()
    .get("/calls", (c) => c.json(coordinator.calls.all().map((call) => describeCall(parts, call))))
    .get("/calls/:type/:id", (c) => c.json(describeCall(parts, callOf(c))))
    .post("/calls/:type/:id/end", (c) => {
      endCall(coordinator, callOf(c));
      return c.json({});
    })
    .post("/calls/:type/:id/kick", async (c) => {
      const body = await bodyOf(c);
      const act = body.block === true ? blockUser : kickUser;
      act(coordinator, callOf(c), requiredText(body.userId, "userId"));
      return c.json({});
    })
    .post("/calls/:type/:id/mute", async (c) => {
      const userId = requiredText((await bodyOf(c)).userId, "userId");
      muteUsers(coordinator, callOf(c), [userId], callOf(c).createdById);
      return c.json({});
    })
    .post("/calls/:type/:id/permissions", async (c) => {
      const body = await bodyOf(c);
      changePermissions(coordinator, callOf(c), {
        userId: requiredText(body.userId, "userId"),
        grant: textList(body.grant, "grant"),
        revoke: textList(body.revoke, "revoke"),
      });
      return c.json({});
    })
    .post("/calls/:type/:id/event", async (c) => {
      const body = await bodyOf(c);
      const user = coordinator.users.get(requiredText(body.userId, "userId"));
      if (!user) throw notFound(`the user ${body.userId} does not exist`);
      coordinator.hub.emit(callOf(c).cid, "custom", { custom: record(body.custom), user: userResponse(user) });
      return c.json({});
    })
    .get("/calls/:type/:id/recordings", (c) => c.json(sfu.recordings(cidOf(c)).map(describeRecording)))
    .get("/calls/:type/:id/participants/:sessionId/packets", (c) => {
      const recording = recordingOf(parts, c);
      return c.json({
        ...describeRecording(recording),
        packets: recording.packets.map(({ payload, marker: _, ...packet }) => ({
          ...packet,
          byteCount: payload.length,
        })),
      });
    })
    .get("/calls/:type/:id/participants/:sessionId/audio.wav", async (c) => {
      const { packets } = recordingOf(parts, c);
      const decoder = (await loadOpus()).createDecoder();
      try {
        const wav = encodeWav({ sampleRate: timelineRate, channels: [decodeTimeline(packets, decoder)] });
        return c.body(new Uint8Array(wav), 200, {
          "content-type": "audio/wav",
          "x-started-at-ms": String(packets[0]?.arrivalMs ?? ""),
        });
      } finally {
        decoder.close();
      }
    });
};

/** Those whom a fault is about: every field that is given must fit. */
const selected = (sfu: Sfu, body: Json): SfuParticipant[] =>
  sfu
    .participants(optionalText(body.cid, "cid"))
    .filter(
      ({ user, sessionId }) =>
        (body.userId === undefined || body.userId === user.id) &&
        (body.sessionId === undefined || body.sessionId === sessionId),
    );

const number = (value: unknown, fallback: number): number => (typeof value === "number" ? value : fallback);

const sendSfuEvent = (participant: SfuParticipant, body: Json): void => {
  if (body.event === "goAway") participant.send("goAway", { reason: GoAwayReason.REBALANCE });
  else if (body.event === "callEnded")
    participant.send("callEnded", { reason: number(body.code, CallEndedReason.ENDED) });
  else if (body.event === "error")
    participant.send("error", {
      error: { code: number(body.code, 500), message: String(body.message ?? "set by the test"), shouldRetry: false },
      reconnectStrategy: number(body.strategy, 0),
    });
  else throw inputError('event must be "goAway", "error" or "callEnded"');
};

const faultRoutes = ({ coordinator, sfu }: Parts): Hono =>
  new Hono()
    .get("/faults", (c) =>
      c.json({
        sfu: {
          lossPercent: sfu.faults.lossPercent,
          answersHealthChecks: sfu.faults.answersHealthChecks,
          isDown: sfu.faults.isDown,
        },
        coordinator: { answersHealthChecks: coordinator.answersHealthChecks },
        rest: coordinator.restFaults,
        webhooks: coordinator.webhooks.faults,
      }),
    )
    .post("/faults/close-sfu-socket", async (c) => {
      const body = await bodyOf(c);
      const participants = selected(sfu, body);
      for (const { socket } of participants)
        if (typeof body.code === "number") socket?.close(body.code, "closed by the test");
        else socket?.terminate();
      return c.json({ count: participants.length });
    })
    .post("/faults/sfu-event", async (c) => {
      const body = await bodyOf(c);
      const participants = selected(sfu, body);
      for (const participant of participants) sendSfuEvent(participant, body);
      return c.json({ count: participants.length });
    })
    .post("/faults/health-checks", async (c) => {
      const body = await bodyOf(c);
      sfu.faults.answersHealthChecks = body.sfu !== false;
      coordinator.answersHealthChecks = body.coordinator !== false;
      return c.json({});
    })
    .post("/faults/packet-loss", async (c) => {
      const body = await bodyOf(c);
      sfu.faults.lossPercent = { incoming: number(body.incoming, 0), outgoing: number(body.outgoing, 0) };
      return c.json({});
    })
    .post("/faults/kill-sfu", async (c) => {
      await sfu.kill();
      return c.json({});
    })
    .post("/faults/restore-sfu", (c) => {
      sfu.restore();
      return c.json({});
    })
    .post("/faults/rest", async (c) => {
      const body = await bodyOf(c);
      coordinator.restFaults.push({
        pathEnd: requiredText(body.pathEnd, "pathEnd"),
        status: number(body.status, 500),
        code: number(body.code, apiCode.internal),
        count: number(body.count, 1),
      });
      return c.json({});
    })
    .post("/faults/webhooks", async (c) => {
      Object.assign(coordinator.webhooks, { faults: { ...coordinator.webhooks.faults, ...(await bodyOf(c)) } });
      return c.json(coordinator.webhooks.faults);
    });

export const createControl = (parts: Parts): Hono => {
  const app = new Hono()
    .post("/webhook", async (c) => {
      const body: unknown = await c.req.json();
      parts.coordinator.app.setWebhook(
        isJson(body)
          ? { url: requiredText(body.url, "url"), eventTypes: textList(body.eventTypes, "eventTypes") }
          : null,
      );
      return c.json({});
    })
    .route("/", callRoutes(parts))
    .route("/", faultRoutes(parts));
  app.onError((thrown, c) => {
    const error = asApiError(thrown);
    return c.json({ error: error.message }, error.status as 400);
  });
  return app;
};
