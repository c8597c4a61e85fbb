import fc from "fast-check";
import { expect, test } from "vitest";
import { edgesToAvoid } from "../../bridge-task/stream/enter.ts";
import { CoordinatorError, SfuError } from "../../bridge-task/stream/errors.ts";
import { parseJoinResponse } from "../../bridge-task/stream/join-response.ts";
import { retryIntervalMs, retrying } from "../../bridge-task/stream/retry.ts";
import { userPatch } from "../../bridge-task/stream/user.ts";

const response = {
  own_capabilities: ["join-call", "send-audio"],
  credentials: {
    token: "sfu-token",
    server: { edge_name: "sfu-1", url: "https://sfu.example/twirp/", ws_endpoint: "wss://sfu.example/ws" },
    ice_servers: [
      { urls: ["turn:a"], username: "u", password: "p" },
      { urls: "stun:b", username: "", password: "" },
      { urls: [] },
    ],
  },
};

test("the join response is read into what a connection needs", () => {
  expect(parseJoinResponse(response)).toEqual({
    credentials: {
      edgeName: "sfu-1",
      rpcUrl: "https://sfu.example/twirp",
      socketUrl: "wss://sfu.example/ws",
      token: "sfu-token",
      iceServers: [
        { urls: ["turn:a"], username: "u", credential: "p" },
        { urls: ["stun:b"], username: "", credential: "" },
      ],
    },
    capabilities: ["join-call", "send-audio"],
  });
});

test("any other body is refused with a CoordinatorError, never another error", () => {
  expect(() => parseJoinResponse({ ...response, credentials: {} })).toThrow(/credentials\.server\.url/);
  fc.assert(
    fc.property(fc.anything(), (body) => {
      expect(() => parseJoinResponse(body)).toThrow(CoordinatorError);
    }),
  );
});

test("an existing user keeps what it has; it gets what it lacks, and the mark of an agent, custom fields at the top", () => {
  const existing = { id: "lucy", name: "Old", image: "", custom: { agent: false, team: { a: 1 }, kept: 1 } };
  expect(userPatch({ id: "lucy" }, existing)).toBeUndefined();
  expect(userPatch({ id: "lucy", name: "New", custom: { team: { a: 2 }, agent: false } }, existing)).toBeUndefined();
  const stated = { id: "lucy", name: "New", image: "new.png", custom: { agent: true, kept: 2, mood: "good" } };
  expect(userPatch(stated, existing)).toEqual({ image: "new.png", agent: true, mood: "good" });
});

test("an edge is avoided when it says so, or after its second failure", () => {
  expect(edgesToAvoid([])).toEqual([]);
  expect(edgesToAvoid([{ edgeName: "a", edgeIsBad: false }])).toEqual([]);
  expect(edgesToAvoid([{ edgeName: "a", edgeIsBad: true }])).toEqual(["a"]);
  expect(
    edgesToAvoid([
      { edgeName: "a", edgeIsBad: false },
      { edgeName: "b", edgeIsBad: true },
      { edgeName: "a", edgeIsBad: false },
    ]),
  ).toEqual(["a", "b"]);
  expect(edgesToAvoid([{ edgeName: "", edgeIsBad: true }])).toEqual([]);
});

test("the pause between attempts lies between 250 ms and 5 s and never shrinks at its edges", () => {
  expect([0, 1, 2, 3, 9].map((attempt) => retryIntervalMs(attempt, () => 0))).toEqual([250, 250, 2_000, 4_000, 5_000]);
  expect([0, 1, 2, 3, 9].map((attempt) => retryIntervalMs(attempt, () => 1))).toEqual([
    500, 2_500, 4_500, 5_000, 5_000,
  ]);
  fc.assert(
    fc.property(fc.nat(50), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const intervalMs = retryIntervalMs(attempt, () => random);
      expect(intervalMs).toBeGreaterThanOrEqual(250);
      expect(intervalMs).toBeLessThanOrEqual(5_000);
    }),
  );
});

test("only what may pass is tried again, and no more often than allowed", async () => {
  const attemptsOf = async (error: Error, attempts: number) => {
    let count = 0;
    const work = () => {
      count += 1;
      return Promise.reject(error);
    };
    await expect(retrying(work, { attempts, random: () => 0 })).rejects.toBe(error);
    return count;
  };
  expect(await attemptsOf(new SfuError("no"), 3)).toBe(1);
  expect(await attemptsOf(new Error("unforeseen"), 3)).toBe(1);
  expect(await attemptsOf(new SfuError("later", { retryable: true }), 1)).toBe(1);
  expect(await attemptsOf(new SfuError("later", { retryable: true }), 2)).toBe(2);
});

test("closing ends the pause with the error of the attempt", async () => {
  const closing = new AbortController();
  const error = new SfuError("later", { retryable: true });
  const work = () => {
    queueMicrotask(() => closing.abort());
    return Promise.reject(error);
  };
  await expect(retrying(work, { attempts: 5, signal: closing.signal })).rejects.toBe(error);
});
