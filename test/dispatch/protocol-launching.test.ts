import { describe, expect, it } from "vitest";
import { type Input, isCallOver, launchWindowMs, orderFor } from "../../functions/dispatch/protocol.ts";
import { claimed, minute, Row, running, second, sessionId } from "./protocol-row.ts";

describe("launching", () => {
  it("is claimed by the first, and the next asks ECS for the same launch", () => {
    const row = claimed();
    expect(row.ask("b")).toBe("launching");
    expect(row.ask("c", { source: "post" })).toBe("launching");
    expect(row.come("d")).toBe("launching");
    expect(row.now).toMatchObject({ state: "launching", launchId: "a", configId: "of-a" });
    expect(row.runTaskCount).toBe(4);
  });

  it("counts once when its own answer was lost", () => {
    const row = claimed();
    expect(row.ask("a")).toBe("launched");
    expect(row.now).toMatchObject({ version: 1, launchedAtMs: [row.nowMs] });
    expect(row.runTaskCount).toBe(2);
    row.confirm("a");
    row.leave("removed");
    expect(row.ask("a", { source: "post" })).toBe("present");
  });

  it("does not happen after the end of the call", () => {
    const row = new Row();
    const callEndedAtMs = row.nowMs;
    expect(row.ask("a", { callEndedAtMs })).toBe("ignored");
    expect(row.ask("a", { callEndedAtMs, source: "post", eventAtMs: row.nowMs + 1 })).toBe("refused");
    expect(row.come("a", { callEndedAtMs })).toBe("ignored");
    expect(row.ask("a", { callEndedAtMs, eventAtMs: row.nowMs + 1 })).toBe("launched");
    // It was deleted, and made again: now a POST finds it, too.
    expect(isCallOver(row.now, callEndedAtMs)).toBe(false);
    expect(row.ask("b", { callEndedAtMs, source: "post" })).toBe("launching");
  });

  it("is given back when ECS refused it, or when it was one too many, and the same event may ask again", () => {
    const row = claimed();
    expect(row.take({ type: "refused", launchId: "a", detail: "capacity" })).toBe("noted");
    expect(row.now).toMatchObject({ end: { reason: "launch_refused", detail: "capacity" }, launchedAtMs: [] });
    expect(row.ask("b")).toBe("launched");
    expect(row.take({ type: "over_cap", launchId: "b" })).toBe("noted");
    expect(row.ask("c")).toBe("launched");
    expect(row.take({ type: "refused", launchId: "b", detail: "late" })).toBe("ignored");
    expect(row.confirm("b")).toBe("replaced");
    expect(row.confirm("c")).toBe("confirmed");
    expect(row.take({ type: "refused", launchId: "c", detail: "late" })).toBe("ignored");
  });

  it("is kept where the shell asks ECS again, for as long as launches are counted", () => {
    const row = claimed();
    const refused: Input = { type: "refused", launchId: "a", detail: "capacity", isAskedAgain: true };
    row.take(refused);
    expect(row.now.state).toBe("launching");
    row.after(launchWindowMs).take(refused);
    expect(row.now.end?.reason).toBe("launch_refused");
  });

  it("happens three times in ten minutes, whoever asks", () => {
    const row = claimed();
    for (const next of ["b", "c"]) {
      row.confirm(row.now.launchId);
      row.end(row.now.launchId, "idle");
      expect(row.after(minute).come(next)).toBe("launched");
    }
    row.confirm("c");
    row.end("c", "idle");
    const wanted = { launchId: "d", sessionId, eventAtMs: row.after(minute).nowMs } as const;
    const refused = { type: "refused", reason: "launches", retryAfterMs: 7 * minute };
    expect(row.answer({ ...wanted, type: "return", trigger: "participant_joined" })).toEqual(refused);
    expect(row.answer({ ...wanted, type: "ask", source: "post", configId: "d" })).toEqual(refused);
    expect(row.after(7 * minute).come("e")).toBe("launched");
  });
});

describe("joining", () => {
  it("is for the task of the claim alone", () => {
    const row = claimed();
    expect(row.confirm("x")).toBe("replaced");
    expect(row.confirm("a")).toBe("confirmed");
    expect(row.confirm("a")).toBe("confirmed");
    expect(row.take({ type: "confirm", launchId: "a", taskArn: "another task of the same launch" })).toBe("replaced");
    expect(new Row().confirm("a")).toBe("replaced");
  });

  it("waits until the last task is out of the call", () => {
    const row = running();
    row.end("a", "idle", { isOut: false });
    expect(row.now).toMatchObject({ state: "ended", leaving: { launchId: "a", taskArn: "arn:a" } });
    expect(row.after(second).come("b")).toBe("launched");
    expect(row.confirm("b")).toBe("wait");
    row.end("x", "idle");
    expect(row.confirm("b")).toBe("wait");
    row.end("a", "idle");
    expect(row.confirm("b")).toBe("confirmed");
  });

  it("waits until ECS says so, where the last task does not", () => {
    const row = running();
    row.leave("removed");
    expect(row.ask("b", { source: "post" })).toBe("launched");
    expect(row.confirm("b")).toBe("wait");
    expect(orderFor(row.pair, "a", sessionId)).toBe("removed");
    expect(row.stop("a", "c")).toBe("noted");
    expect(row.confirm("b")).toBe("confirmed");
  });

  it("is refused with the reason where the agent was sent away before", () => {
    const row = claimed();
    expect(row.leave("removed")).toBe("leaving");
    expect(row.answer({ type: "confirm", launchId: "a", taskArn: "arn:a" })).toEqual({
      type: "leave",
      reason: "removed",
    });
    expect(row.now.end?.reason).toBe("removed");
  });
});

describe("a ring", () => {
  it("is marked on an agent that is coming, and not on its way back", () => {
    const row = claimed();
    expect(row.take({ type: "ring" })).toBe("noted");
    expect(row.now.rings).toBe(true);
    row.confirm("a");
    row.end("a", "idle");
    row.after(second).come("b");
    expect(row.now.rings).toBeUndefined();
    expect(new Row().take({ type: "ring" })).toBe("not_there");
  });

  it("is known from the start where the event says so", () => {
    const row = new Row();
    row.ask("a", { rings: true });
    expect(row.now.rings).toBe(true);
  });
});
