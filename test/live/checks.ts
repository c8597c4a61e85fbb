import { readFile } from "node:fs/promises";
import tls from "node:tls";
import { BridgeError, InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import { defaultModel } from "../../bridge-task/realtime/session/config.ts";
import { CoordinatorError } from "../../bridge-task/stream/errors.ts";
import { type Json, objectOf, type StreamApi } from "./stream-api.ts";

const checkMs = 10_000;
export const openAiUrl = "https://api.openai.com/v1";
/** Tokens say when they were made and when they end: a clock that is further off makes some that Stream does not take. */
const clockToleranceMs = 30_000;

/** A service does not take the key that it was shown, or does not answer. */
export class KeyCheckError extends BridgeError {
  constructor(message: string, cause?: unknown) {
    super("key_check", message, { cause });
  }
}

/** Stream's API codes of keys and secrets that do not fit. */
const keyCodes = new Set([2, 5, 43]);

const streamAdvice = (error: unknown): string => {
  const { status, apiCode } = error instanceof CoordinatorError ? error : { status: undefined, apiCode: undefined };
  if (apiCode === 43) return "STREAM_API_SECRET is not the secret of STREAM_API_KEY: copy both from the same app.";
  if (apiCode === 2) return "Stream does not know STREAM_API_KEY: copy it, and its secret, from your app's page.";
  if (status === 401 || status === 403 || (apiCode !== undefined && keyCodes.has(apiCode))) {
    return "Copy STREAM_API_KEY and STREAM_API_SECRET from the same app's page of dashboard.getstream.io.";
  }
  return "Check the network path to Stream, then start again.";
};

/** Asks Stream with the keys. Resolves with the app's settings and Stream's clock. Throws KeyCheckError. */
export const checkStream = async (api: StreamApi): Promise<{ app: Json; nowMs: number }> => {
  const asking = { what: "Asking Stream for the app", method: "GET", path: "/app" } as const;
  try {
    const { body, dateMs } = await api.request({ ...asking, signal: AbortSignal.timeout(checkMs) });
    return { app: objectOf(body.app), nowMs: dateMs ?? Date.now() };
  } catch (cause) {
    throw new KeyCheckError(`${messageOf(cause)}\n${streamAdvice(cause)}`, cause);
  }
};

/** What is to be said where this machine's clock and Stream's differ; times are Unix epoch in milliseconds. */
export const clockWarning = (streamMs: number, ownMs: number): string | undefined => {
  const seconds = Math.round((ownMs - streamMs) / 1_000);
  return Math.abs(seconds) * 1_000 <= clockToleranceMs
    ? undefined
    : `this machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} Stream's: set it, or tokens are refused`;
};

/**
 * Asks OpenAI with the key for the model that agents use who name none. Resolves with a warning where the key works and the
 * model cannot be seen with it, which agents that name another do not mind. Throws KeyCheckError.
 */
export const checkOpenAi = async (key: string, baseUrl = openAiUrl): Promise<string | undefined> => {
  let status: number;
  let body: Json;
  try {
    const response = await fetch(`${baseUrl}/models/${defaultModel}`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(checkMs),
    });
    status = response.status;
    body = objectOf(await response.json().catch(() => ({})));
  } catch (cause) {
    const reason = messageOf((cause instanceof Error && cause.cause) || cause);
    throw new KeyCheckError(
      `OpenAI could not be reached at ${new URL(baseUrl).origin} (${reason}): check the network path`,
      cause,
    );
  }
  if (status === 401) {
    const where = baseUrl === openAiUrl ? "platform.openai.com/api-keys" : new URL(baseUrl).origin;
    throw new KeyCheckError(`OpenAI does not take OPENAI_API_KEY: make a new one at ${where}.`);
  }
  if (status >= 500) throw new KeyCheckError(`OpenAI answered ${status}: try again in a minute`);
  if (status < 300) return undefined;
  const { code } = objectOf(body.error);
  const why = typeof code === "string" ? `${status}, ${code}` : String(status);
  return `OPENAI_API_KEY works, but ${defaultModel} cannot be seen with it (${why}): agents that name no other model may fail`;
};

/** Makes this process trust what NODE_EXTRA_CA_CERTS in .env names; in the environment it is read by Node itself. */
export const trust = async (caFile: string | undefined, environment = process.env): Promise<void> => {
  if (caFile === undefined || environment.NODE_EXTRA_CA_CERTS) return;
  let pem: string;
  try {
    pem = await readFile(caFile, "utf8");
  } catch (cause) {
    throw new InvalidInputError(`NODE_EXTRA_CA_CERTS names ${caFile}: ${messageOf(cause)}`, { cause });
  }
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), pem]);
};
