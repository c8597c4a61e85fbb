import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exitCodes } from "../../bridge-task/job.ts";
import { isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import type { Session } from "../cloud/openai/session.ts";
import { agentUserId, greeting, isGone, Scene, startStage } from "./stage.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startStage();
});

beforeEach(() => {
  cloud.openai.mind.clear();
  cloud.openai.mind.add([greeting]);
});

afterAll(() => cloud?.close());

interface Begun {
  scene: Scene;
  ann: Person;
  pid: number;
  session: Session;
}

const joinsMs = 20_000;

/** A call in which the agent has been heard, its process and its model session. `assignment`: asked for by POST. */
const begin = async (assignment?: object): Promise<Begun> => {
  const scene = new Scene(cloud);
  if (assignment !== undefined) {
    await scene.create({ custom: { agent: false } });
    const user = { id: agentUserId, name: "Lucy" };
    expect((await scene.post({ user, greeting: "Say hello.", ...assignment })).status).toBe(202);
  }
  const ann = await scene.join("ann");
  await ann.hears(isVoice, joinsMs, "the greeting", 0);
  const { pid } = scene.task();
  if (pid === undefined) throw new Error("the task has no process");
  return { scene, ann, pid, session: scene.session() };
};

const expectNothingLeft = ({ scene, pid, session }: Begun): void => {
  expect(isGone(pid)).toBe(true);
  expect(scene.present()).not.toContain(agentUserId);
  expect(session.closed).toBeDefined();
};

/** Somebody else comes into the same session of the call: no agent that has gone for good comes with them. */
const expectStaysAway = async ({ scene }: Begun, taskCount = 1): Promise<void> => {
  const bob = await scene.join("bob");
  const { webhooks } = cloud.stream.coordinator;
  await webhooks.settled();
  await sleep(300);
  await webhooks.settled();
  expect(scene.tasks()).toHaveLength(taskCount);
  await bob.leave();
};

/** Leaves nobody behind, so that no task of this call disturbs the next one. */
const close = async ({ scene, ann }: Begun): Promise<void> => {
  await ann.leave();
  await scene.streamCall.end();
  for (const task of scene.tasks()) await scene.taskEnds(20_000, task);
};

