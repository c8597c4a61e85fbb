import { BridgeError } from "../errors.ts";

export type OutgoingCode =
  /** The URL, or every address of its host, is one that the bridge does not connect to. */
  | "url_refused"
  /** The host has no address, or nobody answers there. */
  | "unreachable"
  | "timed_out"
  /** A redirect: it is never followed. */
  | "redirected"
  /** Any other answer than 2xx. */
  | "bad_status"
  /** The connection ended in the middle of the answer, or what came is no HTTP. */
  | "broken_answer";

/** A POST to the application was not accepted. `retryable`: the same may succeed later. */
export class OutgoingError extends BridgeError {
  declare readonly code: OutgoingCode;
  /** The answer's status, where there was one. */
  readonly status: number | undefined;
  /** The beginning of the body of an answer that is no 2xx, where answers are read. Somebody else's words: not for the log. */
  readonly body: string;

  constructor(
    code: OutgoingCode,
    message: string,
    {
      status,
      body = "",
      ...options
    }: { retryable?: boolean; cause?: unknown; status?: number | undefined; body?: string } = {},
  ) {
    super(code, message, { ...options, data: status === undefined ? {} : { status } });
    this.status = status;
    this.body = body;
  }
}
