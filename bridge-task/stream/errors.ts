import { BridgeError, type BridgeErrorOptions } from "../errors.ts";

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

/** The call is over; there is nothing to join. */
export class CallEndedError extends BridgeError {
  constructor(message: string, options: BridgeErrorOptions = {}) {
    super("call_ended", message, options);
  }
}

/** The SFU refused the join or a request, or was lost. `edgeIsBad`: another SFU may do what this one cannot. */
export class SfuError extends BridgeError {
  readonly edgeIsBad: boolean;

  constructor(message: string, { edgeIsBad = false, ...options }: BridgeErrorOptions & { edgeIsBad?: boolean } = {}) {
    super("stream_sfu", message, options);
    this.edgeIsBad = edgeIsBad;
  }
}
