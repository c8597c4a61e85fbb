import { BridgeError, type BridgeErrorOptions } from "../errors.ts";

/**
 * - `ignore`: the session goes on; `advice` says whether something should be done differently.
 * - `retry`: the same request may succeed when sent again.
 * - `rotate`: this session is at its end; a new one may go on.
 * - `give_up`: no session will succeed until somebody changes something.
 */
export type ErrorAction = "ignore" | "retry" | "rotate" | "give_up";

export interface ErrorRow {
  action: ErrorAction;
  /** A harmless race between two sides that were both right: not shown to the application as an error. */
  quiet: boolean;
  /** What a person should do next. */
  advice: string;
  /** It may be about a single setting, such as a model for transcripts: then it is no reason to give the session up. */
  isOfRequest?: boolean;
}

/** What the server says of an error, in an `error` event, a failed response, an HTTP body or a close reason. */
export interface UpstreamError {
  code?: string | null | undefined;
  type?: string | null | undefined;
  message?: string | null | undefined;
  param?: string | null | undefined;
}

const race = (advice: string): ErrorRow => ({ action: "ignore", quiet: true, advice });
/** A request that can never succeed as it stands; nothing else is harmed by it. */
const mistake = (advice: string): ErrorRow => ({ action: "ignore", quiet: false, advice });
const retry = (advice: string): ErrorRow => ({ action: "retry", quiet: false, advice });
const giveUp = (advice: string): ErrorRow => ({ action: "give_up", quiet: false, advice });

const badKey = giveUp(
  "Use a valid OpenAI key with access to the Realtime API (openAiApiKey; the bridge task reads OPENAI_API_KEY).",
);
const noMoney = giveUp("Add credit or raise the spending limit of the OpenAI account, then start the agent again.");
const noModel: ErrorRow = {
  ...giveUp("Choose a Realtime model that this key may use, for example gpt-realtime-2.1."),
  isOfRequest: true,
};

const rows = new Map<string, ErrorRow>(
  Object.entries({
    response_cancel_not_active: race("The response had ended before the cancel arrived."),
    item_truncate_invalid_item_id: race("The item was gone before the truncation arrived."),
    item_delete_invalid_item_id: race("The item was gone before the deletion arrived."),
    input_audio_buffer_commit_empty: race("There was too little audio to commit; nothing was lost."),
    conversation_already_has_active_response: {
      action: "retry",
      quiet: true,
      advice: "The request is sent again when the active response is done.",
    },
    rate_limit_exceeded: retry("Wait a moment; if it lasts, raise the rate limit of the OpenAI project."),
    server_error: retry("OpenAI had a fault of its own; if it lasts, see status.openai.com."),
    session_expired: {
      action: "rotate",
      quiet: false,
      advice: "A Realtime session lives at most 60 minutes; a new one must be opened.",
    },
    invalid_api_key: badKey,
    incorrect_api_key: badKey,
    permission_denied: badKey,
    insufficient_quota: noMoney,
    billing_hard_limit_reached: noMoney,
    account_deactivated: giveUp("Ask OpenAI's support about the account, or use another key."),
    model_not_found: noModel,
    invalid_model: noModel,
    beta_api_shape_disabled: giveUp("Remove the OpenAI-Beta header: the beta protocol is closed."),
    model_unreachable: retry("Check the network path to the model server and its base URL."),
    model_lost: retry("Start the agent again to go on."),
    // The sideband of a call that is over, or was made with another key.
    call_id_not_found: giveUp("Connect with the id of a call that still lasts, and with the key that created it."),
    cannot_update_voice: mistake("Set the voice before the agent's first word; it cannot change later in a session."),
    item_retrieve_invalid_item_id: mistake(
      "There is no such item in the conversation: it was deleted, or never there.",
    ),
    invalid_tool_call_id: mistake(
      "Answer only calls of this session's conversation; what an earlier session's tool found goes in as text.",
    ),
    missing_required_parameter: mistake("Send the request again with the parameter that the message names."),
    unknown_parameter: mistake("Send the request again without the parameter that the message names."),
    invalid_type: mistake("Send the request again with the parameter that the message names as the type it asks for."),
    invalid_value: mistake("Send the request again with a value that the message allows."),
    invalid_event: mistake("Send an event of a type that the Realtime API knows."),
    unsupported_content_type: mistake("Send the request again for content that the message allows."),
    string_above_max_length: mistake("Shorten the text that the message names; ids have at most 32 characters."),
    response_abandoned: mistake("Correct what the errors before this one name, then ask for the response again."),
  }),
);

