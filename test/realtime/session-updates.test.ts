import type { SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { SessionUpdates } from "../../bridge-task/realtime/session-updates.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const start = () => {
  const sent: SessionUpdateEvent[] = [];
  const onSettled = vi.fn();
  const updates = new SessionUpdates({ send: (event) => sent.push(event), onSettled, logger: silentLogger });
  const push = (session: object) => updates.send({ type: "realtime", ...session });
  return { sent, onSettled, updates, push };
};

it("is settled when every update is answered, in any mixture of yes and no", async () => {
  const { sent, onSettled, updates, push } = start();
  await updates.settled();
  push({ instructions: "a" });
  push({ instructions: "b" });
  const settled = updates.settled();
  updates.acknowledge();
  expect(updates.isSettled).toBe(false);
  expect(updates.refuse(sent[1]?.event_id ?? "", undefined)).toBe("lost");
  await settled;
  expect(onSettled).toHaveBeenCalledTimes(1);
});

it("sends the rest of a refused update again, but not for ever", () => {
  const { sent, updates, push } = start();
  const tools = Array.from({ length: 9 }, (_, index) => ({ name: `tool_${index}` }));
  push({ tools, instructions: "kept" });
  const answers = Array.from({ length: 7 }, () => updates.refuse(sent.at(-1)?.event_id ?? "", "session.tools[0].name"));
  expect(answers).toEqual(["repaired", "repaired", "repaired", "repaired", "repaired", "lost", "no_update"]);
  expect(sent).toHaveLength(6);
  expect(sent.at(-1)?.session).toMatchObject({ instructions: "kept" });
});

it("is no longer held up by an update that nobody answers", async () => {
  const { onSettled, updates, push } = start();
  push({ instructions: "a" });
  const settled = updates.settled();
  await vi.advanceTimersByTimeAsync(5_000);
  await settled;
  expect(onSettled).toHaveBeenCalledTimes(1);
  updates.acknowledge();
  expect(onSettled).toHaveBeenCalledTimes(1);
});

it("lets everybody go and leaves no timer when it is closed", async () => {
  const { updates, push } = start();
  push({ instructions: "a" });
  const settled = updates.settled();
  updates.close();
  await settled;
  expect(vi.getTimerCount()).toBe(0);
});
