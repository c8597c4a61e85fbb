import type { ErrorBody, FieldProblem } from "./types.ts";

export interface AgentsApiErrorFacts {
  /** 0: no answer came. */
  status: number;
  code: string;
  message: string;
  fields?: readonly FieldProblem[];
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** A request that did not succeed. `message` says what to do. */
export class AgentsApiError extends Error {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** A stable word, such as "invalid", "call_ended", "cap_reached", "unreachable", "timeout", "bad_address". */
  readonly code: string;
  /** Each field that cannot be used, and its mend; empty unless `code` is "invalid". */
  readonly fields: readonly FieldProblem[];
  /** The same request may succeed later; every request may safely be repeated but `say`, which may then be heard twice. */
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor({ status, code, message, fields = [], retryAfterSeconds, cause }: AgentsApiErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AgentsApiError";
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryable = code === "unreachable" || code === "timeout" || status === 429 || status >= 500;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const isErrorBody = (body: unknown): body is ErrorBody =>
  typeof body === "object" && body !== null && "error" in body && "message" in body;

/** The error that an answer stands for. Something between us and the function may have answered in its place. */
export const errorOfAnswer = (status: number, body: unknown, address: string): AgentsApiError => {
  // Browsers tell of a redirect that is not followed by status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    const message = `${address} answered with a redirect, which is not followed: make url the final address`;
    return new AgentsApiError({ status, code: "bad_answer", message });
  }
  if (!isErrorBody(body)) {
    const message = `${address} answered ${status}, and not as the agents API does: is the url that of the deployment's webhook function?`;
    return new AgentsApiError({ status, code: "bad_answer", message });
  }
  const { error, message, fields, retryAfterSeconds } = body;
  return new AgentsApiError({
    status,
    code: String(error),
    message: String(message),
    ...(Array.isArray(fields) ? { fields } : {}),
    ...(typeof retryAfterSeconds === "number" ? { retryAfterSeconds } : {}),
  });
};
