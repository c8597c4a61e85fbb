import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { createApi } from "../../functions/api/api.ts";
import { type Fixture, startFixture } from "../dispatch/fixture.ts";

/** The API over the real dispatcher, DynamoDB and ECS on loopback. */
let fixture: Fixture;
let api: ReturnType<typeof createApi>;

const apiKey = "the-key-of-this-test";

beforeAll(async () => {
  fixture = await startFixture({ agentsPerCall: 2, callsAtOnce: 100 });
  const { dispatcher, now } = fixture;
  api = createApi({ dispatcher, apiKey, logger: silentLogger, agents: [], now });
});

afterAll(() => fixture?.close());

const newCall = () => {
  const id = randomUUID().slice(0, 8);
  const send = async (method: string, path = "", body?: object) => {
    const response = await api.request(`/calls/default/${id}/agents${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { cid: `default:${id}`, send };
};

const user = { id: "max" };

test("An agent is launched once, listed, and found by the second request.", async () => {
  const { cid, send } = newCall();
  expect(await send("GET")).toEqual({ status: 200, body: { agents: [] } });
  const request = { user, session: { instructions: "You are Max." }, data: { customer: 7 } };
  expect(await send("POST", "", request)).toMatchObject({ status: 202, body: { agent: { state: "launching" } } });
  expect(await fixture.confirm(cid)).toBe("confirmed");
  const again = await send("POST", "", { user, session: { instructions: "You are not." } });
  expect(again).toMatchObject({
    status: 200,
    body: { outcome: "present", agent: { userId: "max", state: "running" } },
  });
  expect(await send("GET")).toMatchObject({ body: { agents: [{ userId: "max", state: "running" }] } });
  // What the task reads is what was asked for first.
  expect(await fixture.table.config(cid, (await fixture.pair(cid)).configId)).toEqual(request);
});

test("Ten requests at once launch one task.", async () => {
  const { cid, send } = newCall();
  const answers = await Promise.all(Array.from({ length: 10 }, () => send("POST", "", { user })));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(200), 202]);
  expect(fixture.started().filter(({ job }) => `default:${job.call.id}` === cid)).toHaveLength(1);
});

test("A change is answered with what the task says of it.", async () => {
  const { cid, send } = newCall();
  await send("POST", "", { user });
  await fixture.confirm(cid);
  const answer = { applied: ["session.instructions"], notApplied: [] };
  const patched = send("PATCH", "/max", { session: { instructions: "Be brief." } });
  await expect.poll(async () => (await fixture.pair(cid)).mail).toHaveLength(1);
  const { launchId, mail } = await fixture.pair(cid);
  expect(mail).toMatchObject([{ kind: "update", session: { instructions: "Be brief." } }]);
  const acknowledged = mail.map(({ id }) => ({ id, answer }));
  await fixture.table.change(cid, "max", { type: "beat", launchId, acknowledged });
  expect(await patched).toEqual({ status: 200, body: answer });
});

test("Messages wait in order for the task; more than it can hold are refused.", async () => {
  const { cid, send } = newCall();
  await send("POST", "", { user });
  await fixture.confirm(cid);
  for (let count = 1; count <= 20; count += 1) {
    expect((await send("POST", "/max/messages", { text: `Message ${count}` })).status).toBe(202);
  }
  expect(await send("POST", "/max/messages", { text: "Too many" })).toMatchObject({
    status: 429,
    body: { error: "mailbox_full" },
  });
  const { mail } = await fixture.pair(cid);
  expect(mail.map((letter) => letter.kind === "message" && letter.text)).toEqual(
    Array.from({ length: 20 }, (_, index) => `Message ${index + 1}`),
  );
});

test("Who is not there cannot be changed, told or sent away.", async () => {
  const { send } = newCall();
  expect((await send("PATCH", "/max", { data: {} })).status).toBe(404);
  expect((await send("POST", "/max/messages", { text: "Hello." })).status).toBe(404);
  expect((await send("DELETE", "/max")).status).toBe(404);
  expect((await send("GET", "/max/record")).status).toBe(404);
});

test("One that was sent away is leaving, then gone with the reason and a record.", async () => {
  const { cid, send } = newCall();
  await send("POST", "", { user });
  await fixture.confirm(cid);
  expect(await send("DELETE", "/max")).toMatchObject({ status: 202, body: { outcome: "leaving" } });
  expect(await send("GET")).toMatchObject({ body: { agents: [{ state: "running", isLeaving: true }] } });
  const { launchId, knockCount } = await fixture.pair(cid);
  await fixture.table.change(cid, "max", { type: "end", launchId, reason: "removed", knockCount, isOut: true });
  await fixture.table.putRecord(cid, "max", "2026-01-31T12:00:00.000Z", { reason: "removed", launchId });
  const gone = await send("GET");
  expect(gone).toMatchObject({ body: { agents: [{ state: "ended", reason: "removed" }] } });
  expect(gone.body).not.toMatchObject({ agents: [{ isLeaving: true }] });
  expect(await send("GET", "/max/record")).toMatchObject({ status: 200, body: { reason: "removed", launchId } });
});

test("The cap on agents of a call is told, and what to do.", async () => {
  const { send } = newCall();
  await send("POST", "", { user: { id: "one" } });
  await send("POST", "", { user: { id: "two" } });
  expect(await send("POST", "", { user: { id: "three" } })).toMatchObject({
    status: 429,
    body: { error: "cap_reached", cap: "agents_per_call", message: expect.stringContaining("MAX_AGENTS_PER_CALL") },
  });
});

test("An ended call gets nobody.", async () => {
  const { cid, send } = newCall();
  await fixture.dispatcher.callEnded(cid, fixture.now());
  expect(await send("POST", "", { user })).toMatchObject({ status: 409, body: { error: "call_ended" } });
});

test("While ECS starts nothing the answer is 503, and the next request launches.", async () => {
  const { send } = newCall();
  fixture.aws.planFault({ action: "RunTask", kind: "failures", reason: "RESOURCE:ENI" });
  expect(await send("POST", "", { user })).toMatchObject({ status: 503, body: { error: "launch_failed" } });
  expect(await send("GET")).toMatchObject({ body: { agents: [{ state: "ended", reason: "launch_refused" }] } });
  expect((await send("POST", "", { user })).status).toBe(202);
});
