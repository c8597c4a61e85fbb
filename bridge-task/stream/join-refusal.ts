import type { BridgeError } from "../errors.ts";
import { CallEndedError, CallRefusedError, SfuError } from "./errors.ts";
import { ErrorCode, type Error as SfuErrorMessage, type WebsocketReconnectStrategy } from "./generated/models_pb.js";
import { describeError, judgeRefusal, type Verdict } from "./verdict.ts";

/** The SFU's error in the place of its JoinResponse. */
export const refusedJoin = (error: SfuErrorMessage | undefined, strategy: WebsocketReconnectStrategy): BridgeError => {
  const message = `the SFU refused the join: ${describeError(error)}`;
  if (error?.code === ErrorCode.CALL_NOT_FOUND) return new CallEndedError(message);
  if (error?.code === ErrorCode.LIVE_ENDED) return new CallRefusedError("backstage", message);
  return new SfuError(message, judgeRefusal(error, strategy));
};

/** The SFU let us in, and sent us away before our voice was connected. */
export const endedJoin = (verdict: Exclude<Verdict, { type: "stay" }>): BridgeError => {
  const message = `the SFU ended the join: ${verdict.detail}`;
  if (verdict.type === "reconnect") return new SfuError(message, { retryable: true, edgeIsBad: true });
  const { cause } = verdict;
  if (cause === "call_ended") return new CallEndedError(message);
  return cause === "kicked" || cause === "blocked" || cause === "backstage"
    ? new CallRefusedError(cause, message)
    : new SfuError(message);
};
