import type { RealtimeSessionCreateRequest, SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { SessionUpdates } from "../../bridge-task/realtime/session/updates.ts";

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
  const push = (session: object) => updates.send({ type: "realtime", ...session } as RealtimeSessionCreateRequest);
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

it("sends the rest of a refused update again without what the server names, and then setting by setting", () => {
  const { sent, updates, push } = start();
  const tools = Array.from({ length: 13 }, (_, index) => ({ name: `tool_${index}` }));
  push({ tools, instructions: "kept" });
  const refuse = (index: number) => updates.refuse(sent.at(index)?.event_id ?? "", "session.tools[0].name");
  expect(Array.from({ length: 6 }, () => refuse(-1))).toEqual([...Array(5).fill("repaired"), "split"]);
  expect(sent.slice(-2).map(({ session }) => session)).toEqual([
    { type: "realtime", tools: tools.slice(5) },
    { type: "realtime", instructions: "kept" },
  ]);
  expect(refuse(-2)).toBe("repaired");
  updates.acknowledge();
  expect(Array.from({ length: 6 }, () => refuse(-1))).toEqual([
    ...Array(4).fill("repaired"),
    "setting_lost",
    "no_update",
  ]);
  expect(updates.isSettled).toBe(true);
});

it("loses only the refused setting where the server names none", () => {
  const { sent, onSettled, updates, push } = start();
  push({ instructions: "x", max_output_tokens: 7, tool_choice: "auto" });
  const refuse = (index: number) => updates.refuse(sent[index]?.event_id ?? "", undefined);
  expect(refuse(0)).toBe("split");
  expect(sent.slice(1).map(({ session }) => Object.keys(session))).toEqual([
    ["instructions", "type"],
    ["max_output_tokens", "type"],
    ["tool_choice", "type"],
  ]);
  expect(refuse(1)).toBe("setting_lost");
  updates.acknowledge();
  expect(onSettled).not.toHaveBeenCalled();
  expect(refuse(3)).toBe("setting_lost");
  expect(onSettled).toHaveBeenCalledTimes(1);
});

it("says that an update is lost when not one of its settings is taken", () => {
  const { sent, updates, push } = start();
  push({ instructions: "x", tool_choice: "auto" });
  const refusals = [0, 1, 2].map((index) => updates.refuse(sent[index]?.event_id ?? "", undefined));
  expect(refusals).toEqual(["split", "setting_lost", "lost"]);
});

it("sends nothing again that a newer update sets", () => {
  const { sent, updates, push } = start();
  push({ instructions: "old", tool_choice: "auto", tracing: "auto" });
  push({ instructions: "new" });
  expect(updates.refuse(sent[0]?.event_id ?? "", undefined)).toBe("split");
  expect(sent.slice(2).map(({ session }) => session)).toEqual([
    { type: "realtime", tool_choice: "auto" },
    { type: "realtime", tracing: "auto" },
  ]);
});

it("is no longer held up by an update that nobody answers", async () => {
  const { onSettled, updates, push } = start();
  push({ instructions: "a" });
  const settled = updates.settled();
  await vi.advanceTimersByTimeAsync(5_000);
  await settled;
  expect(onSettled).toHaveBeenCalledTimes(1);
  expect(updates.isSettled).toBe(true);
});

it("repairs an update that is refused late; one that is never answered holds up no later one", async () => {
  const { updates, push, sent } = start();
  push({ instructions: "a", max_output_tokens: 7 });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(updates.refuse("update_1", "session.max_output_tokens")).toBe("repaired");
  expect(sent.at(-1)?.session).toEqual({ type: "realtime", instructions: "a" });
  await vi.advanceTimersByTimeAsync(5_000);
  push({ instructions: "b" });
  expect(updates.isSettled).toBe(false);
  updates.acknowledge();
  expect(updates.isSettled).toBe(true);
});

it("takes a refusal that names no event for the oldest update that is still awaited", async () => {
  const { updates, push, sent } = start();
  push({ instructions: "lost" });
  await vi.advanceTimersByTimeAsync(5_000);
  push({ max_output_tokens: 7, tool_choice: "auto" });
  expect(updates.refuse(undefined, "session.tool_choice")).toBe("repaired");
  expect(sent.at(-1)?.session).toEqual({ type: "realtime", max_output_tokens: 7 });
});

it("waits for each of many updates", () => {
  const { updates, push } = start();
  for (let count = 0; count < 70; count += 1) push({ instructions: `${count}` });
  for (let count = 0; count < 69; count += 1) updates.acknowledge();
  expect(updates.isSettled).toBe(false);
  updates.acknowledge();
  expect(updates.isSettled).toBe(true);
});

it("tells what is not in force, in the server's words, when nothing of an update is on its way any more", async () => {
  const { sent, updates, push } = start();
  const told = vi.fn();
  const lost = push({ instructions: "x", tools: [{ name: "a" }, { name: "b" }], max_output_tokens: 7 });
  void lost.then(told);
  updates.refuse(sent[0]?.event_id, "session.tools[1].name", "No such name.");
  updates.refuse(sent[1]?.event_id, "session.max_output_tokens", "Too few.");
  await vi.advanceTimersByTimeAsync(0);
  expect(told).not.toHaveBeenCalled();
  updates.acknowledge();
  expect(await lost).toEqual([
    { field: "tools[1].name", reason: "No such name." },
    { field: "max_output_tokens", reason: "Too few." },
  ]);
});

it("tells so where the server does not answer, where it is closed first, and where it was closed before", async () => {
  const { updates, push } = start();
  const unanswered = push({ instructions: "a" });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await unanswered).toEqual([{ field: "instructions", reason: "The model server has not answered yet." }]);
  const cut = push({ instructions: "b" });
  updates.close();
  expect(await cut).toMatchObject([{ field: "instructions", reason: expect.stringMatching(/session ended/) }]);
  expect(await push({ instructions: "c" })).toMatchObject([{ field: "instructions" }]);
});

it("sends nothing once it is closed", () => {
  const { updates, push, sent } = start();
  updates.close();
  push({ instructions: "a" });
  expect(sent).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it("lets everybody go and leaves no timer when it is closed", async () => {
  const { updates, push } = start();
  push({ instructions: "a" });
  const settled = updates.settled();
  updates.close();
  await settled;
  expect(vi.getTimerCount()).toBe(0);
});
