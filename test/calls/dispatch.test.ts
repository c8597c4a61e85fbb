import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectOpenAi } from "../../bridge-task/connect-open-ai.ts";
import { exitCodes } from "../../bridge-task/job.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import { leastScore } from "../caller/evidence.ts";
import { isVoice } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { noWebhookFaults } from "../cloud/stream/coordinator/webhooks.ts";
import { correlate, signal } from "../support/signals.ts";
import { agentUserId, greeting, greetingsIn, Scene, startStage } from "./stage.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startStage();
  cloud.openai.mind.add([greeting]);
});

afterAll(() => cloud?.close());

/** Deliveries that the call has caused so far, by type of event. */
const deliveries = (type: string, sinceMs: number): number =>
  cloud.log
    .since()
    .filter((event) => event.type === "webhook.delivered" && event.atMs > sinceMs && event.data.type === type).length;

test.each(["same-id", "new-id"] as const)(
  "call.created delivered twice (%s), and call.session_started, start one task",
  async (duplicate) => {
    const { webhooks } = cloud.stream.coordinator;
    const scene = new Scene(cloud);
    const sinceMs = performance.timeOrigin + performance.now();
    webhooks.faults = { ...noWebhookFaults, duplicate, gzip: duplicate === "new-id" };
    const ann = await scene.join("ann");
    await scene.agentJoins();
    await webhooks.settled();
    webhooks.faults = noWebhookFaults;

    expect(deliveries("call.created", sinceMs)).toBe(2);
    expect(deliveries("call.session_started", sinceMs)).toBe(2);
    await ann.hears(isVoice, 10_000, "the greeting", 0);
    await ann.hearsSilence(1_000, 10_000);
    expect(scene.tasks()).toHaveLength(1);
    expect(scene.present().toSorted()).toEqual(["ann", agentUserId]);
    // A second voice would be a second greeting, after the first or on top of it.
    expect(greetingsIn(ann.heard())).toBe(1);

    await scene.streamCall.end();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "call_ended" });
  },
);

test("an agent's user that existed before keeps its name, image and custom data", async () => {
  const scene = new Scene(cloud);
  const existing = {
    id: agentUserId,
    name: "Lucia of the front desk",
    image: "https://example.com/lucia.png",
    custom: { department: "support", shift: { from: 8, to: 16 } },
  };
  await scene.streamClient.upsertUsers([existing]);
  await scene.join("ann");
  await scene.agentJoins();
  await scene.streamCall.end();
  await scene.taskEnds(10_000);

  const { users } = await scene.streamClient.queryUsers({
    payload: { filter_conditions: { id: { $eq: agentUserId } } },
  });
  expect(users[0]).toMatchObject(existing);
  expect(users[0]?.custom.agent).toBe(true);
});

test("connectOpenAi() puts an agent into a call that nobody created, and takes it out again", async () => {
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), await readFile(cloud.info.caFile, "utf8")]);
  const scene = new Scene(cloud);
  cloud.openai.mind.add([{ when: { instructions: "harbour" }, reply: { text: "Ahoy.", speech: { signal: "ahoy" } } }]);
  const client = await connectOpenAi({
    streamClient: scene.streamClient,
    call: scene.streamCall,
    openAiApiKey: cloud.info.openAiApiKey,
    agentUserId: "captain",
    baseUrl: cloud.info.openAiBaseUrl,
    logger: silentLogger,
  });
  try {
    expect(scene.present()).toEqual(["captain"]);
    client.updateSession({ instructions: "You are the harbour's captain." });
    const ann = await scene.join("ann");
    client.sendUserMessageContent([{ type: "input_text", text: "Who are you?" }]);
    await ann.hears(isVoice, 8_000, "the captain", 0);
    await ann.hearsSilence(700, 10_000);
    expect(correlate(ann.heard(), signal("ahoy")).score).toBeGreaterThan(leastScore);
    await ann.leave();
  } finally {
    await client.disconnect();
  }
  const gone = ({ type, data }: { type: string; data: Record<string, unknown> }) =>
    type === "sfu.left" && data.cid === scene.cid && data.userId === "captain";
  await cloud.log.waitFor(gone, 5_000, "the captain's leave");
  await sleep(200);
  // An agent created the call: nothing may be launched for it.
  expect(scene.tasks()).toEqual([]);
});

/** What only somebody who is in a call causes. */
const sessionEvents = [
  "call.session_started",
  "call.session_ended",
  "call.session_participant_joined",
  "call.session_participant_left",
];

