import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { BridgeError, messageOf } from "../../../../bridge-task/errors.ts";
import { ErrorCode, PeerType, TrackType } from "../../../../bridge-task/stream/generated/models_pb.js";
import { SignalServer } from "../../../../bridge-task/stream/generated/signal_pb.js";
import type { SfuParticipant } from "./participant.ts";
import { parseCandidate } from "./peer.ts";
import { Publisher } from "./publisher.ts";
import type { SfuRoom } from "./room.ts";
import type { Sfu } from "./sfu.ts";

/** An answer with HTTP status 200 whose `error` field is set. */
class RpcError extends BridgeError {
  readonly errorCode: ErrorCode;

  constructor(errorCode: ErrorCode, message: string) {
    super("sfu_rpc_error", message);
    this.errorCode = errorCode;
  }
}

interface Caller {
  sfu: Sfu;
  room: SfuRoom;
  participant: SfuParticipant;
}

interface Method {
  input: DescMessage;
  output: DescMessage;
  handle: (caller: Caller, request: never) => Promise<Record<string, unknown>> | Record<string, unknown>;
}

const methods = new Map<string, Method>();

const method = <I extends DescMessage, O extends DescMessage>(
  descriptor: DescMethodUnary<I, O>,
  handle: (caller: Caller, request: MessageShape<I>) => Promise<MessageInitShape<O>> | MessageInitShape<O>,
): void => {
  methods.set(descriptor.name, {
    input: descriptor.input,
    output: descriptor.output,
    handle: handle as Method["handle"],
  });
};

const signal = SignalServer.method;

method(signal.setPublisher, async ({ sfu, room, participant }, { sdp, sessionId, tracks }) => {
  if (!sfu.canPublishAudio(participant.cid, participant.user.id))
    throw new RpcError(ErrorCode.PERMISSION_DENIED, "send-audio is missing");
  if (!tracks.some(({ trackType }) => trackType === TrackType.AUDIO))
    throw new RpcError(ErrorCode.REQUEST_VALIDATION_FAILED, "no audio track is announced: this SFU carries audio only");
  const ids = { cid: participant.cid, userId: participant.user.id, sessionId };
  participant.publisher ??= new Publisher({
    onPacket: (packet) => room.receive(participant, packet),
    onState: (state) => sfu.options.log.record("stream", `sfu.publisher_${state}`, ids),
  });
  return { sdp: await participant.publisher.answer(sdp), sessionId };
});

method(signal.sendAnswer, async ({ participant }, { sdp, negotiationId, peerType }) => {
  if (peerType !== PeerType.SUBSCRIBER)
    throw new RpcError(ErrorCode.REQUEST_VALIDATION_FAILED, "only the subscriber is offered anything");
  // An answer that comes too late for its offer is no error: the next offer is out.
  await participant.subscriber.answered(sdp, negotiationId);
  return {};
});

method(signal.iceTrickle, async ({ participant }, { iceCandidate, peerType }) => {
  const candidate = parseCandidate(iceCandidate);
  const peer = peerType === PeerType.SUBSCRIBER ? participant.subscriber : participant.publisher;
  // A candidate of a superseded ICE generation is refused by werift and of no use.
  if (candidate) await peer?.addCandidate(candidate).catch(() => undefined);
  return {};
});

method(signal.updateSubscriptions, ({ room, participant }, { tracks }) => {
  participant.explicitSources = new Set(
    tracks.filter(({ trackType }) => trackType === TrackType.AUDIO).map(({ sessionId }) => sessionId),
  );
  room.updateSubscriptions(participant);
  return {};
});

method(signal.updateMuteStates, ({ sfu, room, participant }, { muteStates }) => {
  const audio = muteStates.find(({ trackType }) => trackType === TrackType.AUDIO);
  if (!audio) return {};
  if (!audio.muted && !sfu.canPublishAudio(participant.cid, participant.user.id))
    throw new RpcError(ErrorCode.PERMISSION_DENIED, "send-audio is missing");
  room.setMuted(participant, audio.muted);
  return {};
});

method(signal.iceRestart, ({ participant }, { peerType }) => {
  if (peerType === PeerType.SUBSCRIBER) participant.subscriber.restartIce();
  else participant.send("iceRestart", { peerType });
  return {};
});

method(signal.sendStats, () => ({}));
method(signal.startNoiseCancellation, () => ({}));
method(signal.stopNoiseCancellation, () => ({}));

const twirpError = (c: Context, status: 400 | 401 | 404 | 500, code: string, msg: string): Response =>
  c.json({ code, msg, meta: {} }, status);

/** POST /{service}/{method} in twirp's JSON and protobuf form; the answer takes the form of the request. */
export const rpcRoutes = (sfu: Sfu) =>
  new Hono<{ Bindings: HttpBindings }>().post("/stream.video.sfu.signal.SignalServer/:method", async (c) => {
    if (sfu.faults.isDown) c.env.incoming.socket.destroy();
    const method = methods.get(c.req.param("method"));
    if (!method) return twirpError(c, 404, "bad_route", `no method ${c.req.param("method")}`);
    // Stream's Python SDK sends the bare token.
    const grant = sfu.grant((c.req.header("authorization") ?? "").replace(/^Bearer /, ""));
    if (!grant) return twirpError(c, 401, "unauthenticated", "the token is not one of this SFU");
    const isJson = (c.req.header("content-type") ?? "").startsWith("application/json");
    let request: MessageShape<DescMessage>;
    try {
      request = isJson
        ? fromJson(method.input, await c.req.json(), { ignoreUnknownFields: true })
        : fromBinary(method.input, new Uint8Array(await c.req.arrayBuffer()));
    } catch (error) {
      return twirpError(c, 400, "malformed", messageOf(error));
    }
    const output = create(method.output, await answer(sfu, grant, method, request));
    if (isJson) return c.json(toJson(method.output, output) as JsonObject);
    return c.body(new Uint8Array(toBinary(method.output, output)), 200, { "content-type": "application/protobuf" });
  });

const answer = async (
  sfu: Sfu,
  grant: { cid: string; userId: string },
  method: Method,
  request: MessageShape<DescMessage>,
): Promise<Record<string, unknown>> => {
  try {
    const sessionId = String((request as { sessionId?: unknown }).sessionId ?? "");
    const room = sfu.room(grant.cid);
    const participant = room.find(sessionId);
    if (!participant || participant.user.id !== grant.userId)
      throw new RpcError(ErrorCode.PARTICIPANT_NOT_FOUND, `session ${sessionId} is not in ${grant.cid}`);
    return await method.handle({ sfu, room, participant }, request as never);
  } catch (error) {
    const code = error instanceof RpcError ? error.errorCode : ErrorCode.INTERNAL_SERVER_ERROR;
    sfu.options.log.record("stream", "sfu.rpc_error", { code: ErrorCode[code], message: messageOf(error) });
    return { error: { code, message: messageOf(error), shouldRetry: false } };
  }
};
