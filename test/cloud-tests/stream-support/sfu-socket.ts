import { once } from "node:events";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { withDeadline } from "../../../bridge-task/deadline.ts";
import { type SfuEvent, SfuEventSchema, SfuRequestSchema } from "../../../bridge-task/stream/generated/events_pb.js";
import { rawToken, type TestCloud } from "./cloud.ts";

type Request = NonNullable<MessageInitShape<typeof SfuRequestSchema>["requestPayload"]>;
type Payload = SfuEvent["eventPayload"];
type ValueOf<Name> = Extract<Payload, { case: Name }>["value"] & object;

export interface Credentials {
  token: string;
  server: { edge_name: string; url: string; ws_endpoint: string };
}

/** Joins through the coordinator only. */
export const credentialsFor = async (test: TestCloud, userId: string, callId: string): Promise<Credentials> => {
  const body = { location: "auto", create: true };
  const answer = await test.rest("POST", `/video/call/default/${callId}/join`, rawToken({ user_id: userId }), body);
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body.credentials;
};

/** A bare SFU socket: what a test sends goes out as it is, what comes in can be waited for. */
export const openSfuSocket = async ({ server }: Credentials) => {
  const socket = new WebSocket(server.ws_endpoint);
  const events: Payload[] = [];
  const waiting = new Set<() => void>();
  socket.on("message", (data: Buffer) => {
    events.push(fromBinary(SfuEventSchema, data).eventPayload);
    for (const look of waiting) look();
  });
  const closed = once(socket, "close").then(([code]) => code as number);
  await once(socket, "open");
  return {
    socket,
    events,
    closed,
    send: (requestPayload: Request) =>
      socket.send(toBinary(SfuRequestSchema, create(SfuRequestSchema, { requestPayload }))),
    /** The next event of this name; each is given once. */
    next<Name extends Payload["case"]>(name: Name): Promise<ValueOf<Name>> {
      const { promise, resolve } = Promise.withResolvers<ValueOf<Name>>();
      const look = () => {
        const at = events.findIndex((event) => event.case === name);
        if (at >= 0) resolve(events.splice(at, 1)[0]?.value as ValueOf<Name>);
      };
      waiting.add(look);
      look();
      return withDeadline(promise, 3_000, `the event ${name}`).finally(() => waiting.delete(look));
    },
  };
};