describe("for good", () => {
  test("the call is ended", async () => {
    const begun = await begin();
    const { scene } = begun;
    await scene.streamCall.end();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "call_ended" });
    expectNothingLeft(begun);
    expect(await scene.record()).toMatchObject({ reason: "call_ended", people: [{ userId: "ann" }] });
    const late = await scene.post({ agent: "lucy" });
    expect(late).toMatchObject({ status: 409, body: { error: "call_ended" } });
    expect(scene.tasks()).toHaveLength(1);
  });

  test("somebody removes it from the call", async () => {
    const begun = await begin();
    const { scene } = begun;
    await fetch(`${cloud.info.controlUrl}/stream/calls/default/${scene.call.id}/kick`, {
      method: "POST",
      body: JSON.stringify({ userId: agentUserId }),
    });
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "kicked" });
    expectNothingLeft(begun);
    expect(await scene.record()).toMatchObject({ reason: "kicked" });
    await expectStaysAway(begun);
    await close(begun);
  });

  test("the application sends it away: it finishes its sentence", async () => {
    const speechMs = 2_500;
    const speech = { signal: "story", durationMs: speechMs };
    cloud.openai.mind.add([{ when: { after: "user" }, reply: { text: "A story.", speech } }]);
    const begun = await begin();
    const { scene, ann } = begun;
    await ann.hearsSilence(700, 10_000);
    const said = await scene.api("POST", `/${agentUserId}/messages`, { text: "Tell a story." });
    expect(said.status).toBe(202);
    const first = await ann.hears(isVoice, 10_000, "the story");
    expect((await scene.api("DELETE", `/${agentUserId}`)).status).toBe(202);
    expect(await scene.taskEnds(12_000)).toEqual({ exitCode: 0, reason: "removed" });
    const last = ann.frames(first.atMs).findLast(isVoice);
    expect((last?.atMs ?? 0) - first.atMs).toBeGreaterThan(speechMs - 500);
    expectNothingLeft(begun);
    expect(await scene.record()).toMatchObject({ reason: "removed" });
    await expectStaysAway(begun);
    await close(begun);
  });

  test("it hangs up by its tool: the call ends for everybody, after its goodbye", async () => {
    const goodbyeMs = 1_500;
    cloud.openai.mind.add([
      {
        when: { after: "user" },
        reply: {
          text: "Goodbye.",
          speech: { signal: "goodbye", durationMs: goodbyeMs },
          toolCalls: [{ name: "end_call", arguments: {} }],
        },
      },
    ]);
    const begun = await begin();
    const { scene, ann } = begun;
    await ann.hearsSilence(700, 10_000);
    await scene.api("POST", `/${agentUserId}/messages`, { text: "Goodbye!" });
    const first = await ann.hears(isVoice, 10_000, "the goodbye");
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "end_call" });
    const last = ann.frames(first.atMs).findLast(isVoice);
    expect((last?.atMs ?? 0) - first.atMs).toBeGreaterThan(goodbyeMs - 500);
    expectNothingLeft(begun);
    expect((await scene.streamCall.get()).call.ended_at).toBeDefined();
    const tools = [{ name: "end_call", status: "done" }];
    expect(await scene.record()).toMatchObject({ reason: "end_call", tools });
    await ann.leave();
  });

  test("it leaves by its tool, and is asked for again during its goodbye: the next one comes when it is out", async () => {
    const speech = { signal: "goodbye", durationMs: 3_000 };
    const toolCalls = [{ name: "leave", arguments: {} }];
    cloud.openai.mind.add([{ when: { after: "user" }, reply: { text: "Goodbye.", speech, toolCalls } }]);
    const begun = await begin({ tools: ["leave"] });
    const { scene, ann } = begun;
    const first = scene.task();
    await ann.hearsSilence(700, 10_000);
    await scene.api("POST", `/${agentUserId}/messages`, { text: "Goodbye!" });
    await ann.hears(isVoice, 10_000, "the goodbye");
    await expect
      .poll(async () => (await scene.api("GET")).body, { timeout: 2_000 })
      .toMatchObject({ agents: [{ state: "ended" }] });
    expect(scene.present()).toContain(agentUserId);
    expect((await scene.post({ user: { id: agentUserId } })).status).toBe(202);
    expect(await scene.taskEnds(12_000, first)).toEqual({ exitCode: 0, reason: "left" });
    await expect.poll(() => scene.present(), { timeout: 20_000 }).toContain(agentUserId);
    expect(scene.tasks()).toHaveLength(2);
    await close(begun);
  });

  test("the longest stay is over", async () => {
    const begun = await begin({ maxDuration: "4 seconds" });
    const { scene } = begun;
    expect(await scene.taskEnds(12_000)).toEqual({ exitCode: 0, reason: "max_duration" });
    expectNothingLeft(begun);
    const { reason, durationSeconds } = await scene.record();
    expect(reason).toBe("max_duration");
    expect(durationSeconds).toBeGreaterThanOrEqual(3.9);
    expect(durationSeconds).toBeLessThan(8);
    await expectStaysAway(begun);
    await close(begun);
  });

  test("the platform's operator stops the task", async () => {
    const begun = await begin();
    const { scene } = begun;
    await cloud.aws.stopTask(scene.task().taskArn);
    expect(await scene.taskEnds(1_000)).toEqual({ exitCode: 0, reason: "stopped" });
    expectNothingLeft(begun);
    await close(begun);
  });
});

