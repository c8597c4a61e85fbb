import {
  CallEndedReason,
  ErrorCode,
  GoAwayReason,
  PeerType,
  type Error as SfuErrorMessage,
  WebsocketReconnectStrategy as Strategy,
} from "./generated/models_pb.js";
import type { SfuEventPayload } from "./sfu-events.ts";

/** Why a participant is no longer in the call. */
export type LeaveCause = "left" | "call_ended" | "backstage" | "kicked" | "blocked" | "sfu_lost" | "refused";

/** What an event of the SFU means for our stay: nothing, its end, or a new connection. */
export type Verdict =
  | { type: "stay" }
  | { type: "end"; cause: LeaveCause; detail: string }
  | { type: "reconnect"; strategy: "fast" | "rejoin" | "migrate"; detail: string };

const stay: Verdict = { type: "stay" };

export const describeError = (error: SfuErrorMessage | undefined): string =>
  error
    ? `${ErrorCode[error.code] ?? error.code}${error.message === "" ? "" : `: ${error.message}`}`
    : "no reason given";

/** What an error that ends a stay ends it as. */
const causeOf = (code: ErrorCode | undefined): LeaveCause => {
  if (code === ErrorCode.LIVE_ENDED) return "backstage";
  return code === ErrorCode.CALL_NOT_FOUND ? "call_ended" : "refused";
};

/** Who may be in backstage stays when the call goes back to it. */
const liveEnded = (capabilities: readonly string[], detail: string): Verdict =>
  capabilities.includes("join-backstage") ? stay : { type: "end", cause: "backstage", detail };

const ofError = (error: SfuErrorMessage | undefined, strategy: Strategy, capabilities: readonly string[]): Verdict => {
  const detail = describeError(error);
  switch (strategy) {
    case Strategy.DISCONNECT:
      return { type: "end", cause: causeOf(error?.code), detail };
    case Strategy.FAST:
      return { type: "reconnect", strategy: "fast", detail };
    case Strategy.REJOIN:
      return { type: "reconnect", strategy: "rejoin", detail };
    case Strategy.MIGRATE:
      return { type: "reconnect", strategy: "migrate", detail };
    default:
      // No strategy: the SFU only tells. A live stream that ended is the one such error that ends a stay.
      return error?.code === ErrorCode.LIVE_ENDED ? liveEnded(capabilities, detail) : stay;
  }
};

/** Judges one event that came after the JoinResponse. `capabilities`: ours in the call. */
export const verdictOf = (event: SfuEventPayload, capabilities: readonly string[] = []): Verdict => {
  switch (event.case) {
    case "callEnded": {
      const { reason } = event.value;
      const detail = CallEndedReason[reason] ?? String(reason);
      if (reason === CallEndedReason.LIVE_ENDED) return liveEnded(capabilities, detail);
      return { type: "end", cause: reason === CallEndedReason.KICKED ? "kicked" : "call_ended", detail };
    }
    case "error":
      return ofError(event.value.error, event.value.reconnectStrategy, capabilities);
    case "goAway": {
      const { reason } = event.value;
      return { type: "reconnect", strategy: "migrate", detail: `the SFU goes away: ${GoAwayReason[reason] ?? reason}` };
    }
    case "iceRestart":
      // The subscriber's restart comes as an offer of the SFU; the publisher's is ours to make.
      return event.value.peerType === PeerType.SUBSCRIBER
        ? stay
        : { type: "reconnect", strategy: "fast", detail: "the SFU asks for an ICE restart" };
    default:
      return stay;
  }
};

/** Codes that say "not this SFU", so that the next join should ask for another (Stream's JavaScript client). */
const edgeCodes = new Set([ErrorCode.CALL_PARTICIPANT_LIMIT_REACHED, ErrorCode.SFU_SHUTTING_DOWN, ErrorCode.SFU_FULL]);
const fullCodes = new Set([ErrorCode.CALL_PARTICIPANT_LIMIT_REACHED, ErrorCode.SFU_FULL]);
const finalCodes = new Set([
  ErrorCode.LIVE_ENDED,
  ErrorCode.CALL_NOT_FOUND,
  ErrorCode.REQUEST_VALIDATION_FAILED,
  ErrorCode.UNAUTHENTICATED,
  ErrorCode.PERMISSION_DENIED,
]);

/** Judges an error that came instead of the JoinResponse, or in a request's answer: may it be tried again, and there? */
export const judgeRefusal = (
  error: SfuErrorMessage | undefined,
  strategy: Strategy = Strategy.UNSPECIFIED,
): { retryable: boolean; edgeIsBad: boolean; isFull: boolean } => ({
  retryable: strategy !== Strategy.DISCONNECT && !(error && finalCodes.has(error.code)),
  edgeIsBad: error !== undefined && edgeCodes.has(error.code),
  isFull: error !== undefined && fullCodes.has(error.code),
});
