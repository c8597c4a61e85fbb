import { afterEach, expect, test, vi } from "vitest";
import { type WaitForPersonOptions, type WaitOutcome, waitForPerson } from "../../bridge-task/stream/outside.ts";
import { Room } from "./room.ts";

let room: Room;
let giveUp: AbortController;
const open = async (): Promise<void> => {
  room = await Room.open();
  giveUp = new AbortController();
};
afterEach(async () => {
  giveUp.abort();
  await room.close();
});

const lucy = { id: "lucy", custom: { agent: true } };
const wait = (options: Partial<WaitForPersonOptions> = {}): Promise<WaitOutcome> =>
  waitForPerson({
    streamClient: room.client,
    call: room.address,
    user: lucy,
    logger: room.logger,
    signal: giveUp.signal,
    ...options,
  });

/** Resolves when the coordinator sends lucy the call's events. */
const listening = () =>
  room.log.waitFor(({ type, data }) => type === "coordinator.connected" && data.userId === "lucy", 5_000, "a listener");

const expectNobodySawUs = (): void => {
  const all = room.log.since().filter(({ type }) => type.startsWith("call.session_") || type === "sfu.joined");
  expect(all.filter(({ data }) => data.userId === "lucy")).toEqual([]);
};

test("a person who is there already is no reason to wait", async () => {
  await open();
  await room.join({ id: "ann" });
  expect(await wait()).toEqual({ cause: "person" });
  expectNobodySawUs();
});

test("the first person who comes ends the waiting; agents do not, and nobody sees who waits", async () => {
  await open();
  await room.create();
  const waiting = wait({ agentUserIds: ["helper"] });
  await listening();
  await room.join({ id: "max", custom: { agent: true } });
  await room.join({ id: "helper" });
  let isOver = false;
  void waiting.then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isOver).toBe(false);
  await room.join({ id: "ann" });
  expect(await waiting).toEqual({ cause: "person" });
  expectNobodySawUs();
});

test("a call that nobody enters has no session by an agent that waits for it", async () => {
  await open();
  await room.create();
  const waiting = wait();
  await listening();
  giveUp.abort("waited long enough");
  await expect(waiting).rejects.toMatchObject({ code: "aborted" });
  expect(room.log.since().filter(({ type }) => /^call\.session|^sfu\./.test(type))).toEqual([]);
  expect((await room.call.get()).call.session?.started_at).toBeUndefined();
});

test("a call that nobody has created yet is waited for, and is not made the agent's", async () => {
  await open();
  const waiting = wait({ timeouts: { lookForCallMs: 20 } });
  await room.log.waitFor(({ type }) => type === "rest.refused", 5_000, "a look at no call");
  await room.create();
  await room.join({ id: "ann" });
  expect(await waiting).toEqual({ cause: "person" });
  expect((await room.call.get()).call.created_by.id).toBe("ann");
});

test("somebody who accepts the ring ends the waiting, where that is enough", async () => {
  await open();
  await room.create({ members: [{ user_id: "ann" }, { user_id: "bob" }] });
  await room.call.ring({});
  const [waiting, strict] = [wait(), wait({ countsAcceptance: false })];
  await listening();
  await room.control("/calls/default/room/accept", { userId: "bob" });
  expect(await waiting).toEqual({ cause: "accepted" });
  expect(await wait()).toEqual({ cause: "accepted" });
  await room.join({ id: "bob" });
  expect(await strict).toEqual({ cause: "person" });
});

test("a call that ends, ended before, or is deleted, is waited for no longer", async () => {
  await open();
  await room.create();
  const waiting = wait();
  await listening();
  await room.call.end();
  expect(await waiting).toEqual({ cause: "call_ended", detail: "call.ended" });
  expect(await wait()).toEqual({ cause: "call_ended", detail: "call.ended" });
  room.address.id = "another";
  await room.create();
  await room.control("/faults/coordinator", { refuses: true });
  const deaf = wait({ timeouts: { lookMs: 20 } });
  // It tries to listen once it has seen the call.
  await vi.waitFor(() =>
    expect(room.logLines).toContainEqual(expect.objectContaining({ event: "call_events_unavailable" })),
  );
  await room.call.delete();
  expect(await deaf).toEqual({ cause: "call_ended", detail: "call.deleted" });
});

test("an encrypted call, and one that blocks the agent, are waited for in vain and say so", async () => {
  await open();
  await room.create();
  const waiting = wait();
  await listening();
  await room.call.blockUser({ user_id: "lucy" });
  await expect(waiting).rejects.toMatchObject({ reason: "blocked" });
  room.address.id = "encrypted";
  await room.create({ settings_override: { encryption: { mode: "auto-on" } } });
  await expect(wait()).rejects.toMatchObject({ reason: "e2ee" });
});

test("without the coordinator's events it looks for itself; after a loss they come again", async () => {
  await open();
  await room.create();
  await room.control("/faults/coordinator", { refuses: true });
  const waiting = wait({ timeouts: { lookMs: 20 } });
  await room.join({ id: "ann" });
  expect(await waiting).toEqual({ cause: "person" });

  room.address.id = "another";
  await room.create();
  await room.control("/faults/coordinator");
  const again = wait();
  await listening();
  await room.control("/faults/close-coordinator-socket", { userId: "lucy" });
  await room.join({ id: "ann" });
  expect(await again).toEqual({ cause: "person" });
});

test("who has given up already waits for nobody", async () => {
  await open();
  giveUp.abort();
  await expect(wait()).rejects.toMatchObject({ code: "aborted" });
});
