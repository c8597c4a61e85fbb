import { afterEach, beforeEach, expect, test } from "vitest";
import { nothingSeen } from "./observations.ts";
import { WireTap } from "./wire-tap.ts";

const realFetch = globalThis.fetch;
let answer: PromiseWithResolvers<Response>;
let tap: WireTap;

beforeEach(() => {
  answer = Promise.withResolvers<Response>();
  globalThis.fetch = () => answer.promise;
  tap = new WireTap(nothingSeen());
});
afterEach(() => {
  tap.close();
  globalThis.fetch = realFetch;
});

test("what is on its way is waited for, whether it is answered or not", async () => {
  const order: string[] = [];
  const asking = fetch("http://127.0.0.1/api/v2/users", { method: "POST" }).catch(() => order.push("failed"));
  const settled = tap.settled().then(() => order.push("settled"));
  order.push("waiting");
  answer.reject(new Error("cut"));
  await Promise.all([asking, settled]);
  expect(order[0]).toBe("waiting");
  expect(order.toSorted()).toEqual(["failed", "settled", "waiting"]);
  await tap.settled();
});

test("a run that is cut short asks for nothing any more but deleting", async () => {
  tap.allowsOnlyDeleting = true;
  await expect(fetch("http://127.0.0.1/api/v2/users")).rejects.toThrow("nothing is asked for");
  answer.resolve(new Response("{}"));
  expect((await fetch("http://127.0.0.1/api/v2/users/delete", { method: "POST" })).status).toBe(200);
});
