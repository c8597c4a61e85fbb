import { BridgeError, messageOf } from "../../../../bridge-task/errors.ts";

/** The `code` of Stream's error bodies, as its clients know them. */
export const apiCode = {
  internal: -1,
  accessKey: 2,
  input: 4,
  auth: 5,
  rateLimit: 9,
  notFound: 16,
  notAllowed: 17,
  tokenExpired: 40,
  tokenNotYetValid: 41,
  tokenUsedBeforeIssued: 42,
  badSignature: 43,
  connectionNotFound: 46,
} as const;

export interface ApiErrorBody {
  code: number;
  message: string;
  StatusCode: number;
  duration: string;
  more_info: string;
  details: number[];
  unrecoverable?: boolean;
}

/** A request that Stream would refuse: becomes the error body of a REST answer, or of `connection.error`. */
export class ApiError extends BridgeError {
  readonly status: number;
  readonly apiCode: number;

  constructor(status: number, code: number, message: string) {
    super("stream_api_error", message, { retryable: status >= 500 || status === 429, data: { status, apiCode: code } });
    this.status = status;
    this.apiCode = code;
  }

  body(durationMs = 0): ApiErrorBody {
    return {
      code: this.apiCode,
      message: this.message,
      StatusCode: this.status,
      duration: `${durationMs.toFixed(2)}ms`,
      more_info: "https://getstream.io/video/docs/",
      details: [],
    };
  }
}

export const inputError = (message: string): ApiError => new ApiError(400, apiCode.input, message);
export const notFound = (message: string): ApiError => new ApiError(404, apiCode.notFound, message);
export const notAllowed = (message: string): ApiError => new ApiError(403, apiCode.notAllowed, message);

/** Any thrown value as an ApiError: what is not one already is our own fault, a 500. */
export const asApiError = (thrown: unknown): ApiError =>
  thrown instanceof ApiError ? thrown : new ApiError(500, apiCode.internal, messageOf(thrown));
