import { setTimeout as sleep } from "node:timers/promises";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import { send } from "../send.ts";
import { signedHeaders } from "./sign.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** SSM did not tell. */
export class ParametersError extends BridgeError {
  constructor(message: string, options: { retryable: boolean; cause?: unknown; data?: Record<string, unknown> }) {
    super("parameters_failed", message, options);
  }
}

interface Reading {
  environment: Environment;
  signal: AbortSignal;
  /** For the message. */
  deadlineMs: number;
}

/** One try may take this long: a lost packet on the way is not to use up the whole deadline. */
const tryMs = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

const endpointOf = (environment: Environment): string => {
  const endpoint = environment.AWS_ENDPOINT_URL_SSM || environment.AWS_ENDPOINT_URL;
  return endpoint || `https://ssm.${environment.AWS_REGION}.amazonaws.com/`;
};

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** What is no JSON has no fields: the status says what there is to say. */
const jsonOf = (text: string): Record<string, unknown> => {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
};

/** The values by name; a name that SSM does not know is left out. */
const valuesIn = (answer: Record<string, unknown>): Map<string, string> => {
  const parameters = Array.isArray(answer.Parameters) ? answer.Parameters.map(fieldsOf) : [];
  return new Map(parameters.map(({ Name, Value }) => [String(Name), String(Value)]));
};

/** AWS names an error "prefix#Name", or "Name". */
const errorNameOf = ({ __type }: Record<string, unknown>): string =>
  String(__type ?? "")
    .split("#")
    .at(-1) ?? "";

const refusal = (names: readonly string[], status: number, answer: Record<string, unknown>): ParametersError => {
  const name = errorNameOf(answer) || String(status);
  const isDenied = /AccessDenied/.test(name);
  // IAM knows a role's new keys a moment after the function has them.
  const isNewRole = name === "UnrecognizedClientException" || name === "InvalidClientTokenId";
  const isTransient = isNewRole || status >= 500 || status === 429 || /Throttl|TooManyRequests|RequestLimit/.test(name);
  const advice = isDenied
    ? "The function's role may not read one of them, or not decrypt it: deploy again, and look at what else changes the role"
    : isTransient
      ? "It may go better later"
      : "Look at the function's environment and role, and deploy again";
  const detail = String(answer.message ?? answer.Message ?? "");
  return new ParametersError(`SSM did not tell ${names.join(", ")}: ${name} ${detail}. ${advice}`, {
    // A role that was made a moment ago has its rights a few seconds later.
    retryable: isTransient || isDenied,
    data: { status, name },
  });
};

const request = async (names: readonly string[], { environment, signal }: Reading): Promise<Map<string, string>> => {
  const url = new URL(endpointOf(environment));
  const body = JSON.stringify({ Names: names, WithDecryption: true });
  const headers = await signedHeaders({
    url,
    body,
    service: "ssm",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.GetParameters" },
    environment,
  });
  const within = AbortSignal.any([signal, AbortSignal.timeout(tryMs)]);
  const response = await send(url, { method: "POST", headers, body, signal: within });
  const answer = jsonOf(response.text);
  if (response.status !== 200) throw refusal(names, response.status, answer);
  return valuesIn(answer);
};

const isForGood = (error: unknown): boolean => error instanceof BridgeError && !error.retryable;

/**
 * GetParameters, decrypted, asked again until the signal: SSM answers 40 of these a second in an account unless a higher
 * throughput is set, and many functions may start at once. At most 10 names.
 */
export const getParameters = async (names: readonly string[], reading: Reading): Promise<Map<string, string>> => {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    let failure: unknown;
    try {
      return await request(names, reading);
    } catch (error) {
      if (isForGood(error)) throw error;
      failure = error;
    }
    // An abort only cuts the pause short.
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal: reading.signal }).catch(() => undefined);
    if (!reading.signal.aborted) continue;
    if (failure instanceof ParametersError) throw failure;
    throw new ParametersError(
      `SSM at ${new URL(endpointOf(reading.environment)).host} did not tell ${names.join(", ")} within ` +
        `${reading.deadlineMs} ms: ${messageOf(failure)}. Look at the function's network, and AWS's health`,
      { retryable: true, cause: failure },
    );
  }
};
