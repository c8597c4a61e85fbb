/** What a caller may do about an error: the same request may succeed later, or it never will as it stands. */
export interface BridgeErrorOptions {
  retryable?: boolean;
  cause?: unknown;
  /** Facts for the log: never secrets, never speech. */
  data?: Record<string, unknown>;
}

/**
 * Base of every error this project throws on purpose.
 * `code` is stable and machine-readable; `message` says what happened and what to do next.
 */
export class BridgeError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly data: Record<string, unknown>;

  constructor(code: string, message: string, { retryable = false, cause, data = {} }: BridgeErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
    this.data = data;
  }
}

/** A wait passed its deadline. */
export class TimeoutError extends BridgeError {
  constructor(what: string, timeoutMs: number, options: BridgeErrorOptions = {}) {
    super("timeout", `${what} took longer than ${timeoutMs} ms`, { retryable: true, ...options });
  }
}

/** Nobody waits for the outcome any more. */
export class AbortedError extends BridgeError {
  constructor(what: string, options: BridgeErrorOptions = {}) {
    super("aborted", `${what} was given up: nobody waits for it any more`, options);
  }
}

/** Settings, a job or an argument cannot be used as given. */
export class InvalidInputError extends BridgeError {
  constructor(message: string, options: BridgeErrorOptions = {}) {
    super("invalid_input", message, options);
  }
}

/** The message of anything that was thrown, for logs and wrapped errors. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
