import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { hookIdOf, hookUrlOf } from "../../functions/registration/hook.ts";
import { leastScore } from "../caller/evidence.ts";
import { isVoice, Person } from "../caller/person.ts";
import { greeting, greetingsIn, isGone } from "../calls/stage.ts";
import { type CloudEvent, epochMs } from "../cloud/event-log.ts";
import { correlate, signal } from "../support/signals.ts";
import { type Elsewhere, LiveProcess, startElsewhere } from "./live-process.ts";
import { watcherId } from "./watcher-user.ts";

const waitMs = 30_000;
/** Two starts and several calls in real time. */
const testTimeoutMs = 180_000;
const maxWordsMs = 3_000;

const production = { stage: "production", place: "0123abcd" };

let elsewhere: Elsewhere;
let client: StreamClient;
let live: LiveProcess;
const people: Person[] = [];

beforeAll(async () => {
  elsewhere = await startElsewhere();
  const { streamApiKey, streamApiSecret, streamServerBaseUrl } = elsewhere.info;
  client = new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl, timeout: 10_000 });
  await client.upsertUsers([{ id: "app" }]);
  const max = { text: "Max speaks.", speech: { signal: "max", durationMs: maxWordsMs } };
  elsewhere.openai.mind.add([{ when: { after: "nothing", instructions: "You are Max" }, reply: max }, greeting]);
});
afterEach(async () => {
  for (const person of people.splice(0)) await person.leave();
  await live?.kill();
});
afterAll(() => elsewhere?.close());

const create = (id: string, custom: Record<string, unknown> = {}) =>
  client.video.call("default", id).getOrCreate({ data: { created_by_id: "app", custom } });

const join = async (id: string, userId: string): Promise<Person> => {
  const person = await Person.join({ info: elsewhere.info, call: { type: "default", id }, userId });
  people.push(person);
  return person;
};

/** Resolves when Stream has seen this. */
const seen = (type: string, data: Record<string, unknown>, after = 0): Promise<CloudEvent> => {
  const matches = (event: CloudEvent) =>
    event.seq > after &&
    event.type === type &&
    Object.entries(data).every(([name, value]) => event.data[name] === value);
  return elsewhere.log.waitFor(matches, waitMs, `${type} ${JSON.stringify(data)}`);
};

const start = async (args: readonly string[] = []) => {
  live = new LiveProcess(elsewhere.environment, args);
  const [, agentsUrl = ""] = await live.prints(/^ *AGENTS_URL=(\S+)$/m, 60_000);
  const [, agentsKey = ""] = await live.prints(/^ *AGENTS_KEY=(\S+)$/m);
  await live.prints(/Stream's events arrive/);
  return { agentsUrl, agentsKey };
};

/** As the printed curl does. */
const post = ({ agentsUrl, agentsKey }: { agentsUrl: string; agentsKey: string }, id: string) =>
  fetch(`${agentsUrl}/calls/default/${id}/agents`, {
    method: "POST",
    headers: { authorization: `Bearer ${agentsKey}` },
    body: JSON.stringify({
      user: { id: "max" },
      session: { instructions: "You are Max. Be brief." },
      greeting: "Say hello.",
    }),
  });

/**
 * Waits until what is said is there with its end. On a busy machine the person's connection may come up when the agent is
 * speaking already, and a pause in what arrives may be none in what is said.
 */
const hearsOut = async (person: Person, isThere: (received: Int16Array) => boolean, what: string): Promise<void> => {
  const deadlineMs = epochMs() + waitMs;
  for (let sinceMs = 0; !isThere(person.heard()); ) {
    await person.hears(isVoice, Math.max(1, deadlineMs - epochMs()), what, sinceMs);
    const last = await person.hearsSilence(2_000, waitMs, `the end of ${what}`);
    sinceMs = (last?.atMs ?? 0) + 1;
  }
};

const maxIsIn = (received: Int16Array): boolean =>
  correlate(received, signal("max", maxWordsMs).subarray(-1_200 * samplesPerMs)).score > leastScore;

test("Agents join Stream's calls by themselves and by POST, hear of a call's end after a lost connection, and leave with Ctrl-C.", {
  timeout: testTimeoutMs,
}, async () => {
  const api = await start();

  // By itself: nothing but the creation of the call asks for it.
  await create("one");
  const ann = await join("one", "ann");
  await seen("sfu.joined", { cid: "default:one", userId: "lucy" });
  await hearsOut(ann, (received) => greetingsIn(received) > 0, "the greeting");
  expect(greetingsIn(ann.heard())).toBe(1);

  // A call that names a stage has that one's agents, and nobody's else.
  await create("of-ann", { agentStage: "ann" });
  await live.prints(/default:of-ann was created: no agent comes, it is for the agents of another stage/);

  // By POST, into a call that wants none.
  await create("two", { agent: false });
  await live.prints(/default:two was created: no agent comes, no agent wants it/);
  const bob = await join("two", "bob");
  expect((await post(api, "two")).status).toBe(202);
  await hearsOut(bob, maxIsIn, "Max");
  expect(maxIsIn(ann.heard())).toBe(false);

  // The watcher is in no call, and is the only one who watches that is not.
  const { sfu, coordinator } = elsewhere.stream;
  expect(
    sfu
      .participants()
      .map(({ user }) => user.id)
      .toSorted(),
  ).toEqual(["ann", "bob", "lucy", "max"]);

  // What happens while nobody listens is heard of all the same.
  const { seq } = elsewhere.log.record("stream", "test.cut");
  for (const connection of coordinator.hub.connections()) if (connection.userId === watcherId) connection.end();
  await live.prints(/Stream's events do not arrive/);
  await client.video.call("default", "one").end();
  await live.prints(/lucy has left default:one: call ended/);
  await seen("coordinator.connected", { userId: watcherId }, seq);
  await live.prints(/default:one has ended/);
  await create("three");
  await live.prints(/default:three was created: an agent is launched/);

  // Ctrl-C: Max, who is still talking with Bob, leaves as an agent does.
  const pids = [...live.output.matchAll(/bridge process started, pid (\d+)/g)].map(([, pid]) => Number(pid));
  expect(await live.interrupt()).toBe(0);
  await seen("sfu.left", { cid: "default:two", userId: "max" });
  expect(live.output).toContain("max has left default:two: stopped");
  expect(pids.length).toBeGreaterThanOrEqual(2);
  expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
  expect(coordinator.hub.connections().filter(({ userId }) => userId === watcherId)).toEqual([]);
  for (const key of ["their-secret", "sk-theirs"]) expect(live.output).not.toContain(key);
});

test("With --posts-only agents come by POST alone.", { timeout: testTimeoutMs }, async () => {
  // Beside a deployment, too: its webhook is here, and puts its own agents into calls.
  const webhook_url = hookUrlOf("http://127.0.0.1:9/webhooks/stream", { ...production, calls: "all" });
  const hook = { id: hookIdOf(production), hook_type: "webhook", enabled: true, webhook_url };
  await client.updateApp({ event_hooks: [hook] });
  const api = await start(["--posts-only"]);
  expect(live.output).toContain("note: stage production puts its agents into calls, too");
  await create("four");
  await live.prints(/default:four was created: no agent comes, agents are not asked about calls of this type/);
  const ann = await join("four", "ann");
  expect((await post(api, "four")).status).toBe(202);
  await hearsOut(ann, maxIsIn, "Max");
  expect(greetingsIn(ann.heard())).toBe(0);
  expect(await live.interrupt()).toBe(0);
});
