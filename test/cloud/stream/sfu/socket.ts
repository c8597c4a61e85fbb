import { fromBinary } from "@bufbuild/protobuf";
import type { RawData, WebSocket } from "ws";
import { messageOf } from "../../../../bridge-task/errors.ts";
import {
  type JoinRequest,
  type SfuRequest,
  SfuRequestSchema,
} from "../../../../bridge-task/stream/generated/events_pb.js";
import { ErrorCode, WebsocketReconnectStrategy } from "../../../../bridge-task/stream/generated/models_pb.js";
import { type Joined, type JoinRefusal, join, joinResponse } from "./join.ts";
import { encodeEvent } from "./messages.ts";
import type { ParticipantSocket } from "./participant.ts";
import type { Sfu } from "./sfu.ts";

const { REJOIN } = WebsocketReconnectStrategy;

/** Close codes of Stream's browser SDK after which its session is not coming back. */
const leavesForGood = new Set([1000, 4101]);

const bytesOf = (data: RawData): Uint8Array =>
  Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data;

/**
 * Serves one SFU WebSocket: the first frame joins, then health checks and the leave request. A socket that is lost
 * leaves its participant in the call for the fast reconnect deadline; one that is closed cleanly, or a leave request,
 * ends it at once.
 */
export const serveSfuSocket = (sfu: Sfu, ws: WebSocket): void => {
  let joined: Joined | undefined;
  const { timers, sockets } = sfu;
  sockets.add(ws);
  const socket: ParticipantSocket = {
    send: (frame) => ws.readyState === ws.OPEN && ws.send(frame),
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
  };
  const silence = setTimeout(() => ws.terminate(), sfu.options.silenceLimitMs);
  timers.add(silence);

  const refuse = ({ code, message, strategy }: JoinRefusal) => {
    sfu.options.log.record("stream", "sfu.refused", { code: ErrorCode[code], message });
    const error = { error: { code, message, shouldRetry: false }, reconnectStrategy: strategy };
    socket.send(encodeEvent("error", error));
    socket.close(4000, message);
  };
  const enter = (request: JoinRequest) => {
    const result = join(sfu, request, socket);
    if ("refused" in result) return refuse(result.refused);
    joined = result.joined;
    const { participant, room, isReattached } = joined;
    participant.send("joinResponse", joinResponse(sfu, joined));
    room.updateSubscriptions(participant);
    if (!isReattached) return;
    sfu.options.log.record("stream", "sfu.reattached", { cid: room.cid, sessionId: participant.sessionId });
    participant.subscriber
      .abandonPendingOffer()
      .then(() => participant.subscriber.restartIce())
      .catch((error: unknown) => sfu.options.log.record("stream", "sfu.error", { message: messageOf(error) }));
  };
  const receive = ({ requestPayload }: SfuRequest) => {
    if (requestPayload.case === "joinRequest") return enter(requestPayload.value);
    if (!joined) return;
    const { participant, room } = joined;
    if (requestPayload.case === "leaveCallRequest") return room.remove(participant, "left");
    if (requestPayload.case === "healthCheckRequest" && sfu.faults.answersHealthChecks)
      participant.send("healthCheckResponse", { participantCount: { total: room.participants.length, anonymous: 0 } });
  };

  ws.on("message", (data) => {
    silence.refresh();
    try {
      receive(fromBinary(SfuRequestSchema, bytesOf(data)));
    } catch (error) {
      refuse({ code: ErrorCode.INTERNAL_SERVER_ERROR, message: messageOf(error), strategy: REJOIN });
    }
  });
  ws.on("error", (error) => sfu.options.log.record("stream", "sfu.error", { message: error.message }));
  ws.on("close", (code) => {
    clearTimeout(silence);
    timers.delete(silence);
    sockets.delete(ws);
    if (!joined || joined.participant.isGone || joined.participant.socket !== socket) return;
    const { participant, room } = joined;
    participant.socket = undefined;
    sfu.options.log.record("stream", "sfu.socket_lost", { cid: room.cid, sessionId: participant.sessionId, code });
    if (leavesForGood.has(code)) return room.remove(participant, "closed");
    const deadline = setTimeout(() => {
      timers.delete(deadline);
      if (participant.socket === undefined) room.remove(participant, "connection_lost");
    }, sfu.options.fastReconnectDeadlineSeconds * 1000);
    timers.add(deadline);
  });
};
