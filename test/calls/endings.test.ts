import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../bridge-task/job.ts";
import { isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { agentUserId, greeting, isGone, Scene, startStage } from "./stage.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startStage();
  cloud.openai.mind.add([greeting]);
});

afterAll(() => cloud?.close());

/** A call in which the agent has been heard, and its process. */
const begin = async (): Promise<{ scene: Scene; ann: Person; pid: number }> => {
  const scene = new Scene(cloud);
  const ann = await scene.join("ann");
  await ann.hears(isVoice, 15_000, "the greeting", 0);
  const { pid } = scene.task();
  if (pid === undefined) throw new Error("the task has no process");
  return { scene, ann, pid };
};

const expectNothingLeft = (scene: Scene, pid: number): void => {
  expect(isGone(pid)).toBe(true);
  expect(scene.present()).not.toContain(agentUserId);
  expect(cloud.openai.sessions().filter(({ closed }) => !closed)).toEqual([]);
};

test("the call is ended: the task ends with 0", async () => {
  const { scene, pid } = await begin();
  await scene.streamClient.video.call("default", scene.call.id).end();
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "call_ended" });
  expectNothingLeft(scene, pid);
});

test("the agent is removed from the call: the task ends with 0", async () => {
  const { scene, ann, pid } = await begin();
  await fetch(`${cloud.info.controlUrl}/stream/calls/default/${scene.call.id}/kick`, {
    method: "POST",
    body: JSON.stringify({ userId: agentUserId }),
  });
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "kicked" });
  expectNothingLeft(scene, pid);
  await ann.leave();
});

test("the platform stops the task: the agent leaves the call and ends with 0", async () => {
  const { scene, ann, pid } = await begin();
  await cloud.aws.stopTask(scene.task().taskArn);
  expect(await scene.taskEnds(1_000)).toEqual({ exitCode: 0, reason: "stopped" });
  expectNothingLeft(scene, pid);
  await ann.leave();
});

test("the person's connection breaks and stays away: the agent leaves and the task ends with 0", async () => {
  const { options } = cloud.stream.sfu;
  const patienceSeconds = options.fastReconnectDeadlineSeconds;
  options.fastReconnectDeadlineSeconds = 1;
  const { scene, pid } = await begin();
  for (const { user, socket } of cloud.stream.sfu.participants(scene.cid)) if (user.id === "ann") socket?.terminate();
  expect(await scene.taskEnds(22_000)).toEqual({ exitCode: 0, reason: "idle" });
  options.fastReconnectDeadlineSeconds = patienceSeconds;
  expectNothingLeft(scene, pid);
});

test("the model server dies: the task ends with the code that says so", async () => {
  const { scene, ann, pid } = await begin();
  await cloud.openai.kill();
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: exitCodes.model_lost, reason: "model_lost" });
  expectNothingLeft(scene, pid);
  await cloud.openai.restore();
  await ann.leave();
});

test("the SFU dies: the task ends with the code that says so", async () => {
  const { scene, pid } = await begin();
  await cloud.stream.sfu.kill();
  expect(await scene.taskEnds(20_000)).toEqual({ exitCode: exitCodes.sfu_lost, reason: "sfu_lost" });
  expectNothingLeft(scene, pid);
  cloud.stream.sfu.restore();
});
