import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { Mailbox, type MailboxOptions } from "../../bridge-task/task/mailbox.ts";
import type { Mail } from "../../functions/dispatch/protocol.ts";
import type { LocalDynamoDb } from "../cloud/aws/dynamodb.ts";
import { PairUnderTest, startTable } from "./claim-fixture.ts";

let dynamoDb: LocalDynamoDb;
/** The machine may be busy. */
const soon = { timeout: 10_000, interval: 10 };
const opened: Mailbox[] = [];

beforeAll(async () => {
  dynamoDb = await startTable();
});

afterAll(() => dynamoDb?.close());

afterEach(async () => {
  for (const mailbox of opened.splice(0)) await mailbox.stop();
});

const letter = (id: string, text = id): Mail => ({ id, atMs: Date.now(), kind: "message", text, respond: true });

/** A running pair whose mailbox is looked into every 10 ms, and what it said. */
const begin = async (options: Partial<MailboxOptions> = {}) => {
  const under = await new PairUnderTest(dynamoDb).begin();
  const orders: string[] = [];
  const mailbox = new Mailbox({
    claim: under.claim,
    onOrder: (order) => orders.push(order),
    logger: silentLogger,
    intervalMs: 10,
    beatIntervalMs: 10_000,
    ...options,
  });
  opened.push(mailbox);
  mailbox.start();
  return { under, mailbox, orders };
};

describe("what the pair says is told", () => {
  test.each(["removed", "call_ended"] as const)("a wish that it leaves: %s", async (reason) => {
    const { under, orders } = await begin();
    await under.input({ type: "leave", reason, atMs: Date.now() });
    await vi.waitFor(() => expect(orders[0]).toBe(reason), soon);
  });

  test("another launch in its place", async () => {
    const { under, orders } = await begin();
    await under.input({ type: "stopped", launchId: "launch-1", newLaunchId: "launch-2" });
    await vi.waitFor(() => expect(orders[0]).toBe("replaced"), soon);
  });

  test("each knock, once", async () => {
    const { under, mailbox } = await begin();
    let knockCount = 0;
    mailbox.onKnock(() => {
      knockCount += 1;
    });
    await under.knock();
    await vi.waitFor(() => expect(knockCount).toBe(1), soon);
    await under.knock();
    await vi.waitFor(() => expect(knockCount).toBe(2), soon);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(knockCount).toBe(2);
  });
});

describe("letters", () => {
  test("are read once each, in order, also those that came before anybody could read them", async () => {
    const { under, mailbox } = await begin();
    await under.input({ type: "mail", mail: letter("1") });
    await under.input({ type: "mail", mail: letter("2") });
    await new Promise((resolve) => setTimeout(resolve, 40));
    const read: string[] = [];
    mailbox.open(async ({ id }) => {
      read.push(id);
      await new Promise((resolve) => setTimeout(resolve, 15));
      return { seen: id };
    });
    await under.input({ type: "mail", mail: letter("3") });
    await vi.waitFor(async () => expect((await under.pair())?.mail).toEqual([]), soon);
    expect(read).toEqual(["1", "2", "3"]);
    expect((await under.pair())?.answers).toMatchObject([
      { id: "1", answer: { seen: "1" } },
      { id: "2", answer: { seen: "2" } },
      { id: "3", answer: { seen: "3" } },
    ]);
  });

  test("that cannot be read, or take too long, are not read again and hold up no other", async () => {
    const { under, mailbox } = await begin({ readTimeoutMs: 30 });
    const read: string[] = [];
    mailbox.open(async ({ id }) => {
      read.push(id);
      if (id === "throws") throw new Error("no");
      if (id === "hangs") await new Promise(() => undefined);
    });
    for (const id of ["throws", "hangs", "fine"]) await under.input({ type: "mail", mail: letter(id) });
    await vi.waitFor(async () => expect((await under.pair())?.mail).toEqual([]), soon);
    expect(read).toEqual(["throws", "hangs", "fine"]);
  });
});

describe("an agent that leaves", () => {
  test("acknowledges what it has read, and leaves the other letters to the next one", async () => {
    const { under, mailbox } = await begin();
    const read: string[] = [];
    const reading = Promise.withResolvers<void>();
    mailbox.open(async ({ id }) => {
      read.push(id);
      await reading.promise;
      return { seen: id };
    });
    for (const id of ["1", "2"]) await under.input({ type: "mail", mail: letter(id) });
    await vi.waitFor(() => expect(read).toEqual(["1"]), soon);
    await mailbox.shut();
    reading.resolve();
    await under.input({ type: "mail", mail: letter("3") });
    await vi.waitFor(async () => expect((await under.pair())?.mail.map(({ id }) => id)).toEqual(["2", "3"]), soon);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(read).toEqual(["1"]);
    expect((await under.pair())?.answers).toMatchObject([{ id: "1", answer: { seen: "1" } }]);
  });

  test("does not take its own word for another's order", async () => {
    const { under, orders } = await begin();
    expect(await under.claim.mayLeave("idle")).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(orders).toEqual([]);
  });
});

describe("signs of life", () => {
  test("are written in their interval, with the session once it is known", async () => {
    const { under } = await begin({ beatIntervalMs: 40 });
    const first = (await under.pair())?.heartbeatAtMs ?? 0;
    await vi.waitFor(async () => expect((await under.pair())?.heartbeatAtMs).toBeGreaterThan(first), soon);
    under.claim.sessionId = "session-1";
    await vi.waitFor(async () => expect((await under.pair())?.sessionId).toBe("session-1"), soon);
  });

  test("end with the mailbox", async () => {
    const { under, mailbox } = await begin({ beatIntervalMs: 10 });
    await mailbox.stop();
    const { version } = (await under.pair()) ?? {};
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect((await under.pair())?.version).toBe(version);
  });
});

test("a table that does not answer ends nothing: it is asked again, later each time", async () => {
  const atMs: number[] = [];
  const claim = {
    launchId: "launch-1",
    knockCount: 0,
    sessionId: undefined,
    isLeaving: false,
    read: () => {
      atMs.push(performance.now());
      return Promise.reject(new Error("unreachable"));
    },
    beat: () => Promise.reject(new Error("unreachable")),
  };
  const { orders } = await begin({ claim });
  await vi.waitFor(() => expect(atMs.length).toBeGreaterThanOrEqual(4), soon);
  const gaps = atMs.slice(1).map((each, at) => each - (atMs[at] ?? 0));
  expect(gaps[1]).toBeGreaterThan((gaps[0] ?? 0) * 1.3);
  expect(gaps[2]).toBeGreaterThan((gaps[1] ?? 0) * 1.3);
  expect(orders).toEqual([]);
});
