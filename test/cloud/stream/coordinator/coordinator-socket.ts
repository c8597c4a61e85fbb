import type { WebSocket } from "ws";
import { ApiError, apiCode, asApiError } from "./api-error.ts";
import type { Coordinator } from "./coordinator.ts";
import { isJson, type Json, record } from "./fields.ts";
import type { Connection } from "./hub.ts";
import { verifyToken } from "./tokens.ts";
import { userResponse } from "./users.ts";

/** A client that has not authenticated by then, or was silent for as long, is closed. */
const silenceLimitMs = 35_000;

const parse = (data: Buffer): unknown => {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch {
    return undefined;
  }
};

const authenticated = (coordinator: Coordinator, apiKey: string | null, message: Json) => {
  if (apiKey !== coordinator.apiKey)
    throw new ApiError(401, apiCode.accessKey, "api_key is missing or not that of this app");
  const caller = verifyToken(String(message.token ?? ""), coordinator.apiSecret, Date.now());
  if (caller.kind === "server") throw new ApiError(401, apiCode.auth, "a coordinator socket needs a user token");
  const details = record(message.user_details);
  if (details.id !== undefined && details.id !== caller.userId)
    throw new ApiError(401, apiCode.auth, "user_details.id is not the user_id of the token");
  return coordinator.users.connect(caller.userId, details);
};

/**
 * Serves one coordinator WebSocket: the first frame authenticates (and creates the user), every later one is a health
 * check and is answered as such, events of watched calls come in between.
 */
export const serveCoordinatorSocket = (coordinator: Coordinator, socket: WebSocket, query: URLSearchParams): void => {
  let connection: Connection | undefined;
  const send = (message: Json) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  const end = (code?: number) => {
    if (code === undefined) socket.terminate();
    else socket.close(code, "closed by the test");
  };
  const deadline = setTimeout(() => socket.close(4000, "silent for too long"), silenceLimitMs);
  socket.on("close", () => {
    clearTimeout(deadline);
    if (!connection) return;
    coordinator.hub.close(connection);
    coordinator.log.record("stream", "coordinator.closed", { userId: connection.userId });
  });
  socket.on("error", (error) => coordinator.log.record("stream", "coordinator.error", { message: error.message }));
  socket.on("message", (data: Buffer) => {
    deadline.refresh();
    const createdAt = new Date().toISOString();
    if (connection) {
      if (coordinator.socketFaults.answersHealthChecks)
        send({ type: "health.check", connection_id: connection.id, created_at: createdAt, custom: {} });
      return;
    }
    try {
      const fault = coordinator.socketFaults.takeError();
      if (fault) throw new ApiError(fault.status, fault.code, "a fault set by the test");
      const message = parse(data);
      const user = authenticated(coordinator, query.get("api_key"), isJson(message) ? message : {});
      connection = coordinator.hub.open({ userId: user.id, send, end });
      coordinator.log.record("stream", "coordinator.connected", { userId: user.id });
      send({
        type: "connection.ok",
        connection_id: connection.id,
        created_at: createdAt,
        me: { ...userResponse(user), devices: [] },
      });
    } catch (thrown) {
      const error = asApiError(thrown);
      send({ type: "connection.error", connection_id: "", created_at: createdAt, error: error.body() });
      socket.close(4001, "not authenticated");
    }
  });
};
