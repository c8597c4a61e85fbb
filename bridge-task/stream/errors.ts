import { BridgeError, type BridgeErrorOptions } from "../errors.ts";
import type { EndReason } from "../job.ts";

/**
 * The coordinator (Stream's REST API) refused a request or could not be reached.
 * `status` is the HTTP status, `apiCode` the code of Stream's error body; each is undefined where there was none.
 */
export class CoordinatorError extends BridgeError {
  readonly status: number | undefined;
  readonly apiCode: number | undefined;

  constructor(
    message: string,
    { status, apiCode, ...options }: BridgeErrorOptions & { status?: number | undefined; apiCode?: number | undefined },
  ) {
    super("stream_coordinator", message, { ...options, data: { ...options.data, status, apiCode } });
    this.status = status;
    this.apiCode = apiCode;
  }
}

/** Why a call does not take a user in, as it stands. */
export type RefusalReason = Extract<
  EndReason,
  "call_ended" | "kicked" | "blocked" | "e2ee" | "backstage" | "no_permission" | "call_full"
>;

/**
 * The call does not take the user in as it stands: asking again, without anything having changed, gets the same answer.
 * `reason`, which is the `code` as well, says why; the message how to mend it.
 */
export class CallRefusedError extends BridgeError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, options: BridgeErrorOptions = {}) {
    super(reason, message, options);
    this.reason = reason;
  }
}

/** The call is over; there is nothing to join. */
export class CallEndedError extends CallRefusedError {
  constructor(message: string, options: BridgeErrorOptions = {}) {
    super("call_ended", message, options);
  }
}

/** What an SFU's error says of where to go on. */
export interface SfuErrorOptions extends BridgeErrorOptions {
  /** Another SFU may do what this one cannot. */
  edgeIsBad?: boolean;
  /** There was no room: on this SFU, or in the call. */
  isFull?: boolean;
}

/** The SFU refused the join or a request, or was lost. */
export class SfuError extends BridgeError {
  readonly edgeIsBad: boolean;
  readonly isFull: boolean;

  constructor(message: string, { edgeIsBad = false, isFull = false, ...options }: SfuErrorOptions = {}) {
    super("stream_sfu", message, options);
    this.edgeIsBad = edgeIsBad;
    this.isFull = isFull;
  }
}
