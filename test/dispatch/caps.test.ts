import fc from "fast-check";
import { expect, it } from "vitest";
import type { LiveClaim } from "../../functions/dispatch/calls-table.ts";
import { capExceeded } from "../../functions/dispatch/caps.ts";

const claim = (cid: string, userId: string, claimedAtMs: number, launchId = `${cid} ${userId}`): LiveClaim => ({
  cid,
  userId,
  launchId,
  claimedAtMs,
});

it("an agent too many in a call is the one that was claimed last", () => {
  const claims = [claim("a", "1", 10), claim("a", "2", 20), claim("a", "3", 30), claim("b", "1", 5)];
  const over = claims.filter((mine) => capExceeded(mine, claims, { agentsPerCall: 2, callsAtOnce: 9 }));
  expect(over).toEqual([claim("a", "3", 30)]);
});

it("a call too many is the one whose first agent was claimed last, and agents of a call that counts may come", () => {
  const claims = [claim("a", "1", 10), claim("b", "1", 20), claim("c", "1", 30), claim("a", "2", 40)];
  const caps = { agentsPerCall: 4, callsAtOnce: 2 };
  expect(claims.map((mine) => capExceeded(mine, claims, caps))).toEqual([
    undefined,
    undefined,
    "calls_at_once",
    undefined,
  ]);
});

it("an agent's own earlier launch does not count against it", () => {
  const claims = [claim("a", "1", 10, "old"), claim("a", "1", 20, "new")];
  expect(capExceeded(claim("a", "1", 20, "new"), claims, { agentsPerCall: 1, callsAtOnce: 1 })).toBeUndefined();
});

it("lets exactly as many calls in as the cap says, whichever claims each process sees besides those before its own", () => {
  const claims = fc.uniqueArray(fc.record({ call: fc.nat(5), user: fc.nat(3), atMs: fc.nat(4) }), {
    selector: ({ call, user }) => `${call} ${user}`,
    maxLength: 20,
  });
  fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (made, agents, calls) => {
      const all = made.map(({ call, user, atMs }) => claim(`c${call}`, `u${user}`, atMs));
      const caps = { agentsPerCall: agents, callsAtOnce: calls };
      const admitted = all.filter((mine) => capExceeded(mine, all, caps) === undefined);
      const callsOf = (some: LiveClaim[]) => new Set(some.map(({ cid }) => cid));
      expect(callsOf(admitted).size).toBe(Math.min(calls, callsOf(all).size));
      for (const cid of callsOf(admitted)) {
        const inCall = (some: LiveClaim[]) => some.filter((one) => one.cid === cid).length;
        expect(inCall(admitted)).toBe(Math.min(agents, inCall(all)));
      }
      // Those that were turned away are gone later; that changes nothing for those that came in.
      for (const mine of admitted) expect(capExceeded(mine, admitted, caps)).toBeUndefined();
    }),
  );
});
