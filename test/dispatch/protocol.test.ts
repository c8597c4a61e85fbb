import { describe, expect, it } from "vitest";
import { type EndReason, exitCodes } from "../../bridge-task/job.ts";
import {
  type Answer,
  comesBack,
  type End,
  type Input,
  isCallOver,
  isLive,
  launchWindowMs,
  type Mail,
  mailLimit,
  orderFor,
  type Pair,
  silentAfterMs,
  step,
  sweepAfterMs,
  sweepNeeds,
} from "../../functions/dispatch/protocol.ts";

const second = 1_000;
const minute = 60 * second;
const sessionId = "monday";

/** A pair, and the inputs it gets at the times they are given; every change is written. */
class Row {
  pair: Pair | undefined;
  nowMs = 1_000 * minute;
  runTaskCount = 0;

  take(input: Input): Answer["type"] {
    return this.answer(input).type;
  }

  answer(input: Input): Answer {
    const { pair, runTask, answer } = step(this.pair, input, this.nowMs);
    if (pair !== undefined) {
      expect(pair.version).toBe((this.pair?.version ?? 0) + 1);
      expect(JSON.parse(JSON.stringify(pair))).toStrictEqual(pair);
      this.pair = pair;
    }
    if (runTask) this.runTaskCount += 1;
    return answer;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  ask(launchId: string, more: Partial<Extract<Input, { type: "ask" }>> = {}): Answer["type"] {
    return this.take({ ...this.#wanted(launchId), type: "ask", source: "event", configId: `of-${launchId}`, ...more });
  }

  come(launchId: string, more: Partial<Extract<Input, { type: "return" }>> = {}): Answer["type"] {
    return this.take({ ...this.#wanted(launchId), type: "return", trigger: "participant_joined", ...more });
  }

  confirm(launchId: string): Answer["type"] {
    return this.take({ type: "confirm", launchId, taskArn: `arn:${launchId}` });
  }

  end(launchId: string, reason: EndReason, more: Partial<End> = {}): Answer["type"] {
    const knockCount = this.pair?.knockCount ?? 0;
    return this.take({ type: "end", launchId, reason, sessionId, knockCount, isOut: true, ...more });
  }

  leave(reason: "removed" | "call_ended", more: { sessionId?: string; atMs?: number } = {}): Answer["type"] {
    return this.take({ type: "leave", reason, atMs: this.nowMs, ...more });
  }

  stop(launchId: string, newLaunchId: string, more: { operatorStopped?: boolean } = {}): Answer["type"] {
    return this.take({ type: "stopped", launchId, newLaunchId, ...more });
  }

  get now(): Pair {
    if (this.pair === undefined) throw new Error("nothing was claimed");
    return this.pair;
  }

  #wanted(launchId: string) {
    return { launchId, sessionId, eventAtMs: this.nowMs };
  }
}

const claimed = () => {
  const row = new Row();
  row.ask("a");
  return row;
};

const running = () => {
  const row = claimed();
  row.confirm("a");
  row.take({ type: "beat", launchId: "a", sessionId, acknowledged: [] });
  return row;
};

const endedBy = (reason: EndReason) => {
  const row = running();
  row.end("a", reason);
  return row.after(30 * second);
};

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

  it("does not concern a call that was made again under its old id", () => {
    const row = running().after(minute);
    expect(row.leave("call_ended", { atMs: row.nowMs - 2 * minute })).toBe("ignored");
    expect(new Row().leave("call_ended")).toBe("not_there");
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
    row.end("a", "call_ended");
    expect(row.stop("a", "c")).toBe("launched");
    expect(row.now.sessionId).toBe("tuesday");
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

  it("ends with the call", () => {
    const row = endedBy("sfu_lost");
    row.leave("call_ended");
    expect(row.stop("a", "b")).toBe("ignored");
  });
});

describe("the mailbox", () => {
  const letter = (id: string, text = "hello"): Mail => ({ id, atMs: 0, kind: "message", text, respond: true });
  const send = (row: Row, mail: Mail) => row.take({ type: "mail", mail });

  it("takes letters for an agent that is there, or is coming", () => {
    expect(send(new Row(), letter("1"))).toBe("not_there");
    expect(send(claimed(), letter("1"))).toBe("sent");
    expect(send(endedBy("idle"), letter("1"))).toBe("not_there");
    const row = running();
    row.leave("removed");
    expect(send(row, letter("1"))).toBe("not_there");
  });

  it("holds each letter once, until it is acknowledged, and keeps the answer", () => {
    const row = running();
    send(row, letter("1"));
    expect(send(row, letter("1"))).toBe("sent");
    expect(row.now.mail.map(({ id }) => id)).toEqual(["1"]);
    const beat: Input = { type: "beat", launchId: "a", acknowledged: [{ id: "1", answer: { applied: ["voice"] } }] };
    expect(row.take(beat)).toBe("noted");
    expect(row.take(beat)).toBe("noted");
    expect(row.now).toMatchObject({ mail: [], answers: [{ id: "1", answer: { applied: ["voice"] } }] });
    expect(row.take({ ...beat, launchId: "x" })).toBe("replaced");
  });

  it("is bounded in letters and in bytes", () => {
    const row = running();
    for (let count = 0; count < mailLimit; count++) expect(send(row, letter(`${count}`))).toBe("sent");
    expect(send(row, letter("one more"))).toBe("refused");
    expect(send(running(), letter("long", "ä".repeat(100_000)))).toBe("refused");
  });

  it("keeps the latest answers, within bounds", () => {
    const row = running();
    for (let count = 0; count < 12; count++) {
      send(row, letter(`${count}`));
      row.take({ type: "beat", launchId: "a", acknowledged: [{ id: `${count}`, answer: "x".repeat(10_000) }] });
    }
    expect(row.now.answers.map(({ id }) => id)).toEqual(["8", "9", "10", "11"]);
  });

  it("goes on to the next task after a crash, and is empty for a new stay", () => {
    const row = running();
    send(row, letter("1"));
    row.stop("a", "b");
    expect(row.now.mail.length).toBe(1);
    row.confirm("b");
    row.end("b", "idle");
    row.after(second).come("c");
    expect(row.now.mail).toEqual([]);
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
