import { describe, expect, it } from "vitest";
import {
  classifyError,
  codeOfCloseReason,
  type ErrorAction,
  modelErrorOf,
  type UpstreamError,
  upstreamOfHttp,
} from "../../bridge-task/realtime/model-errors.ts";

describe("what an error means", () => {
  it.each<[UpstreamError, ErrorAction, boolean]>([
    // Races that both sides were right in.
    [{ code: "response_cancel_not_active" }, "ignore", true],
    [{ code: "item_truncate_invalid_item_id" }, "ignore", true],
    [{ code: "item_delete_invalid_item_id" }, "ignore", true],
    [{ code: "input_audio_buffer_commit_empty" }, "ignore", true],
    [{ code: "invalid_value", message: "Audio content of 100ms is already shorter than 120ms" }, "ignore", true],
    [
      { code: "unsupported_content_type", message: "Only model output audio messages can be truncated" },
      "ignore",
      true,
    ],
    // Mistakes in one request.
    [{ code: "invalid_value", message: "Invalid value: 'x'" }, "ignore", false],
    [{ code: "unsupported_content_type", message: "No such content." }, "ignore", false],
    [{ code: "item_retrieve_invalid_item_id" }, "ignore", false],
    [{ code: "invalid_tool_call_id" }, "ignore", false],
    [{ code: "cannot_update_voice" }, "ignore", false],
    [{ code: "missing_required_parameter" }, "ignore", false],
    [{ code: "unknown_parameter" }, "ignore", false],
    [{ code: "invalid_type" }, "ignore", false],
    [{ code: "invalid_event" }, "ignore", false],
    [{ code: "string_above_max_length" }, "ignore", false],
    [{ code: "response_abandoned", type: "client_error" }, "ignore", false],
    [{ code: "nobody_knows_this", type: "invalid_request_error" }, "ignore", false],
    [{ code: "constructor" }, "ignore", false],
    [{}, "ignore", false],
    // The same may succeed later.
    [{ code: "conversation_already_has_active_response" }, "retry", true],
    [{ code: null, type: "server_error" }, "retry", false],
    [{ code: "server_error" }, "retry", false],
    [{ code: "rate_limit_exceeded" }, "retry", false],
    // In another session.
    [{ code: "session_expired" }, "rotate", false],
    // Never, until somebody changes something.
    [{ code: "invalid_api_key" }, "give_up", false],
    [{ code: "incorrect_api_key" }, "give_up", false],
    [{ code: "permission_denied" }, "give_up", false],
    [{ code: "insufficient_quota" }, "give_up", false],
    [{ code: "billing_hard_limit_reached" }, "give_up", false],
    [{ code: "account_deactivated" }, "give_up", false],
    [{ code: "model_not_found" }, "give_up", false],
    [{ code: "invalid_model" }, "give_up", false],
    [{ code: "beta_api_shape_disabled" }, "give_up", false],
    [{ code: "call_id_not_found" }, "give_up", false],
  ])("%o", (upstream, action, quiet) => {
    expect(classifyError(upstream)).toMatchObject({ action, quiet, advice: expect.stringMatching(/\.$/) });
  });

  it("is said in words of its own for every code that is known", () => {
    const { advice: general } = classifyError({});
    for (const code of [
      "unknown_parameter",
      "invalid_type",
      "invalid_value",
      "invalid_event",
      "invalid_tool_call_id",
    ]) {
      expect(classifyError({ code }).advice).not.toBe(general);
    }
  });
});

it("reads a refused handshake by its body, or by its status", () => {
  const body = JSON.stringify({ error: { code: "insufficient_quota", type: "x", message: "No credit." } });
  expect(upstreamOfHttp(429, body)).toMatchObject({ code: "insufficient_quota", message: "No credit." });
  expect(upstreamOfHttp(401, "<html>")).toEqual({ code: "invalid_api_key", message: "HTTP 401." });
  expect(upstreamOfHttp(404, "{}")).toMatchObject({ code: "model_not_found" });
  expect(upstreamOfHttp(503, "null")).toMatchObject({ code: "server_error" });
  expect(upstreamOfHttp(418, '{"error":"teapot"}')).toMatchObject({ code: "http_418" });
});

it("reads a code from a close reason where there is one", () => {
  expect(codeOfCloseReason("invalid_request_error.invalid_api_key")).toBe("invalid_api_key");
  expect(codeOfCloseReason("going away")).toBeUndefined();
  expect(codeOfCloseReason("")).toBeUndefined();
});

it("makes errors that say whether to try again and what to do", () => {
  expect(modelErrorOf({ code: "invalid_api_key", message: "Bad." }, "model_lost")).toMatchObject({
    reason: "model_refused",
    retryable: false,
    code: "invalid_api_key",
    message: expect.stringContaining("OPENAI_API_KEY"),
  });
  expect(modelErrorOf({ message: "Gone." }, "model_lost")).toMatchObject({
    reason: "model_lost",
    retryable: true,
    code: "model_lost",
  });
});
