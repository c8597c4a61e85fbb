import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fixture, startFixture, stoppedDetail } from "./fixture.ts";

let fixture: Fixture;
let callCount = 0;

/** A call of its own for each test. */
const newCall = (): string => {
  callCount += 1;
  return `default:call-${callCount}`;
};

const tasksOf = (cid: string, userId = "max") =>
  fixture
    .started()
    .filter(({ job }) => `${job.call.type}:${job.call.id}` === cid && job.agentUserId === userId)
    .map(({ job }) => job.launchId);

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

describe("asking for an agent", () => {
  it("claims the pair, stores the assignment, tells the call, and starts one task for the launch", async () => {
    const cid = newCall();
    const user = { id: "max", name: "Max" };
    const asked = await fixture.ask(cid, { user });
    expect(asked).toMatchObject({ outcome: "launched", pair: { state: "launching" } });
    const pair = await fixture.pair(cid);
    expect(tasksOf(cid)).toEqual([pair.launchId]);
    expect(await fixture.table.config(cid, pair.configId)).toEqual({ user });
    expect(fixture.announced.at(-1)).toMatchObject({ user, mayCreateUser: true });
  });

  it("twice finds the same launch, and RunTask with its token starts nothing", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "present", pair: { state: "launching" } });
    expect(await fixture.confirm(cid)).toBe("confirmed");
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "present", pair: { state: "running" } });
    expect(tasksOf(cid)).toHaveLength(1);
  });

  it("twenty times at once starts one task", async () => {
    const cid = newCall();
    const asked = await Promise.all(Array.from({ length: 20 }, () => fixture.ask(cid)));
    expect(asked.filter(({ outcome }) => outcome === "launched")).toHaveLength(1);
    expect(asked.filter(({ outcome }) => outcome === "present")).toHaveLength(19);
    expect(tasksOf(cid)).toHaveLength(1);
  });

  it("does not store an assignment where the agent is there", async () => {
    const cid = newCall();
    await fixture.ask(cid, { user: { id: "max", name: "first" } });
    await fixture.ask(cid, { user: { id: "max", name: "second" } });
    const { configId } = await fixture.pair(cid);
    expect(await fixture.table.config(cid, configId)).toMatchObject({ user: { name: "first" } });
  });

  it("whose settings are too large is refused before anything is claimed", async () => {
    const cid = newCall();
    const user = { id: "max", custom: { text: "x".repeat(100_000) } };
    await expect(fixture.ask(cid, { user })).rejects.toThrow(/at most 100000/);
    expect(await fixture.table.pair(cid, "max")).toBeUndefined();
  });
});

describe("when ECS", () => {
  it("refuses, the launch is over and the next one asks again", async () => {
    const cid = newCall();
    fixture.aws.planFault({ action: "RunTask", kind: "failures", reason: "RESOURCE:CPU" });
    await expect(fixture.ask(cid)).rejects.toMatchObject({ code: "launch_failed", retryable: true });
    expect((await fixture.pair(cid)).end).toMatchObject({ reason: "launch_refused" });
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "launched" });
  });

  it.each([
    ["throttles", { kind: "throttle" }],
    ["fails", { kind: "error", code: "ServerException", status: 500 }],
    ["loses its answer", { kind: "lose_answer" }],
  ] as const)("%s, nobody knows: the launch stands, and the next one asks for it again", async (_name, fault) => {
    const cid = newCall();
    fixture.aws.planFault({ action: "RunTask", ...fault });
    await expect(fixture.ask(cid)).rejects.toMatchObject({ code: "launch_failed", retryable: true });
    const { launchId } = await fixture.pair(cid);
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "present" });
    expect(tasksOf(cid)).toEqual([launchId]);
  });

  it("knows the token with other parameters, because a deploy came between, the task counts as started", async () => {
    const cid = newCall();
    const members = { resourceIds: ["arn:aws:ecs:us-east-1:123456789012:task/local/earlier"] };
    fixture.aws.planFault({ action: "RunTask", kind: "error", code: "ConflictException", members });
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "launched", taskArn: members.resourceIds[0] });
  });

  it("knows the token with other parameters, and its task is dead, another launch follows at once", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    const task = fixture.latest(cid);
    await fixture.die(task);
    const members = { resourceIds: [task.taskArn] };
    fixture.aws.planFault({ action: "RunTask", kind: "error", code: "ConflictException", members });
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "present" });
    expect(tasksOf(cid)).toEqual([task.job.launchId, (await fixture.pair(cid)).launchId]);
  });

  it("answers a dead task to the token, another launch follows at once", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    const task = fixture.latest(cid);
    await fixture.die(task);
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "present" });
    expect(tasksOf(cid)).toEqual([task.job.launchId, (await fixture.pair(cid)).launchId]);
  });
});

