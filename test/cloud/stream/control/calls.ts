import { type Context, Hono } from "hono";
import { loadOpus } from "../../../../bridge-task/audio/opus.ts";
import { encodeWav } from "../../../support/wav.ts";
import { notFound } from "../coordinator/api-error.ts";
import type { CallRecord } from "../coordinator/calls.ts";
import { type Json, optionalText, record, requiredText, textList } from "../coordinator/fields.ts";
import { blockUser, changePermissions, endCall, endSession, kickUser, muteUsers } from "../coordinator/moderation.ts";
import { userResponse } from "../coordinator/users.ts";
import type { SfuParticipant } from "../sfu/participant.ts";
import type { Recording } from "../sfu/recording.ts";
import { decodeTimeline, timelineRate } from "../sfu/timeline.ts";
import { bodyOf, callAt, cidAt, type Parts } from "./parts.ts";

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
  const recording = sfu.recording(cidAt(c), c.req.param("sessionId") ?? "");
  if (!recording) throw notFound(`session ${c.req.param("sessionId")} was never in ${cidAt(c)}`);
  return recording;
};

/** Routes that look at calls and act on them. */
export const callRoutes = (parts: Parts): Hono => {
  const { coordinator, sfu } = parts;
  const callOf = (c: Context) => callAt(parts, c);
  return new Hono()
    .get("/calls", (c) => c.json(coordinator.calls.all().map((call) => describeCall(parts, call))))
    .get("/calls/:type/:id", (c) => c.json(describeCall(parts, callOf(c))))
    .post("/calls/:type/:id/end", async (c) => {
      const { reason, sfu: tellsSfu } = await bodyOf(c);
      endCall(coordinator, callOf(c), { reason: optionalText(reason, "reason"), tellsSfu: tellsSfu !== false });
      return c.json({});
    })
    .post("/calls/:type/:id/end-session", (c) => {
      endSession(coordinator, callOf(c));
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
    .get("/calls/:type/:id/recordings", (c) => c.json(sfu.recordings(cidAt(c)).map(describeRecording)))
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
