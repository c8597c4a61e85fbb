import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type EndReason, exitCodes } from "../../bridge-task/job.ts";
import { isVoice, type Person } from "../caller/person.ts";
import { type CloudEvent, epochMs } from "../cloud/event-log.ts";
import type { Cloud } from "../cloud/index.ts";
import { agentUserId, greeting, Scene, startStage } from "./stage.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startStage();
  cloud.openai.mind.add([greeting]);
});
afterEach(() => {
  cloud.stream.sfu.faults.fullEdges = new Set();
});
afterAll(() => cloud?.close());

/** An agent with no file, for calls that Lucy is kept out of. */
const max = { user: { id: "max", name: "Max" }, greeting: "Greet the caller." };
const forMax = { custom: { agent: false } };

const open = async (type = "default", data: Parameters<typeof create>[1] = {}): Promise<Scene> => {
  const scene = new Scene(cloud, type);
  await create(scene, data);
  return scene;
};

type CallData = NonNullable<NonNullable<Parameters<Scene["streamCall"]["getOrCreate"]>[0]>["data"]>;

/** The application's server creates the call. Resolves when our webhook has been told. */
const create = async (scene: Scene, data: CallData, more: { ring?: boolean } = {}): Promise<void> => {
  await scene.streamClient.upsertUsers(["app", "ann", "bob", "max"].map((id) => ({ id })));
  await scene.streamCall.getOrCreate({ ...more, data: { created_by_id: "app", ...data } });
  await told();
};

const told = () => cloud.stream.coordinator.webhooks.settled();

const control = async ({ call }: Scene, action: string, body: object): Promise<void> => {
  const path = `/calls/${call.type}/${call.id}/${action}`;
  const { status } = await cloud.stream.control.request(path, { method: "POST", body: JSON.stringify(body) });
  expect(status).toBe(200);
};

const expectGreeted = (person: Person): Promise<unknown> => person.hears(isVoice, 15_000, "the greeting", 0);

/** The agent's one stay ended like that, its record says so, and it never was among those in the call. */
const expectRefused = async (scene: Scene, reason: EndReason, words: RegExp): Promise<void> => {
  expect(await scene.taskEnds(15_000)).toEqual({ exitCode: exitCodes[reason], reason });
  expect(await scene.record("max")).toMatchObject({ reason, detail: expect.stringMatching(words) });
  expect(scene.events("call.session_participant_joined").filter(({ data }) => data.userId === "max")).toEqual([]);
};

/** Nobody is launched for what has happened so far. */
const expectNobody = async (scene: Scene): Promise<void> => {
  await told();
  expect(scene.tasks()).toEqual([]);
};

test("no send-audio: the agent is given it, and is heard", async () => {
  const scene = await open("default", forMax);
  await scene.streamCall.updateUserPermissions({ user_id: "max", revoke_permissions: ["send-audio"] });
  const ann = await scene.join("ann");
  expect(await scene.post(max)).toMatchObject({ status: 202 });
  await expectGreeted(ann);
  await ann.leave();
});

test("no send-audio, and it cannot be given: the agent leaves, and says how to mend it", async () => {
  const scene = await open("default", forMax);
  await scene.streamCall.updateUserPermissions({ user_id: "max", revoke_permissions: ["send-audio"] });
  cloud.stream.coordinator.restFaults.push({ pathEnd: "/user_permissions", status: 403, code: 17, count: 1 });
  await scene.post(max);
  await expectRefused(scene, "no_permission", /"send-audio".*role/);
});

test("backstage: nothing until the call is live", async () => {
  const scene = await open("default", { settings_override: { backstage: { enabled: true } } });
  await expectNobody(scene);
  await scene.streamCall.goLive();
  await scene.agentJoins();
  await scene.streamCall.end();
});

test("backstage: an agent that is asked for all the same waits for the call to be live", async () => {
  const scene = await open("default", { ...forMax, settings_override: { backstage: { enabled: true } } });
  await scene.post(max);
  await expectRefused(scene, "backstage", /goLive/);
  await scene.streamCall.goLive();
  await scene.agentJoins("max");
  await scene.streamCall.end();
});

test("starts_at ahead: nothing when the call is created; its session brings the agent", async () => {
  const scene = await open("default", { starts_at: new Date(Date.now() + 3_600_000) });
  await expectNobody(scene);
  const ann = await scene.join("ann");
  await expectGreeted(ann);
  await ann.leave();
});

