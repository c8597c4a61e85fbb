import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { database } from "../api/existing-webhook/database.ts";
import { leastScore } from "../caller/evidence.ts";
import { isVoice, type Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { correlate, signal } from "../support/signals.ts";
import { Scene, startStage } from "./stage.ts";

let cloud: Cloud;
let webhook: ServerType;
/** Statuses of the webhook's own answers, in order. */
const answers: number[] = [];

const wordsMs = 3_000;

const agents = [
  { id: "harbour-master", name: "Harbour master", instructions: "You are the harbour master." },
  { id: "gardener", name: "Gardener", instructions: "You are the gardener." },
];

beforeAll(async () => {
  cloud = await startStage();
  const { streamApiKey, streamApiSecret, agentsUrl, agentsKey } = cloud.info;
  // A route reads its settings when it is loaded, as it does in a web framework.
  const settings = { STREAM_API_KEY: streamApiKey, STREAM_API_SECRET: streamApiSecret };
  Object.assign(process.env, settings, { AGENTS_URL: agentsUrl, AGENTS_KEY: agentsKey });
  const { POST } = await import("../api/existing-webhook/route.ts");
  webhook = serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const response = await POST(request);
      answers.push(response.status);
      return response;
    },
  });
  await new Promise((resolve) => webhook.once("listening", resolve));
  // Theirs is the only webhook of the app: nothing of ours hears of a call but by their fetch.
  const { port } = webhook.address() as AddressInfo;
  cloud.stream.setWebhook({ url: `http://127.0.0.1:${port}/api/webhook`, eventTypes: ["call.session_started"] });
  for (const { id } of agents) {
    const reply = { text: `The ${id} speaks.`, speech: { signal: id, durationMs: wordsMs } };
    cloud.openai.mind.add([{ when: { after: "nothing", instructions: id.replace("-", " ") }, reply }]);
  }
});

afterAll(async () => {
  await new Promise((resolve) => (webhook ? webhook.close(resolve) : resolve(undefined)));
  await cloud?.close();
});

/** The end of what an agent says: a person's connection may come up when it is speaking already. */
const wordsOf = (agentId: string): Int16Array => signal(agentId, wordsMs).subarray(-1_200 * samplesPerMs);

test("A webhook that looks its agents up in a database puts two of them into two calls, by one fetch each.", async () => {
  const people: Person[] = [];
  const scenes: Scene[] = [];
  for (const agent of agents) {
    const scene = new Scene(cloud);
    database.agents.set(agent.id, agent);
    database.meetings.set(scene.call.id, { id: scene.call.id, agentId: agent.id, status: "upcoming" });
    const ann = await scene.join("ann");
    people.push(ann);
    scenes.push(scene);
    await scene.agentJoins(agent.id);
    await ann.hears(isVoice, 15_000, agent.name, 0);
    await ann.hearsSilence(1_000, 15_000);
    for (const { id } of agents) {
      const { score } = correlate(ann.heard(), wordsOf(id));
      if (id === agent.id) expect(score).toBeGreaterThan(leastScore);
      else expect(score).toBeLessThan(leastScore);
    }
    expect(database.meetings.get(scene.call.id)?.status).toBe("active");
  }

  // Both are there at once, each in its own call.
  for (const [index, scene] of scenes.entries()) {
    const userId = agents[index]?.id ?? "";
    expect(scene.present().toSorted()).toEqual(["ann", userId].toSorted());
    expect(await scene.api("GET")).toMatchObject({ status: 200, body: { agents: [{ userId, state: "running" }] } });
  }
  expect(answers).toEqual([200, 200]);

  for (const scene of scenes) await scene.streamClient.video.call("default", scene.call.id).end();
  for (const scene of scenes) {
    expect(await scene.taskEnds(15_000)).toMatchObject({ exitCode: 0, reason: "call_ended" });
  }
  for (const ann of people) await ann.leave();
});
