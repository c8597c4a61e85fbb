import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../bridge-task/job.ts";
import { isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import type { Session } from "../cloud/openai/session.ts";
import { agentUserId, greeting, isGone, Scene, startStage } from "./stage.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startStage();
  cloud.openai.mind.add([greeting]);
});

afterAll(() => cloud?.close());

interface Begun {
  scene: Scene;
  ann: Person;
  pid: number;
  session: Session;
}

/** A call in which the agent has been heard, its process and its model session. */
const begin = async (): Promise<Begun> => {
  const scene = new Scene(cloud);
  const ann = await scene.join("ann");
  await ann.hears(isVoice, 15_000, "the greeting", 0);
  const { pid } = scene.task();
  if (pid === undefined) throw new Error("the task has no process");
  return { scene, ann, pid, session: scene.session() };
};

const expectNothingLeft = ({ scene, pid, session }: Begun): void => {
  expect(isGone(pid)).toBe(true);
  expect(scene.present()).not.toContain(agentUserId);
  expect(session.closed).toBeDefined();
};

test("the call is ended: the task ends with 0", async () => {
  const begun = await begin();
  const { scene } = begun;
  await scene.streamClient.video.call("default", scene.call.id).end();
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "call_ended" });
  expectNothingLeft(begun);
});

test("the agent is removed from the call: the task ends with 0", async () => {
  const begun = await begin();
  const { scene, ann } = begun;
  await fetch(`${cloud.info.controlUrl}/stream/calls/default/${scene.call.id}/kick`, {
    method: "POST",
    body: JSON.stringify({ userId: agentUserId }),
  });
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "kicked" });
  expectNothingLeft(begun);
  await ann.leave();
});

test("the platform stops the task: the agent leaves the call and ends with 0", async () => {
  const begun = await begin();
  const { scene, ann } = begun;
  await cloud.aws.stopTask(scene.task().taskArn);
  expect(await scene.taskEnds(1_000)).toEqual({ exitCode: 0, reason: "stopped" });
  expectNothingLeft(begun);
  await ann.leave();
});

test("the person's connection breaks and stays away: the agent leaves and the task ends with 0", async () => {
  const { options } = cloud.stream.sfu;
  const patienceSeconds = options.fastReconnectDeadlineSeconds;
  options.fastReconnectDeadlineSeconds = 1;
  const begun = await begin();
  const { scene } = begun;
  for (const { user, socket } of cloud.stream.sfu.participants(scene.cid)) if (user.id === "ann") socket?.terminate();
  expect(await scene.taskEnds(22_000)).toEqual({ exitCode: 0, reason: "idle" });
  options.fastReconnectDeadlineSeconds = patienceSeconds;
  expectNothingLeft(begun);
});

test("the model server dies: the task ends with the code that says so", async () => {
  const begun = await begin();
  const { scene, ann } = begun;
  await cloud.openai.kill();
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: exitCodes.model_lost, reason: "model_lost" });
  expectNothingLeft(begun);
  await cloud.openai.restore();
  await ann.leave();
});

test("the SFU dies: the task ends with the code that says so", async () => {
  const begun = await begin();
  const { scene } = begun;
  await cloud.stream.sfu.kill();
  expect(await scene.taskEnds(20_000)).toEqual({ exitCode: exitCodes.sfu_lost, reason: "sfu_lost" });
  expectNothingLeft(begun);
  cloud.stream.sfu.restore();
});