describe("the end of a call", () => {
  it("tells every agent to leave, and nobody comes after it", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    await fixture.ask(cid, { user: { id: "eva" } });
    const endedAtMs = fixture.now();
    await fixture.dispatcher.callEnded(cid, endedAtMs);
    expect(await fixture.pair(cid)).toMatchObject({ state: "running", wish: { reason: "call_ended" } });
    expect(await fixture.pair(cid, "eva")).toMatchObject({ state: "ended", end: { reason: "call_ended" } });
    expect(await fixture.ask(cid, { user: { id: "new" } })).toMatchObject({ outcome: "refused", reason: "call_ended" });
    const late = { source: "event", eventAtMs: endedAtMs - 1, user: { id: "new" } } as const;
    expect(await fixture.ask(cid, late)).toMatchObject({ outcome: "refused", reason: "call_ended" });
  });

  it("that was never seen before leaves a tombstone", async () => {
    const cid = newCall();
    await fixture.dispatcher.callEnded(cid, fixture.now());
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "refused", reason: "call_ended" });
    expect(tasksOf(cid)).toEqual([]);
  });

  it("between the claim and RunTask takes the claim back", async () => {
    const cid = newCall();
    const endedAtMs = fixture.now() + 1;
    const { marks } = fixture.table;
    let readCount = 0;
    // The first read of the tombstone is before the claim, the second behind it.
    fixture.table.marks = async (ofCid) => {
      readCount += 1;
      if (readCount === 2) await marks.call(fixture.table, ofCid).then(() => fixture.table.markEnded(ofCid, endedAtMs));
      return marks.call(fixture.table, ofCid);
    };
    try {
      expect(await fixture.ask(cid)).toMatchObject({ outcome: "refused", reason: "call_ended" });
    } finally {
      fixture.table.marks = marks;
    }
    expect(await fixture.pair(cid)).toMatchObject({ state: "ended", end: { reason: "call_ended" } });
    expect(tasksOf(cid)).toEqual([]);
  });

  it("is over when a later event shows the call alive: its id is used again", async () => {
    const cid = newCall();
    const endedAtMs = fixture.now() - 60_000;
    await fixture.dispatcher.callEnded(cid, endedAtMs);
    const event = { source: "event", user: { id: "lucy" }, agent: "lucy" } as const;
    expect(await fixture.ask(cid, event)).toMatchObject({ outcome: "launched" });
    expect(await fixture.ask(cid)).toMatchObject({ outcome: "launched" });
    expect(await fixture.ask(cid, { ...event, eventAtMs: endedAtMs, user: { id: "late" } })).toMatchObject({
      outcome: "refused",
      reason: "call_ended",
    });
  });

  it("of a session is for the agents of that session only", async () => {
    const cid = newCall();
    await fixture.ask(cid, { sessionId: "one" });
    await fixture.join(cid, "one");
    await fixture.dispatcher.sessionEnded(cid, "other", fixture.now());
    expect(await fixture.pair(cid)).not.toHaveProperty("wish");
    await fixture.dispatcher.sessionEnded(cid, "one", fixture.now());
    expect(await fixture.pair(cid)).toHaveProperty("wish.reason", "call_ended");
  });
});

describe("a ringing call", () => {
  it("keeps agents waiting that were there before, and those that come while it rings", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.dispatcher.ring(cid, fixture.now());
    await fixture.ask(cid, { user: { id: "eva" } });
    expect(await fixture.pair(cid)).toHaveProperty("rings", true);
    expect(await fixture.pair(cid, "eva")).toHaveProperty("rings", true);
  });

  it("that rang long ago keeps nobody waiting", async () => {
    const cid = newCall();
    await fixture.dispatcher.ring(cid, fixture.now() - 10 * 60_000);
    await fixture.ask(cid);
    expect(await fixture.pair(cid)).not.toHaveProperty("rings");
  });
});

