import { InvokeCommand, type InvokeCommandOutput, LambdaClient, type LambdaClientConfig } from "@aws-sdk/client-lambda";
import type { ToolManifestEntry } from "../../functions/tools/manifest.ts";
import { messageOf } from "../errors.ts";
import { ToolError } from "../realtime/tools/tool-error.ts";
import type { ToolHandler } from "../realtime/tools/toolbox.ts";
import type { ToolDependencies } from "./context.ts";
import { toolRequestOf } from "./request.ts";

const connectTimeoutMs = 3_000;

/**
 * A client that invokes once: what timed out may have been done, and the model decides whether to try again. Nothing mends a
 * connection that had silently gone either, so each invocation has its own.
 */
export const createToolLambda = (config: LambdaClientConfig = {}): LambdaClient =>
  new LambdaClient({
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: false },
      httpsAgent: { keepAlive: false },
    },
    ...config,
    maxAttempts: 1,
  });

/** A function's own words about its failure, at most so many characters. */
const maxWords = 500;

/** What AWS says of a function that cannot be invoked, as the model may tell it. Names and accounts stay out of it. */
const invokeFailures: Readonly<Record<string, string>> = {
  ResourceNotFoundException: "is not available: its function does not exist.",
  AccessDeniedException: "is not available: the agent may not use it.",
  TooManyRequestsException: "is busy right now. Try again in a moment.",
  RequestTooLargeException: "was given too much. Call it with shorter arguments.",
};

const invokeErrorOf = (name: string, cause: unknown): ToolError => {
  const errorName = cause instanceof Error ? cause.name : "";
  // The SDK gives a connection that never came about the same name: then nothing was done.
  const isConnected = !/did not establish a connection/.test(messageOf(cause));
  if (errorName === "AbortError" || (errorName === "TimeoutError" && isConnected)) {
    const message = `${name} took too long. It may still succeed; its result is not known.`;
    return new ToolError(message, { failure: "timed_out", cause });
  }
  const words = invokeFailures[errorName] ?? "could not be reached. It may work later.";
  return new ToolError(`${name} ${words}`, { cause, retryable: errorName !== "ResourceNotFoundException" });
};

/** What Lambda reports of a function that failed: `{ errorType, errorMessage, stackTrace }`. Its message is for the model, its stack is not. */
const functionErrorOf = (name: string, payload: string): ToolError => {
  const { errorType, errorMessage } = reportOf(payload);
  const isTimeout = errorType === "Sandbox.Timedout" || /^\S+ ?\S* ?Task timed out after/.test(errorMessage);
  if (isTimeout) {
    const message = `${name} took too long. It may still succeed; its result is not known.`;
    return new ToolError(message, { failure: "timed_out", data: { errorType } });
  }
  // What ends the runtime itself (memory, exit) speaks of requests and processes: nothing to tell people.
  const isHandlers = errorMessage !== "" && !errorType.startsWith("Runtime.");
  return new ToolError(isHandlers ? errorMessage.slice(0, maxWords) : `${name} failed.`, { data: { errorType } });
};

const reportOf = (payload: string): { errorType: string; errorMessage: string } => {
  try {
    const { errorType, errorMessage } = JSON.parse(payload) as Record<string, unknown>;
    return { errorType: String(errorType ?? ""), errorMessage: String(errorMessage ?? "") };
  } catch {
    // Not Lambda's report: nothing is known of the failure but that it is one.
    return { errorType: "", errorMessage: "" };
  }
};

const resultOf = (name: string, { FunctionError: failure, Payload: bytes }: InvokeCommandOutput): unknown => {
  const payload = bytes === undefined ? "" : Buffer.from(bytes).toString();
  if (failure !== undefined) throw functionErrorOf(name, payload);
  if (payload === "") return null;
  try {
    return JSON.parse(payload);
  } catch (cause) {
    throw new ToolError(`The result of ${name} is not JSON: ${messageOf(cause)}`, { cause });
  }
};

/** Runs a tool that is a Lambda function: one attempt, and its answer or its failure in words. */
export const functionHandler =
  (
    { name, timeoutMs }: Pick<ToolManifestEntry, "name" | "timeoutMs">,
    functionName: string,
    { lambda, context }: Pick<ToolDependencies, "lambda" | "context">,
  ): ToolHandler =>
  async (args, { callId, signal }) => {
    const request = toolRequestOf(name, args, { callId }, context);
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(request)) });
    const output = await lambda
      .send(command, { abortSignal: signal, requestTimeout: timeoutMs })
      .catch((error: unknown) => Promise.reject(invokeErrorOf(name, error)));
    return resultOf(name, output);
  };
