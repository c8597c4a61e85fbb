import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectOpenAi } from "../../bridge-task/connect-open-ai.ts";
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

    await scene.streamClient.video.call("default", scene.call.id).end();
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
  await scene.streamClient.video.call("default", scene.call.id).end();
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
    call: scene.streamClient.video.call("default", scene.call.id),
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