describe("bringing back", () => {
  const leaveAsIdle = async (cid: string) => {
    await fixture.ask(cid, { sessionId: "one" });
    await fixture.join(cid, "one");
    const { launchId, knockCount } = await fixture.pair(cid);
    const end = { type: "end", launchId, reason: "idle", knockCount } as const;
    await fixture.table.change(cid, "max", { ...end, isOut: false });
    await fixture.table.change(cid, "max", { ...end, isOut: true });
  };
  const joined = (cid: string, rest = {}) =>
    fixture.dispatcher.bringBack({
      cid,
      trigger: "participant_joined",
      sessionId: "one",
      eventAtMs: fixture.now() + 10_000,
      ...rest,
    });

  it("launches again with the same assignment, and tells the call without making users", async () => {
    const cid = newCall();
    await leaveAsIdle(cid);
    const before = await fixture.pair(cid);
    expect(await joined(cid)).toMatchObject([{ userId: "max", outcome: "launched" }]);
    const after = await fixture.pair(cid);
    expect(after).toMatchObject({ state: "launching", configId: before.configId });
    expect(tasksOf(cid)).toEqual([before.launchId, after.launchId]);
    expect(fixture.announced.at(-1)).toMatchObject({ user: { id: "max" }, mayCreateUser: false });
  });

  it("knocks where the agent is there", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const { knockCount } = await fixture.pair(cid);
    expect(await joined(cid)).toMatchObject([{ outcome: "present" }]);
    expect((await fixture.pair(cid)).knockCount).toBe(knockCount + 1);
  });

  it("is nothing where nobody was, and where the one who came is the agent", async () => {
    const cid = newCall();
    expect(await joined(cid)).toEqual([]);
    await leaveAsIdle(cid);
    expect(await joined(cid, { participantUserId: "max" })).toEqual([]);
  });

  it("does not bring back into the session from which it was sent away", async () => {
    const cid = newCall();
    await fixture.ask(cid, { sessionId: "one" });
    await fixture.join(cid, "one");
    expect(await fixture.dispatcher.dismiss(cid, "max")).toBe("leaving");
    expect(await joined(cid)).toMatchObject([{ outcome: "not_now" }]);
    expect(await joined(cid, { sessionId: "two", trigger: "session_started" })).toMatchObject([
      { outcome: "ask_joins" },
    ]);
  });
});

describe("a task that stopped", () => {
  it("without a word is followed by another, three times in ten minutes", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    expect(await fixture.crash(cid)).toBe("relaunched");
    await fixture.confirm(cid);
    expect(await fixture.crash(cid)).toBe("relaunched");
    await fixture.confirm(cid);
    expect(await fixture.crash(cid)).toBe("gave_up");
    expect(tasksOf(cid)).toHaveLength(3);
    expect((await fixture.pair(cid)).end).toMatchObject({ reason: "gave_up" });
    const asked = await fixture.ask(cid);
    expect(asked).toMatchObject({ outcome: "refused", reason: "launches", retryAfterSeconds: expect.any(Number) });
    expect(fixture.lines.map(({ event }) => event)).toContain("agent_gave_up");
  });

  it("without a word has a record all the same: when, and how ECS says it ended", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const task = fixture.latest(cid);
    const { launchId } = task.job;
    await fixture.crash(cid);
    const record = await fixture.dispatcher.record(cid, "max");
    expect(record).toMatchObject({
      call: { cid },
      agent: { userId: "max" },
      launchId,
      reason: "crashed",
      detail: expect.stringContaining("bridge exited with 137"),
    });
    await fixture.dispatcher.stopped(stoppedDetail(task));
    expect(await fixture.dispatcher.record(cid, "max")).toEqual(record);
  });

  it("is an error in the log that names call, agent and launch, and a task that ended well is not", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const isOfCall = ({ event, callCid }: Record<string, unknown>) => event === "task_ended_badly" && callCid === cid;
    const well = stoppedDetail(fixture.latest(cid), { containers: [{ name: "bridge", exitCode: 0 }] });
    await fixture.dispatcher.stopped(well);
    expect(fixture.lines.filter(isOfCall)).toEqual([]);
    await fixture.dispatcher.stopped(stoppedDetail(fixture.latest(cid)));
    expect(fixture.lines.filter(isOfCall)).toMatchObject([
      {
        level: "error",
        agentUserId: "max",
        launchId: expect.any(String),
        stopCode: "EssentialContainerExited",
        exitCode: 137,
        reason: "crashed",
        detail: expect.stringContaining("bridge exited with 137"),
      },
    ]);
  });

  it("while it said its goodbye has a record that says why it left", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const { launchId } = fixture.latest(cid).job;
    const goodbye = { type: "end", launchId, reason: "kicked", knockCount: 0, isOut: false } as const;
    await fixture.table.change(cid, "max", goodbye);
    await fixture.crash(cid);
    expect(await fixture.dispatcher.record(cid, "max")).toMatchObject({ launchId, reason: "kicked" });
    expect(tasksOf(cid)).toHaveLength(1);
  });

  it("is told of again, late and twice, without effect", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const { taskArn } = fixture.latest(cid);
    await fixture.crash(cid);
    const detail = { taskArn, lastStatus: "STOPPED" };
    // An event that carries no overrides: ECS is asked whose it was.
    expect(await fixture.dispatcher.stopped(detail)).toBe("ignored");
    expect(tasksOf(cid)).toHaveLength(2);
  });

  it("because an operator stopped it stays away", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const { taskArn } = fixture.latest(cid);
    await fixture.aws.stopTask(taskArn);
    const detail = { taskArn, lastStatus: "STOPPED", stopCode: "UserInitiated" };
    expect(await fixture.dispatcher.stopped(detail)).toBe("noted");
    expect(tasksOf(cid)).toHaveLength(1);
    expect((await fixture.pair(cid)).state).toBe("ended");
  });

  it("and is none of ours, or has not stopped, is ignored", async () => {
    const taskArn = "arn:aws:ecs:us-east-1:123456789012:task/local/unknown";
    expect(await fixture.dispatcher.stopped({ taskArn, lastStatus: "STOPPED" })).toBe("ignored");
    expect(await fixture.dispatcher.stopped({ taskArn, lastStatus: "RUNNING" })).toBe("ignored");
    expect(await fixture.dispatcher.stopped(undefined)).toBe("ignored");
  });
});

