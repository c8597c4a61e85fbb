import { expect, test } from "vitest";
import { hookIdOf, hookUrlOf } from "../../functions/registration/hook.ts";
import { conflictMessage, hooksOf } from "./hooks.ts";

const place = "0123abcd";

const hook = (stage: string, calls: "all" | "own", more: object = {}) => ({
  id: hookIdOf({ stage, place }),
  hook_type: "webhook",
  enabled: true,
  webhook_url: hookUrlOf(`https://${stage}.lambda-url.example/webhooks/stream`, { stage, place, calls }),
  ...more,
});

test("a deployed stage that takes every call is a conflict, and is named with its URL and what to do", () => {
  const { conflicts } = hooksOf({ event_hooks: [hook("production", "all")] });
  expect(conflicts).toEqual([{ stage: "production", url: expect.stringContaining("production.lambda-url.example") }]);
  expect(conflictMessage(conflicts)).toMatch(/stage production {2}https:.+\n[\s\S]*--posts-only[\s\S]*calls: "own"/);
});

test.each([
  ["no hook", []],
  ["a stage that takes only its own calls", [hook("ann", "own")]],
  ["a hook that is switched off", [hook("production", "all", { enabled: false })]],
  ["somebody else's", [{ id: "1", enabled: true, hook_type: "webhook", webhook_url: "https://example.com/hook" }]],
  ["a queue", [{ id: "1", enabled: true, hook_type: "sqs", sqs_queue_url: "https://sqs.example/1" }]],
])("%s is none", (_what, event_hooks) => {
  expect(hooksOf({ event_hooks })).toEqual({ conflicts: [], suspects: [] });
});

test("a webhook of our path that somebody entered by hand is told, not refused", () => {
  const url = "https://example.com/webhooks/stream";
  const app = { event_hooks: [{ hook_type: "webhook", webhook_url: url }], webhook_url: url };
  expect(hooksOf(app)).toEqual({ conflicts: [], suspects: [url] });
});

test("a stage whose webhook stands in the legacy field is a conflict like any other", () => {
  const { webhook_url } = hook("production", "all");
  expect(hooksOf({ webhook_url })).toMatchObject({ conflicts: [{ stage: "production" }], suspects: [] });
});

test("a stage that calls itself local is a deployment like others", () => {
  expect(hooksOf({ event_hooks: [hook("local", "all")] }).conflicts).toHaveLength(1);
  // Its own calls are those that name us, too.
  expect(hooksOf({ event_hooks: [hook("local", "own")] }).conflicts).toHaveLength(1);
});
