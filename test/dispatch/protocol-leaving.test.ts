import { describe, expect, it } from "vitest";
import { isLive, orderFor, silentAfterMs, sweepAfterMs, sweepNeeds } from "../../functions/dispatch/protocol.ts";
import { claimed, endedBy, minute, Row, running, second, sessionId } from "./protocol-row.ts";

describe("leaving", () => {
  it("is told to the running task, and to no other", () => {
    const row = running();
    expect(orderFor(row.pair, "a", sessionId)).toBeUndefined();
    expect(row.leave("call_ended")).toBe("leaving");
    expect(orderFor(row.pair, "a", sessionId)).toBe("call_ended");
    expect(row.leave("removed")).toBe("leaving");
    expect(orderFor(row.pair, "a", sessionId)).toBe("removed");
    expect(orderFor(row.pair, "b", sessionId)).toBe("replaced");
    expect(orderFor(undefined, "a", sessionId)).toBe("replaced");
  });

  it("with a session that ended concerns only who is in it", () => {
    const row = running();
    expect(row.leave("call_ended", { sessionId: "sunday" })).toBe("ignored");
    expect(row.leave("call_ended", { sessionId })).toBe("leaving");
    expect(orderFor(row.pair, "a", sessionId)).toBe("call_ended");
    expect(orderFor(row.pair, "a", "tuesday")).toBeUndefined();
    row.take({ type: "beat", launchId: "a", sessionId: "tuesday", acknowledged: [] });
    expect(row.now.wish).toBeUndefined();
  });

  it("with the session that the events told of waits until the task has said that it is there", () => {
    const told = () => {
      const row = claimed();
      row.confirm("a");
      expect(row.after(second).leave("call_ended", { sessionId: "sunday" })).toBe("ignored");
      expect(row.leave("call_ended", { sessionId })).toBe("leaving");
      expect(orderFor(row.pair, "a", undefined)).toBeUndefined();
      expect(row.take({ type: "beat", launchId: "a", acknowledged: [] })).toBe("noted");
      return row.after(second);
    };
    const there = told();
    expect(orderFor(there.pair, "a", sessionId)).toBe("call_ended");
    there.take({ type: "beat", launchId: "a", sessionId, acknowledged: [] });
    expect(orderFor(there.pair, "a", undefined)).toBe("call_ended");
    expect(there.stop("a", "b")).toBe("noted");

    const elsewhere = told();
    const mail = { id: "1", atMs: 0, kind: "message", text: "Hello", respond: false } as const;
    expect(elsewhere.take({ type: "mail", mail })).toBe("sent");
    expect(orderFor(elsewhere.pair, "a", "tuesday")).toBeUndefined();
    expect(elsewhere.come("b", { sessionId: "tuesday", trigger: "session_started" })).toBe("present");
    elsewhere.take({ type: "beat", launchId: "a", sessionId: "tuesday", acknowledged: [] });
    expect(elsewhere.now.wish).toBeUndefined();

    // Nobody knows where it was: another goes and sees.
    const lost = told();
    expect(lost.come("b", { sessionId: "tuesday" })).toBe("present");
    expect(lost.stop("a", "c")).toBe("launched");
    expect(lost.now.sessionId).toBe("tuesday");
    expect(lost.leave("call_ended", { sessionId })).toBe("ignored");
    const broken = claimed();
    broken.confirm("a");
    broken.end("a", "internal", { sessionId: undefined });
    broken.stop("a", "b");
    expect(broken.leave("call_ended", { sessionId })).toBe("ignored");
  });

  it("does not concern a call that was made again under its old id", () => {
    const row = running().after(minute);
    expect(row.leave("call_ended", { atMs: row.nowMs - 2 * minute })).toBe("ignored");
    expect(new Row().leave("call_ended")).toBe("not_there");
  });

  it("with a call that was made again is told to a task from before, and people of the new one bring the agent back", () => {
    const row = running().after(minute);
    const callEndedAtMs = row.nowMs;
    row.after(minute).come("b");
    expect(row.leave("call_ended", { atMs: callEndedAtMs })).toBe("leaving");
    row.end("a", "call_ended");
    expect(row.stop("a", "c")).toBe("launched");
    // The same end of the call, delivered once more, is old news to the new launch.
    expect(row.leave("call_ended", { atMs: callEndedAtMs })).toBe("ignored");
  });

  it("as idle is put off while somebody came whom the task has not seen", () => {
    const row = running();
    expect(row.come("b")).toBe("present");
    const before = row.pair;
    expect(row.end("a", "idle", { isOut: false, knockCount: 0 })).toBe("look_again");
    expect(row.end("a", "waited", { isOut: false, knockCount: 0 })).toBe("look_again");
    expect(row.pair).toBe(before);
    expect(row.end("a", "idle", { isOut: false, knockCount: 1 })).toBe("noted");
  });

  it("without having asked, though somebody came, brings it back as soon as its task is gone", () => {
    const row = running();
    row.come("b");
    row.end("a", "idle", { knockCount: 0 });
    expect(row.stop("a", "c")).toBe("launched");
  });

  it("for a reason of its own stays a DELETE, if one was written", () => {
    for (const reason of ["idle", "sfu_lost", "call_ended"] as const) {
      const row = running();
      row.leave("removed");
      row.end("a", reason);
      expect(row.now.end).toMatchObject({ reason: "removed", sessionId });
      expect(row.stop("a", "b")).toBe("ignored");
      expect(row.after(second).come("c")).toBe("ignored");
    }
  });
});

describe("the sweeper", () => {
  const needs = (row: Row) => sweepNeeds(row.now, row.nowMs);

  it("asks for a launch again that nobody confirmed", () => {
    const row = claimed();
    expect(needs(row.after(sweepAfterMs)).runTask).toBe(false);
    expect(needs(row.after(1)).runTask).toBe(true);
  });

  it("looks a task up that is silent, is not out, or is owed a relaunch", () => {
    const silent = running();
    expect(needs(silent.after(silentAfterMs)).askEcs).toEqual([]);
    expect(needs(silent.after(1)).askEcs).toEqual([{ launchId: "a", taskArn: "arn:a" }]);
    const draining = running();
    draining.end("a", "idle", { isOut: false });
    expect(needs(draining.after(minute)).askEcs).toEqual([{ launchId: "a", taskArn: "arn:a" }]);
    expect(needs(endedBy("internal")).askEcs).toEqual([{ launchId: "a", taskArn: "arn:a" }]);
  });

  it("asks ECS by its token about a task that ended before it confirmed", () => {
    const row = claimed();
    row.end("a", "internal");
    expect(needs(row.after(minute))).toEqual({ runTask: true, askEcs: [] });
  });

  it("has nothing to do about a stay that is over", () => {
    const row = endedBy("idle").after(minute);
    expect(isLive(row.now)).toBe(false);
    expect(needs(row)).toEqual({ runTask: false, askEcs: [] });
  });
});