test.each([
  ["somebody has accepted", (scene: Scene) => control(scene, "accept", { userId: "ann" })],
  ["the first person is there", (scene: Scene) => scene.join("ann")],
])("ring: the agent comes when %s", async (_, answer) => {
  const scene = new Scene(cloud);
  const sinceMs = epochMs();
  await create(scene, { members: [{ user_id: "app" }, { user_id: "ann" }] }, { ring: true });
  const listens = ({ type, atMs, data }: CloudEvent) =>
    type === "coordinator.connected" && atMs > sinceMs && data.userId === agentUserId;
  await cloud.log.waitFor(listens, 10_000, "the agent outside");
  await sleep(500);
  expect(scene.tasks()).toHaveLength(1);
  expect(scene.events("call.session_started")).toEqual([]);
  expect(scene.present()).toEqual([]);
  const joining = scene.agentJoins();
  await answer(scene);
  await joining;
  await scene.streamCall.end();
});

test("ring, but asked for the first person: an acceptance alone does not bring the agent in", async () => {
  const scene = new Scene(cloud);
  await create(scene, { ...forMax, members: [{ user_id: "app" }, { user_id: "ann" }] }, { ring: true });
  const sinceMs = epochMs();
  expect(await scene.post({ ...max, join: "first-person" })).toMatchObject({ status: 202 });
  const listens = ({ type, atMs, data }: CloudEvent) =>
    type === "coordinator.connected" && atMs > sinceMs && data.userId === "max";
  await cloud.log.waitFor(listens, 10_000, "the agent outside");
  await control(scene, "accept", { userId: "ann" });
  await sleep(1_500);
  expect(scene.events("call.session_started")).toEqual([]);
  const ann = await scene.join("ann");
  await expectGreeted(ann);
  await ann.leave();
});

test("e2ee: nobody comes by itself; who is asked for is refused for good", async () => {
  const encryption = { mode: "auto-on" } as const;
  const scene = await open("default", { settings_override: { encryption } });
  await expectNobody(scene);
  await scene.post(max);
  await expectRefused(scene, "e2ee", /encryption\.mode/);
});

test("an ended call: nobody can be asked for", async () => {
  const scene = await open("default", forMax);
  await scene.streamCall.end();
  await told();
  expect(await scene.post(max)).toMatchObject({ status: 409 });
  expect(scene.tasks()).toEqual([]);
});

test("full: another SFU is tried", async () => {
  const scene = await open("default", forMax);
  cloud.stream.sfu.faults.fullEdges = new Set(["sfu-local-1"]);
  await scene.post(max);
  await scene.agentJoins("max");
  expect(cloud.stream.sfu.participants(scene.cid)).toMatchObject([{ edge: "sfu-local-2" }]);
  await scene.streamCall.end();
});

test("full everywhere: the agent says so", async () => {
  const scene = await open("default", forMax);
  cloud.stream.sfu.faults.fullEdges = new Set(["sfu-local-1", "sfu-local-2"]);
  await scene.post(max);
  await expectRefused(scene, "call_full", /max_participants/);
});

test("more than the call may hold: the agent says so", async () => {
  const scene = await open("default", { ...forMax, settings_override: { limits: { max_participants: 1 } } });
  const ann = await scene.join("ann");
  await scene.post(max);
  await expectRefused(scene, "call_full", /max_participants/);
  await ann.leave();
});

test.each(["kicked", "blocked"] as const)("%s: final, also for people who come later", async (reason) => {
  const scene = await open("default", forMax);
  const ann = await scene.join("ann");
  await scene.post(max);
  await expectGreeted(ann);
  await scene.streamCall.kickUser({ user_id: "max", block: reason === "blocked" });
  expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason });
  expect(await scene.record("max")).toMatchObject({ reason });
  await ann.leave();
  const again = await scene.join("bob");
  await told();
  expect(scene.tasks()).toHaveLength(1);
  expect(scene.present()).toEqual(["bob"]);
  await again.leave();
});

test("blocked before it came: refused", async () => {
  const scene = await open("default", forMax);
  await scene.streamCall.blockUser({ user_id: "max" });
  await scene.post(max);
  await expectRefused(scene, "blocked", /unblockUser/);
});

test.each(["audio_room", "livestream"])("%s: like any other call where the agent may speak", async (type) => {
  const scene = await open(type, forMax);
  await scene.streamCall.goLive();
  const ann = await scene.join("ann");
  await scene.post(max);
  await expectGreeted(ann);
  await scene.streamCall.end();
});