describe("letters", () => {
  it("go to the agent that is there, and its answer is waited for", async () => {
    const cid = newCall();
    await fixture.ask(cid);
    await fixture.confirm(cid);
    const sent = await fixture.dispatcher.send(cid, "max", { kind: "update", data: { colour: "red" } });
    if (sent.outcome !== "sent") throw new Error(sent.outcome);
    const { launchId, mail } = await fixture.pair(cid);
    expect(mail).toMatchObject([{ id: sent.mailId, data: { colour: "red" } }]);
    const answered = fixture.dispatcher.answerTo(cid, "max", sent.mailId, 5_000);
    const answer = { applied: ["data"], notApplied: [] };
    await fixture.table.change(cid, "max", { type: "beat", launchId, acknowledged: [{ id: sent.mailId, answer }] });
    expect(await answered).toEqual(answer);
  });

  it("are refused where nobody is, and when the mailbox is full; an answer that does not come is undefined", async () => {
    const cid = newCall();
    const letter = { kind: "message", text: "hello", respond: true } as const;
    expect(await fixture.dispatcher.send(cid, "max", letter)).toEqual({ outcome: "not_there" });
    await fixture.ask(cid);
    await fixture.confirm(cid);
    for (let count = 0; count < 20; count += 1) await fixture.dispatcher.send(cid, "max", letter);
    expect(await fixture.dispatcher.send(cid, "max", letter)).toEqual({ outcome: "mailbox_full" });
    expect(await fixture.dispatcher.answerTo(cid, "max", "none", 50)).toBeUndefined();
  });
});

it("lists the agents of a call, and has the record of the latest stay", async () => {
  const cid = newCall();
  await fixture.ask(cid);
  await fixture.ask(cid, { user: { id: "maximilian" } });
  expect((await fixture.dispatcher.list(cid)).map(({ userId }) => userId)).toEqual(["max", "maximilian"]);
  expect(await fixture.dispatcher.record(cid, "max")).toBeUndefined();
  await fixture.table.putRecord(cid, "max", "2026-01-01T00:00:00.000Z", { turns: 1 });
  await fixture.table.putRecord(cid, "max", "2026-01-02T00:00:00.000Z", { turns: 2 });
  await fixture.table.putRecord(cid, "maximilian", "2026-01-03T00:00:00.000Z", { turns: 3 });
  expect(await fixture.dispatcher.record(cid, "max")).toEqual({ turns: 2 });
});
