import { BridgeError } from "../../bridge-task/errors.ts";
import { LaunchError } from "../dispatch/dispatcher.ts";
import type { ErrorBody, FieldProblem } from "./types.ts";

export type ErrorStatus = 400 | 401 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503;

/** What a request is turned away with. */
export class ApiError extends BridgeError {
  readonly status: ErrorStatus;
  readonly body: ErrorBody;
  readonly headers: Record<string, string>;

  constructor(status: ErrorStatus, body: ErrorBody, headers: Record<string, string> = {}) {
    super(body.error, body.message, { retryable: status === 429 || status === 503 });
    this.status = status;
    this.body = body;
    const { retryAfterSeconds } = body;
    this.headers =
      retryAfterSeconds === undefined ? headers : { ...headers, "retry-after": String(Math.ceil(retryAfterSeconds)) };
  }
}

export const invalid = (fields: FieldProblem[]): ApiError => {
  const told = fields.map(({ field, problem, mend }) => `${field || "the body"} ${problem}: ${mend}`);
  return new ApiError(422, { error: "invalid", message: told.join(". "), fields });
};

const retryAfterSeconds = 2;

/** Errors of the AWS clients tell of the exchange that they come from. */
const isOfAws = (error: unknown): boolean => error instanceof Error && "$metadata" in error;

/** Whatever a handler threw, as an answer: what may succeed later is 503, what nobody foresaw is 500 and says nothing more. */
export const apiErrorOf = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  if (error instanceof LaunchError) {
    const message =
      "ECS did not start the agent's task: send the same request again; if it stays so, look at the log of the webhook function";
    return new ApiError(503, { error: error.code, message, retryAfterSeconds });
  }
  if ((error instanceof BridgeError && error.retryable) || isOfAws(error)) {
    const message =
      "DynamoDB or ECS refused, or did not answer in time: send the same request again (a message may then be heard twice); if it stays so, look at the log of the webhook function";
    return new ApiError(503, { error: "aws_failed", message, retryAfterSeconds });
  }
  return new ApiError(500, {
    error: "internal",
    message: "an error nobody foresaw: the log of the webhook function has it",
  });
};
