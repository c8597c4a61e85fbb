import { InvalidInputError, messageOf } from "../errors.ts";
import type { UrlTool } from "../job.ts";
import { type OutgoingCode, OutgoingError } from "../outgoing/errors.ts";
import { postSigned } from "../outgoing/signed-post.ts";
import { checkUrl } from "../outgoing/url-policy.ts";
import { maxOutputBytes, tooLongError } from "../realtime/tools/output.ts";
import { ToolError } from "../realtime/tools/tool-error.ts";
import type { ToolHandler } from "../realtime/tools/toolbox.ts";
import type { ToolDependencies } from "./context.ts";
import { toolRequestOf } from "./request.ts";

/** What a failed POST is to the model. Hosts and addresses stay out of it. */
const failures: Readonly<Record<OutgoingCode, string>> = {
  url_refused: "is not available: its address cannot be used.",
  unreachable: "could not be reached. It may work later.",
  timed_out: "took too long. It may still succeed; its result is not known.",
  redirected: "is not available: it has moved.",
  bad_status: "failed.",
  broken_answer: "failed: its answer broke off.",
};

const maxComplaint = 500;
/** How much of an answer is read. Some write JSON with spaces and escapes; what counts is its size without them. */
const maxAnswerBytes = 4 * maxOutputBytes;

/** What the application says is wrong with the request: `error` or `message` of a 4xx answer. The model may mend it, or say so. */
const complaintIn = ({ status, body }: OutgoingError): string => {
  if (status === undefined || status < 400 || status >= 500) return "";
  try {
    const { error, message } = JSON.parse(body) as Record<string, unknown>;
    const words = [error, message].find((each) => typeof each === "string" && each !== "");
    return typeof words === "string" ? ` ${words.slice(0, maxComplaint)}` : "";
  } catch {
    // No JSON, or cut: its status is all that is known.
    return "";
  }
};

const toolErrorOf = (name: string, cause: unknown): unknown => {
  if (!(cause instanceof OutgoingError)) return cause;
  const { code, status } = cause;
  const words = code === "bad_status" ? `failed with status ${status}.${complaintIn(cause)}` : failures[code];
  return new ToolError(`${name} ${words}`, {
    failure: code === "timed_out" ? "timed_out" : "failed",
    cause,
    retryable: cause.retryable,
  });
};

const resultOf = (name: string, body: string): unknown => {
  if (body.trim() === "") return null;
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new ToolError(`The answer of ${name} is not JSON: ${messageOf(cause)}`, { cause });
  }
};

/** Throws InvalidInputError, naming the tool, where its URL is one that is never posted to. */
export const checkUrlTool = ({ name, url }: UrlTool, { urlPolicy }: Pick<ToolDependencies, "urlPolicy">): void => {
  if (typeof url !== "string") throw new InvalidInputError(`url of tool "${name}" must be a string`);
  checkUrl(url, urlPolicy, `url of tool "${name}"`);
};

/** Runs a tool that is an endpoint of the application's: one signed POST; any 2xx JSON is the result. */
export const urlHandler =
  (
    { name, url }: UrlTool,
    timeoutMs: number,
    { context, key, urlPolicy }: Pick<ToolDependencies, "context" | "key" | "urlPolicy">,
  ): ToolHandler =>
  async (args, { callId, signal }) => {
    const request = toolRequestOf(name, args, { callId }, context);
    const headers = { "idempotency-key": request.idempotencyKey };
    // The key stands in the body as well: a header is not signed, and could be changed to have the same thing done again.
    const body = JSON.stringify(request);
    const posted = postSigned({ url, body, key, headers, timeoutMs, maxAnswerBytes, signal }, urlPolicy);
    const answer = await posted.catch((error: unknown) => Promise.reject(toolErrorOf(name, error)));
    if (!answer.isWhole) throw tooLongError(name, `more than ${maxAnswerBytes}`, answer.body);
    return resultOf(name, answer.body);
  };
