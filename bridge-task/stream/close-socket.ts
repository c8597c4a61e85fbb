import { WebSocket } from "ws";
import { deferred, withDeadline } from "../deadline.ts";

/** A close frame's reason holds 123 bytes at most (RFC 6455 §5.5). */
const maxReasonLength = 100;

/** Closes a socket with a close frame, by force where none is answered within `timeoutMs`. Idempotent; never throws. */
export const closeSocket = async (
  socket: WebSocket,
  { code, reason, timeoutMs }: { code: number; reason: string; timeoutMs: number },
): Promise<void> => {
  if (socket.readyState === WebSocket.CLOSED) return;
  const gone = deferred();
  socket.once("close", () => gone.resolve());
  socket.close(code, reason.slice(0, maxReasonLength));
  try {
    await withDeadline(gone.promise, timeoutMs, "closing the socket");
  } catch {
    // A peer that is gone does not answer a close frame, and a dead one is no reason to keep a descriptor.
    socket.terminate();
  }
};
