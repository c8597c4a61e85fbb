import { describe, expect, it } from "vitest";
import {
  type Input,
  isCallOver,
  isLive,
  launchWindowMs,
  orderFor,
  sweepNeeds,
} from "../../functions/dispatch/protocol.ts";
import { claimed, crashedThrice, crashedTwice, minute, Row, running, second, sessionId } from "./protocol-row.ts";

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

  it("happens three times in ten minutes where it ends badly, whoever asks", () => {
    const row = crashedThrice();
    const wanted = { launchId: "d", sessionId, eventAtMs: row.after(minute).nowMs } as const;
    const refused = { type: "refused", reason: "launches", retryAfterMs: 9 * minute };
    expect(row.answer({ ...wanted, type: "ask", source: "post", configId: "d" })).toEqual(refused);
    expect(row.answer({ ...wanted, type: "return", trigger: "participant_joined" })).toEqual(refused);
    expect(row.after(9 * minute).come("e")).toBe("launched");
  });

  it("counts those that ended badly, though one that ended well came after them", () => {
    const row = crashedTwice();
    row.end("c", "idle", { isOut: false });
    row.stop("c", "x");
    expect(row.after(minute).come("d")).toBe("launched");
    expect(row.stop("d", "e")).toBe("gave_up");
  });

  it("does not count where it ended well, but for twenty times in ten minutes", () => {
    const row = claimed();
    for (let count = 1; count < 20; count++) {
      // A person who comes and goes, and an application that cannot decide.
      const { launchId } = row.now;
      const isSentAway = count % 2 === 0;
      row.confirm(launchId);
      if (isSentAway) row.leave("removed");
      else row.end(launchId, "idle");
      row.after(20 * second);
      expect(isSentAway ? row.ask(`${count}`, { source: "post" }) : row.come(`${count}`)).toBe("launched");
      row.end(launchId, "removed");
    }
    row.confirm("19");
    row.end("19", "idle");
    row.after(20 * second);
    expect(row.ask("x", { source: "post" })).toBe("refused");
    expect(row.come("x")).toBe("refused");
    expect(row.stop("19", "x")).toBe("ignored");
    // The launches are 20 s apart.
    expect(row.after(launchWindowMs - 20 * 20 * second).come("y")).toBe("launched");
    row.confirm("y");
    row.end("y", "idle");
    expect(row.after(second).come("z")).toBe("refused");
  });
});

describe("a launch that somebody needs, and that may not be made yet", () => {
  const dueMs = launchWindowMs;
  const owed = () => {
    const row = crashedThrice();
    row.after(second).come("d");
    return row;
  };

  it("is made by the sweeper as soon as it may be", () => {
    const row = owed();
    expect(isLive(row.now)).toBe(true);
    row.after(5 * minute);
    expect(sweepNeeds(row.now, row.nowMs)).toEqual({ runTask: false, askEcs: [] });
    expect(row.stop("c", "x")).toBe("ignored");
    row.after(5 * minute);
    expect(sweepNeeds(row.now, row.nowMs).askEcs).toEqual([{ launchId: "c", taskArn: "arn:c" }]);
    expect(row.stop("c", "e", { operatorStopped: true })).toBe("launched");
    expect(row.now).toMatchObject({ state: "launching", launchId: "e", configId: "of-a", sessionId });
    expect(row.now.end).toBeUndefined();
  });

  it("stays owed though ECS tells of the last crash only then", () => {
    const row = crashedTwice();
    row.end("c", "sfu_lost");
    expect(row.after(second).come("d")).toBe("refused");
    expect(row.stop("c", "e")).toBe("ignored");
    expect(row.after(dueMs).stop("c", "e")).toBe("launched");
  });

  it("stays owed where the next session calls while the task is on its way out", () => {
    const row = claimed();
    const launchId = (count: number) => (count === 1 ? "a" : `${count}`);
    for (let count = 1; count < 20; count++) {
      row.end(launchId(count), "idle");
      row.after(20 * second).come(launchId(count + 1));
    }
    row.confirm("20");
    row.take({ type: "beat", launchId: "20", sessionId, acknowledged: [] });
    row.after(second).leave("call_ended", { sessionId });
    expect(row.after(second).ask("x", { sessionId: "tuesday" })).toBe("refused");
    row.end("20", "call_ended");
    expect(row.stop("20", "y")).toBe("noted");
    expect(row.now.end).toMatchObject({ reason: "call_ended", owed: true });
    expect(row.after(dueMs).stop("20", "z")).toBe("launched");
    expect(row.now.sessionId).toBe("tuesday");
  });

  it("stays owed to the call that was made after DELETE", () => {
    const row = crashedThrice();
    row.after(second).leave("removed");
    expect(row.after(second).ask("d", { sessionId: undefined })).toBe("refused");
    expect(row.after(second).come("e", { trigger: "session_started" })).toBe("ask_joins");
    expect(isLive(row.now)).toBe(true);
  });

  it("is of what joins said last", () => {
    const row = crashedThrice();
    row.after(second).ask("d", { sessionId: "tuesday", agent: "max" });
    expect(row.now).toMatchObject({ state: "ended", configId: "of-d", agent: "max" });
    row.after(dueMs).stop("c", "e");
    expect(row.now).toMatchObject({ state: "launching", configId: "of-d", agent: "max", sessionId: "tuesday" });
  });

  it("is no longer owed when it was made, when the agent is sent away, or when the session or the call is over", () => {
    const launched = owed();
    expect(launched.after(dueMs).come("e")).toBe("launched");
    expect(launched.now.end).toBeUndefined();
    const elsewhere = crashedThrice();
    elsewhere.after(second).come("d", { sessionId: "tuesday" });
    elsewhere.leave("call_ended", { sessionId });
    expect(isLive(elsewhere.now)).toBe(true);
    elsewhere.leave("call_ended", { sessionId: "tuesday" });
    const dismissed = owed();
    dismissed.leave("removed");
    const over = owed();
    over.leave("call_ended");
    const left = owed();
    left.leave("call_ended", { sessionId });
    for (const row of [elsewhere, dismissed, over, left]) {
      expect(isLive(row.now)).toBe(false);
      expect(row.after(dueMs).stop("c", "e")).toBe("ignored");
    }
  });

  it("is not owed to a POST, which is told when to ask again", () => {
    const row = crashedThrice();
    const before = row.pair;
    expect(row.after(second).ask("d", { source: "post" })).toBe("refused");
    expect(row.pair).toBe(before);
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
    row.end("b", "kicked", { isOut: false });
    row.end("b", "kicked");
    expect(row.now.leaving).toBeUndefined();
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
