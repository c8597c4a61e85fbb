import { expect, test } from "vitest";
import type { StreamEvent } from "./call-facts.ts";
import { storyOfAttempt, storyOfLine, storyOfNews } from "./story.ts";

const event = (type: string, more: object = {}): StreamEvent => ({ type, call_cid: "default:1", ...more });
const answered = (status: number) => ({ kind: "status", status }) as const;

test.each([
  ["call.created", { outcome: "launched" }, "default:1 was created: an agent is launched"],
  [
    "call.created",
    { outcome: "ignored", reason: "no_agent" },
    "default:1 was created: no agent comes, no agent wants it",
  ],
  ["call.created", { outcome: "present" }, "default:1 was created"],
  ["call.session_started", { outcome: "launched" }, "call.session_started of default:1: an agent is launched"],
  ["call.session_started", { outcome: "present" }, null],
  [
    "call.created",
    { outcome: "refused", reason: "max_calls" },
    "call.created of default:1: an agent may not come (max_calls)",
  ],
  ["call.ended", { outcome: "noted" }, "default:1 has ended"],
])("%s that came to %j", (type, answer, story) => {
  expect(storyOfAttempt({ event: event(type), attempt: 1, outcome: answered(200), answer })).toBe(story);
});

test("who comes is named", () => {
  const joined = event("call.session_participant_joined", { participant: { user: { id: "ann", name: "Ann" } } });
  expect(storyOfAttempt({ event: joined, attempt: 1, outcome: answered(200), answer: {} })).toBe("Ann is in default:1");
});

test("a webhook that failed is told with the attempt", () => {
  const failed = { event: event("call.ended"), attempt: 2, answer: {} };
  expect(storyOfAttempt({ ...failed, outcome: answered(503) })).toContain("answered 503, attempt 2");
  expect(storyOfAttempt({ ...failed, outcome: { kind: "timeout" } })).toContain("failed (timeout), attempt 2");
});

const line = (fields: object) => storyOfLine(JSON.stringify({ call: "default:1", agent: "lucy", ...fields }));

test("of the bridge's log: coming, going and trouble; not the rest", () => {
  expect(line({ level: "info", event: "agent_joined" })).toBe("lucy has joined default:1");
  expect(line({ level: "info", event: "agent_left", reason: "call_ended", detail: "it is over" })).toBe(
    "lucy has left default:1: call ended (it is over)",
  );
  expect(line({ level: "error", event: "task_failed", error: { message: "no such model" } })).toBe(
    "lucy in default:1: task failed (no such model)",
  );
  expect(line({ level: "info", event: "claim_confirmed" })).toBeNull();
});

test("what is no log line is shown as it is", () => {
  expect(storyOfLine("Segmentation fault")).toBe("Segmentation fault");
  expect(storyOfLine(" ")).toBeNull();
});

test("a pause is told in seconds", () => {
  expect(storyOfNews({ kind: "search_failed", error: "too many", pauseMs: 5_000 })).toBe(
    "too many. Trying again in 5 s",
  );
});