const unknownRow = mistake("Correct the request that the message names.");

/** Codes that stand for real mistakes, and also for a cut that came too late: only the message tells them apart. */
const lateCut = ({ code, message }: UpstreamError): ErrorRow | undefined => {
  if (code === "invalid_value" && /already shorter/.test(message ?? "")) return race("The audio was already cut.");
  if (code === "unsupported_content_type" && /can be truncated/.test(message ?? "")) {
    return race("The item had no audio to cut.");
  }
  return undefined;
};

const findRow = (upstream: UpstreamError): ErrorRow | undefined =>
  lateCut(upstream) ?? rows.get(upstream.code ?? "") ?? rows.get(upstream.type ?? "");

/** Finds the row for what the server said in a session. Codes that nobody has seen yet are reported and change nothing. */
export const classifyError = (upstream: UpstreamError): ErrorRow => findRow(upstream) ?? unknownRow;

/** Why the model side ended: refused for good, or lost. Both are exit reasons of the task. */
export type ModelEndReason = "model_refused" | "model_lost";

/** The model session could not be opened or cannot go on. `code` is the server's own where it gave one. */
export class ModelError extends BridgeError {
  readonly reason: ModelEndReason;

  constructor(reason: ModelEndReason, code: string, message: string, options: BridgeErrorOptions = {}) {
    super(code, message, options);
    this.reason = reason;
  }
}

/** Turns what ended a session, or kept one from opening, into an error. `fallbackCode` stands where the server named none. */
export const modelErrorOf = (
  upstream: UpstreamError,
  fallbackCode: "model_unreachable" | "model_lost",
  options: BridgeErrorOptions = {},
): ModelError => {
  const row = findRow(upstream) ?? findRow({ code: fallbackCode }) ?? unknownRow;
  const said = upstream.message || upstream.code || fallbackCode;
  return new ModelError(
    row.action === "give_up" ? "model_refused" : "model_lost",
    upstream.code || fallbackCode,
    `Model session: ${/[.!?]$/.test(said) ? said : `${said}.`} ${row.advice}`,
    { retryable: row.action === "retry" || row.action === "rotate", ...options },
  );
};

const codeOfStatus: Readonly<Record<number, string>> = {
  401: "invalid_api_key",
  403: "permission_denied",
  404: "model_not_found",
  429: "rate_limit_exceeded",
};

/** Reads the answer to a refused WebSocket handshake: the body's error where it has one, else what the status means. */
export const upstreamOfHttp = (statusCode: number, body: string): UpstreamError => {
  const byStatus = {
    code: codeOfStatus[statusCode] ?? (statusCode >= 500 ? "server_error" : `http_${statusCode}`),
    message: `HTTP ${statusCode}.`,
  };
  try {
    const parsed: unknown = JSON.parse(body);
    const error = (parsed as { error?: UpstreamError } | null)?.error;
    if (typeof error !== "object" || error === null) return byStatus;
    return { ...error, code: error.code || byStatus.code, message: error.message || byStatus.message };
  } catch {
    return byStatus; // A proxy's HTML page says no more than its status.
  }
};

/** Close reasons look like `invalid_request_error.invalid_api_key`; undefined where the last word is no known code. */
export const codeOfCloseReason = (reason: string): string | undefined => {
  const word = reason.split(/[.\s]/).findLast((part) => part !== "") ?? "";
  return rows.has(word) ? word : undefined;
};
