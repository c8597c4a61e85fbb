/** What stands under `error` in an `error` event, but for the `event_id` of the client event that caused it. */
export interface ApiProblem {
  type: string;
  code: string | null;
  message: string;
  param: string | null;
}

const refuse = (code: string, message: string, param: string | null = null): ApiProblem => ({
  type: "invalid_request_error",
  code,
  message,
  param,
});

const quoted = (values: readonly unknown[]): string => {
  const words = values.map((value) => (typeof value === "string" ? `'${value}'` : JSON.stringify(value)));
  const last = words.pop();
  return words.length > 0 ? `${words.join(", ")}, and ${last}` : `${last}`;
};

/** The service's error catalogue: codes as met in the wild, messages as close as they are known. */
export const problems = {
  unknownParameter: (path: string) => refuse("unknown_parameter", `Unknown parameter: '${path}'.`, path),
  missingParameter: (path: string) =>
    refuse("missing_required_parameter", `Missing required parameter: '${path}'.`, path),
  invalidType: (path: string, expected: string, got: string) =>
    refuse("invalid_type", `Invalid type for '${path}': expected ${expected}, but got ${got} instead.`, path),
  invalidValue: (path: string, got: unknown, supported: readonly unknown[]) =>
    refuse("invalid_value", `Invalid value: ${quoted([got])}. Supported values are: ${quoted(supported)}.`, path),
  invalid: (path: string, message: string) => refuse("invalid_value", message, path),
  tooLong: (path: string, maximum: number, got: number) =>
    refuse(
      "string_above_max_length",
      `Invalid '${path}': string too long. Expected a string with maximum length ${maximum}, but got a string with length ${got} instead.`,
      path,
    ),
  tooLow: (path: string, kind: "integer" | "decimal", minimum: number, got: number) =>
    refuse(
      `${kind}_below_min_value`,
      `Invalid '${path}': ${kind} below minimum value. Expected a value >= ${minimum}, but got ${got} instead.`,
      path,
    ),
  tooHigh: (path: string, kind: "integer" | "decimal", maximum: number, got: number) =>
    refuse(
      `${kind}_above_max_value`,
      `Invalid '${path}': ${kind} above maximum value. Expected a value <= ${maximum}, but got ${got} instead.`,
      path,
    ),
  tooManyKeys: (path: string, maximum: number, got: number) =>
    refuse(
      "object_above_max_properties",
      `Invalid '${path}': too many properties. Expected an object with at most ${maximum} properties, but got an object with ${got} properties instead.`,
      path,
    ),
  mismatched: (path: string, pattern: RegExp) =>
    refuse(
      "invalid_value",
      `Invalid '${path}': string does not match pattern. Expected a string that matches the pattern '${pattern.source}'.`,
      path,
    ),
  noImageData: (path: string) =>
    refuse("invalid_value", `Invalid '${path}'. Expected a base64-encoded data URL with an image MIME type.`, path),
  invalidEvent: (message: string) => refuse("invalid_event", message),

  missingModel: () => refuse("missing_model", "You must provide a model parameter."),
  modelNotFound: (model: string) =>
    refuse("model_not_found", `The model '${model}' does not exist or you do not have access to it.`),
  betaShape: () =>
    refuse(
      "beta_api_shape_disabled",
      "The Realtime Beta API is no longer supported. Remove the 'OpenAI-Beta: realtime=v1' header and use the GA event shapes.",
    ),
  notOffered: (what: string, param: string | null = null) =>
    refuse("not_offered_locally", `${what} is part of the service but not of this local stand-in.`, param),

  voiceLocked: (owner: "session" | "response") =>
    refuse(
      "cannot_update_voice",
      "Cannot update a conversation's voice if assistant audio is present.",
      `${owner}.audio.output.voice`,
    ),
  activeResponse: (responseId: string) =>
    refuse(
      "conversation_already_has_active_response",
      `Conversation already has an active response in progress: ${responseId}. Wait until the response is finished before creating a new one.`,
    ),
  nothingToCancel: () => refuse("response_cancel_not_active", "Cancellation failed: no active response found"),
  commitTooSmall: (bufferedMs: number) =>
    refuse(
      "input_audio_buffer_commit_empty",
      `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`,
    ),
  undecodableAudio: (path: string) =>
    refuse(
      "invalid_value",
      `Invalid '${path}'. Expected base64-encoded audio bytes in the session's input format.`,
      path,
    ),

  noItemToTruncate: (itemId: string) =>
    refuse(
      "item_truncate_invalid_item_id",
      `Error truncating item: the item with id '${itemId}' does not exist.`,
      "item_id",
    ),
  noItemToDelete: (itemId: string) =>
    refuse(
      "item_delete_invalid_item_id",
      `Error deleting item: the item with id '${itemId}' does not exist.`,
      "item_id",
    ),
  noItemToRetrieve: (itemId: string) =>
    refuse(
      "item_retrieve_invalid_item_id",
      `Error retrieving item: the item with id '${itemId}' does not exist.`,
      "item_id",
    ),
  noPreviousItem: (itemId: string) =>
    refuse(
      "item_create_invalid_previous_item_id",
      `Error creating item: the previous item with id '${itemId}' does not exist.`,
      "previous_item_id",
    ),
  itemExists: (itemId: string) =>
    refuse(
      "item_create_duplicate_item_id",
      `Error creating item: an item with id '${itemId}' exists already.`,
      "item.id",
    ),
  onlyModelAudio: () =>
    refuse("unsupported_content_type", "Only model output audio messages can be truncated", "item_id"),
  alreadyShorter: (audioMs: number, wantedMs: number) =>
    refuse("invalid_value", `Audio content of ${audioMs}ms is already shorter than ${wantedMs}ms`, "audio_end_ms"),
  unknownToolCall: (callId: string) =>
    refuse("invalid_tool_call_id", `Tool call ID '${callId}' not found in conversation.`, "item.call_id"),

  answeredToolCall: (callId: string) =>
    refuse("invalid_tool_call_id", `Tool call ID '${callId}' already has an output in conversation.`, "item.call_id"),

  sessionExpired: (minutes: number): ApiProblem =>
    refuse("session_expired", `Your session hit the maximum duration of ${minutes} minutes.`),
  invalidApiKey: (): ApiProblem =>
    refuse(
      "invalid_api_key",
      "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
  noMoney: (): ApiProblem => ({
    type: "insufficient_quota",
    code: "insufficient_quota",
    message: "You exceeded your current quota, please check your plan and billing details.",
    param: null,
  }),
  serverError: (): ApiProblem => ({
    type: "server_error",
    code: "server_error",
    message: "The server had an error while processing your request. Sorry about that!",
    param: null,
  }),
} as const;
