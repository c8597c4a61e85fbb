import { describe, expect, it } from "vitest";
import { type EndReason, exitCodes } from "../../bridge-task/job.ts";
import { comesBack, isLive, launchWindowMs } from "../../functions/dispatch/protocol.ts";
import { claimed, endedBy, minute, Row, running, second, sessionId } from "./protocol-row.ts";

describe("coming back", () => {
  it("is for people who come, after it left because it saw nobody", () => {
    for (const reason of ["idle", "waited"] as const) {
      const row = endedBy(reason);
      expect(row.stop("a", "x")).toBe("ignored");
      expect(row.come("b")).toBe("launched");
      expect(row.now).toMatchObject({ launchId: "b", configId: "of-a" });
    }
  });

  it("is not for an event from before it left, but for one that it may not have seen yet", () => {
    const row = endedBy("idle");
    const endMs = row.now.end?.atMs ?? 0;
    expect(row.come("b", { eventAtMs: endMs - minute })).toBe("ignored");
    expect(row.come("b", { eventAtMs: endMs - second })).toBe("launched");
  });

  it("is for somebody who came after it left, though the clock of its task is ahead of Stream's", () => {
    const row = endedBy("idle");
    const endMs = row.now.end?.atMs ?? 0;
    expect(row.come("b", { eventAtMs: endMs - 7 * second })).toBe("launched");
    expect(endedBy("kicked").come("b", { sessionId: undefined, eventAtMs: endMs - 7 * second })).toBe("ignored");
  });

  it("is not for the very event that it was there for, though Stream's clock is ahead", () => {
    const eventAtMs = new Row().nowMs + 10 * second;
    for (const [event, knock] of [
      [eventAtMs, undefined],
      [eventAtMs - second, eventAtMs],
    ] as const) {
      const row = new Row();
      row.ask("a", { sessionId: undefined, eventAtMs: event });
      if (knock !== undefined) row.come("b", { sessionId: undefined, eventAtMs: knock });
      row.after(4 * second).leave("removed");
      expect(row.ask("c", { sessionId: undefined, eventAtMs })).toBe("ignored");
      expect(row.ask("c", { sessionId: undefined, eventAtMs: eventAtMs + 1 })).toBe("launched");
    }
  });

  it("needs nobody after a crash, and nobody's leave", () => {
    const row = running();
    expect(row.stop("a", "b")).toBe("launched");
    expect(row.now).toMatchObject({ state: "launching", launchId: "b", configId: "of-a" });
    expect(row.now.leaving).toBeUndefined();
    expect(row.stop("a", "c")).toBe("ignored");
    expect(row.stop("b", "c")).toBe("launched");
    expect(row.stop("c", "d")).toBe("gave_up");
    expect(row.now.end).toMatchObject({ reason: "gave_up", detail: "crashed" });
    expect(row.after(launchWindowMs).come("e")).toBe("launched");
  });

  it("asks ECS once more where its own answer was lost", () => {
    const row = running();
    row.stop("a", "b");
    expect(row.stop("a", "b")).toBe("launched");
    expect(row.now.launchId).toBe("b");
    expect(row.runTaskCount).toBe(3);
  });

  it("waits for ECS's word after the task said that it broke down", () => {
    for (const reason of ["internal", "sfu_lost", "model_lost", "join_failed", "stopped"] as const) {
      const row = endedBy(reason);
      expect(row.now.state).toBe("ended");
      expect(isLive(row.now)).toBe(true);
      expect(row.stop("a", "b")).toBe("launched");
    }
  });

  it("is not for a task that an operator stopped, until people come", () => {
    const row = running();
    expect(row.stop("a", "b", { operatorStopped: true })).toBe("noted");
    expect(row.now).toMatchObject({ state: "ended", end: { reason: "stopped" } });
    expect(isLive(row.now)).toBe(false);
    expect(row.after(second).come("c")).toBe("launched");
  });

  it("in the same session is only for a POST, after an end for good", () => {
    const reasons = Object.keys(exitCodes) as EndReason[];
    const final = reasons.filter((reason) => !comesBack(reason) && reason !== "backstage");
    for (const reason of final) {
      const row = endedBy(reason);
      expect(row.stop("a", "x")).toBe("ignored");
      expect(row.come("b")).toBe("ignored");
      expect(row.come("b", { trigger: "session_started" })).toBe("ignored");
      expect(row.ask("b")).toBe("ignored");
      expect(row.come("b", { sessionId: "tuesday", trigger: "session_started" })).toBe("ask_joins");
      expect(row.ask("b", { source: "post" })).toBe("launched");
    }
    expect(final.length).toBe(14);
  });

  it("in another session is for joins to say", () => {
    const row = endedBy("kicked");
    expect(row.come("b", { sessionId: "tuesday", trigger: "session_started" })).toBe("ask_joins");
    expect(row.ask("b", { sessionId: "tuesday" })).toBe("launched");
    expect(row.now).toMatchObject({ sessionId: "tuesday", configId: "of-b" });
  });

  it("from backstage is for call.live_started", () => {
    const row = endedBy("backstage");
    expect(row.come("b")).toBe("ignored");
    expect(row.come("b", { trigger: "session_started" })).toBe("ignored");
    expect(row.come("b", { trigger: "live_started" })).toBe("launched");
  });

  it("happens for the next session that began before the end of the last one was written", () => {
    const row = running().after(minute);
    expect(row.come("b", { sessionId: "tuesday" })).toBe("present");
    expect(row.now.sessionId).toBe(sessionId);
    row.end("a", "call_ended");
    expect(row.stop("a", "c")).toBe("launched");
    expect(row.now.sessionId).toBe("tuesday");
  });

  it("does not happen for a session from before it joined", () => {
    const row = new Row();
    row.ask("a", { source: "post", sessionId: undefined });
    const eventAtMs = row.after(second).nowMs;
    row.after(second).confirm("a");
    row.come("b", { sessionId: "sunday", eventAtMs });
    row.after(minute).end("a", "kicked");
    expect(row.stop("a", "c")).toBe("ignored");
    expect(row.come("d", { sessionId: "sunday", eventAtMs })).toBe("ignored");
  });

  it("happens for a session that began between DELETE and the end that it led to", () => {
    const row = running();
    row.leave("removed");
    const eventAtMs = row.after(second).nowMs;
    row.after(second).end("a", "removed");
    expect(row.come("b", { sessionId: "tuesday", trigger: "session_started", eventAtMs })).toBe("ask_joins");
  });

  it("hands over where the next session calls while the task is told that the last one ended", () => {
    const row = running().after(minute);
    row.leave("call_ended", { sessionId });
    expect(row.come("b", { sessionId: "tuesday", trigger: "session_started" })).toBe("ask_joins");
    expect(row.ask("b", { sessionId: "tuesday" })).toBe("launched");
    expect(row.now.leaving).toMatchObject({ launchId: "a", reason: "call_ended" });
    expect(row.confirm("b")).toBe("wait");
  });

  it("ends with DELETE, though the agent was gone already", () => {
    for (const reason of ["idle", "internal"] as const) {
      const row = endedBy(reason);
      expect(row.leave("removed")).toBe("not_there");
      expect(row.stop("a", "b")).toBe("ignored");
      expect(row.after(second).come("c")).toBe("ignored");
    }
  });

  it("ends with DELETE for the first session, where there was none yet, and for no later one", () => {
    const dismissed = () => {
      const row = new Row();
      row.ask("a", { sessionId: undefined });
      row.after(second).leave("removed");
      return row.after(second);
    };
    const row = dismissed();
    expect(row.come("b", { trigger: "live_started", sessionId: undefined })).toBe("ignored");
    expect(row.come("b", { trigger: "session_started" })).toBe("ignored");
    expect(row.after(second).come("b")).toBe("ignored");
    expect(row.ask("b")).toBe("ignored");
    expect(row.come("b", { trigger: "session_started", sessionId: "tuesday" })).toBe("ask_joins");
    expect(row.ask("b", { source: "post" })).toBe("launched");
    // Under its old id the call was made again.
    const callEndedAtMs = row.after(second).nowMs;
    const again = dismissed().after(minute);
    expect(again.come("b", { trigger: "session_started", callEndedAtMs })).toBe("ask_joins");
    expect(again.ask("b", { sessionId: undefined, callEndedAtMs })).toBe("launched");
  });

  it("ends with DELETE for the session of a task that has not said where it is", () => {
    const row = new Row();
    row.ask("a", { sessionId: undefined });
    row.confirm("a");
    row.leave("removed");
    expect(row.after(second).come("b")).toBe("ignored");
    row.end("a", "removed", { sessionId: undefined });
    expect(row.after(second).come("b")).toBe("ignored");
    expect(row.come("b", { sessionId: "tuesday" })).toBe("ask_joins");
  });

  it("ends for good in the session that the events told of, where the task did not say where it was", () => {
    const row = claimed();
    row.confirm("a");
    row.end("a", "kicked", { sessionId: undefined });
    expect(row.after(second).come("b")).toBe("ignored");
    expect(row.come("b", { sessionId: "tuesday" })).toBe("ask_joins");
  });

  it("ends with the call", () => {
    const row = endedBy("sfu_lost");
    row.leave("call_ended");
    expect(row.stop("a", "b")).toBe("ignored");
  });
});