describe("until somebody comes", () => {
  test("everybody has left: it goes in the time that was said, and comes back with the next person", async () => {
    const begun = await begin({ idleTimeout: "1 second" });
    const { scene, ann } = begun;
    await ann.leave();
    const leftAtMs = performance.now();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "idle" });
    // A second for nobody coming back, and what leaving takes on a busy machine.
    expect(performance.now() - leftAtMs).toBeLessThan(5_000);
    expectNothingLeft(begun);
    const { reason, people } = await scene.record();
    expect(reason).toBe("idle");
    expect(people).toMatchObject([{ userId: "ann", leftAt: expect.any(String) }]);

    const bob = await scene.join("bob");
    await scene.taskStarts(2, joinsMs);
    await bob.hears(isVoice, joinsMs, "the greeting", 0);
    await close({ ...begun, ann: bob });
  });

  test("the person's connection breaks and stays away: it goes as if they had left", async () => {
    const { options } = cloud.stream.sfu;
    const patienceSeconds = options.fastReconnectDeadlineSeconds;
    options.fastReconnectDeadlineSeconds = 1;
    const begun = await begin({ idleTimeout: "2 seconds" });
    const { scene } = begun;
    for (const { user, socket } of cloud.stream.sfu.participants(scene.cid)) if (user.id === "ann") socket?.terminate();
    expect(await scene.taskEnds(12_000)).toEqual({ exitCode: 0, reason: "idle" });
    options.fastReconnectDeadlineSeconds = patienceSeconds;
    expectNothingLeft(begun);
    await scene.streamCall.end();
  });

  test("nobody came: it goes in the time that was said, and comes back with the first person", async () => {
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    await scene.post({ user: { id: agentUserId }, greeting: "Say hello.", waitFor: "1 second" });
    const joined = await scene.agentJoins();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "waited" });
    const { endedAt } = await scene.record();
    expect(Date.parse(String(endedAt)) - joined.atMs).toBeLessThan(4_000);
    expect(await scene.record()).toMatchObject({ reason: "waited", people: [] });

    const ann = await scene.join("ann");
    await ann.hears(isVoice, joinsMs, "the greeting", 0);
    expect(scene.tasks()).toHaveLength(2);
    await ann.leave();
    await scene.streamCall.end();
    await scene.taskEnds(20_000, scene.tasks()[1]);
  });

  test("the last one to leave closes the door, where that is said", async () => {
    const begun = await begin({ idleTimeout: "1 second", onEmpty: "end-call" });
    const { scene, ann } = begun;
    await ann.leave();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "end_call" });
    expect((await scene.streamCall.get()).call.ended_at).toBeDefined();
    expect(await scene.record()).toMatchObject({ reason: "end_call" });
  });
});

describe("and another one goes on", () => {
  const expectNextVoice = async ({ scene, ann }: Begun): Promise<void> => {
    await scene.taskStarts(2, joinsMs);
    await ann.hearsSilence(500, 10_000);
    await ann.hears(isVoice, joinsMs, "the next greeting");
    expect(scene.tasks()).toHaveLength(2);
  };

  test("the model server was lost", async () => {
    const begun = await begin();
    const { scene } = begun;
    await cloud.openai.kill();
    const first = scene.task();
    const lost = scene.taskEnds(15_000, first);
    expect(await lost).toEqual({ exitCode: exitCodes.model_lost, reason: "model_lost" });
    await cloud.openai.restore();
    expectNothingLeft(begun);
    await expectNextVoice(begun);
    await close(begun);
  });

  test("the process was killed", async () => {
    const begun = await begin();
    const { pid } = begun;
    process.kill(pid, "SIGKILL");
    await expectNextVoice(begun);
    await close(begun);
  });

  test("the SFU was lost", async () => {
    const begun = await begin();
    const { scene } = begun;
    const first = scene.task();
    cloud.stream.sfu.kill();
    expect(await scene.taskEnds(20_000, first)).toEqual({ exitCode: exitCodes.sfu_lost, reason: "sfu_lost" });
    cloud.stream.sfu.restore();
    expect(isGone(begun.pid)).toBe(true);
    await scene.taskStarts(2, joinsMs);
    await close(begun);
  });
});
