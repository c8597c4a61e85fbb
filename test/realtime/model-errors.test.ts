import { describe, expect, it } from "vitest";
import {
  classifyError,
  codeOfCloseReason,
  modelErrorOf,
  type UpstreamError,
  upstreamOfHttp,
} from "../../bridge-task/realtime/model-errors.ts";

describe("what an error means", () => {
  it.each<[UpstreamError, string, boolean]>([
    [{ code: "response_cancel_not_active" }, "ignore", true],
    [{ code: "conversation_already_has_active_response" }, "retry", true],
    [{ code: "item_truncate_invalid_item_id" }, "ignore", true],
    [{ code: "input_audio_buffer_commit_empty" }, "ignore", true],
    [{ code: "invalid_value", message: "Audio content of 100ms is already shorter than 120ms" }, "ignore", true],
    [
      { code: "unsupported_content_type", message: "Only model output audio messages can be truncated" },
      "ignore",
      true,
    ],
    [{ code: "invalid_value", message: "Invalid value: 'x'" }, "ignore", false],
    [{ code: "cannot_update_voice" }, "ignore", false],
    [{ code: null, type: "server_error" }, "retry", false],
    [{ code: "rate_limit_exceeded" }, "retry", false],
    [{ code: "session_expired" }, "rotate", false],
    [{ code: "invalid_api_key" }, "give_up", false],
    [{ code: "insufficient_quota" }, "give_up", false],
    [{ code: "account_deactivated" }, "give_up", false],
    [{ code: "model_not_found" }, "give_up", false],
    [{ code: "beta_api_shape_disabled" }, "give_up", false],
    [{ code: "nobody_knows_this" }, "ignore", false],
    [{ code: "constructor" }, "ignore", false],
    [{}, "ignore", false],
  ])("%o", (upstream, action, quiet) => {
    expect(classifyError(upstream)).toMatchObject({ action, quiet, advice: expect.stringMatching(/\.$/) });
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