describe("an agent that waits for the first person", () => {
  const assignment = { user: { id: "nova" }, join: "first-person", greeting: "Say hello." };

  test("leaves no trace in a call that nobody enters", async () => {
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    expect((await scene.post({ ...assignment, waitFor: "2 seconds" })).status).toBe(202);
    expect(await scene.taskEnds(15_000)).toEqual({ exitCode: 0, reason: "waited" });
    for (const type of [...sessionEvents, "sfu.joined"]) expect(scene.events(type)).toEqual([]);
    expect(await scene.record("nova")).toMatchObject({ reason: "waited", durationSeconds: 0, people: [] });
  });

  test("enters with them, and greets them", async () => {
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    await scene.post(assignment);
    await scene.taskStarts(1, 10_000);
    await sleep(1_500);
    expect(scene.events("sfu.joined")).toEqual([]);
    const ann = await scene.join("ann");
    await ann.hears(isVoice, 15_000, "the greeting", 0);
    expect(scene.present().toSorted()).toEqual(["ann", "nova"]);
    expect(scene.tasks()).toHaveLength(1);
    await ann.leave();
    await scene.streamCall.end();
    expect(await scene.taskEnds(10_000)).toMatchObject({ reason: "call_ended" });
  });

  test("goes without having entered when it is sent away", async () => {
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    await scene.post(assignment);
    await scene.taskStarts(1, 10_000);
    expect((await scene.api("DELETE", "/nova")).status).toBe(202);
    expect(await scene.taskEnds(10_000)).toMatchObject({ reason: "removed" });
    for (const type of [...sessionEvents, "sfu.joined"]) expect(scene.events(type)).toEqual([]);
  });
});

describe("an agent that the application asks for, with no file of its own", () => {
  const assignment = {
    user: { id: "nova", name: "Nova" },
    session: { instructions: "You are the harbour's captain." },
    greeting: "Say hello.",
  };

  test("is there once, talks as it was told, changes when it is told, and is told of", async () => {
    cloud.openai.mind.add([
      { when: { instructions: "parrot" }, reply: { text: "Pieces of eight.", speech: { signal: "parrot" } } },
    ]);
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    const [first, second] = [await scene.post(assignment), await scene.post(assignment)];
    expect([first.status, second.status]).toEqual([202, 200]);
    const ann = await scene.join("ann");
    await ann.hears(isVoice, 15_000, "the greeting", 0);
    await ann.hearsSilence(700, 10_000);
    expect(scene.session().config.instructions).toContain("captain");

    const session = { instructions: "You are the captain's parrot.", nonsense: 1 };
    expect(await scene.api("PATCH", "/nova", { session, data: { ship: "Pequod" } })).toMatchObject({
      status: 200,
      body: { applied: ["session.instructions", "data"], notApplied: [{ field: "session.nonsense" }] },
    });
    expect((await scene.api("POST", "/nova/messages", { text: "Who are you?" })).status).toBe(202);
    await ann.hears(isVoice, 8_000, "the parrot");
    await ann.hearsSilence(700, 10_000);
    expect(correlate(ann.heard(), signal("parrot")).score).toBeGreaterThan(leastScore);

    expect(await scene.api("GET")).toMatchObject({ body: { agents: [{ userId: "nova", state: "running" }] } });
    await scene.streamCall.end();
    await scene.taskEnds(10_000);
    expect(await scene.record("nova")).toMatchObject({
      agent: { userId: "nova", name: "Nova" },
      reason: "call_ended",
      people: [{ userId: "ann" }],
      turns: { agent: 2 },
    });
    expect(await scene.api("GET")).toMatchObject({ body: { agents: [{ state: "ended", reason: "call_ended" }] } });
    await ann.leave();
  });

  test("leaves with a reason that says what to mend, where it cannot work", async () => {
    const scene = new Scene(cloud);
    await scene.create({ custom: { agent: false } });
    // Lucy brings a tool of this name herself.
    const tool = { name: "get_call_details", description: "Another.", url: "http://127.0.0.1:9/tool" };
    expect((await scene.post({ agent: "lucy", tools: [tool] })).status).toBe(202);
    expect(await scene.taskEnds(15_000)).toEqual({ exitCode: exitCodes.bad_job, reason: "bad_job" });
    const { reason, detail } = await scene.record();
    expect(reason).toBe("bad_job");
    expect(detail).toMatch(/get_call_details/);
    expect(await scene.api("GET")).toMatchObject({ body: { agents: [{ state: "ended", reason: "bad_job" }] } });
  });
});
