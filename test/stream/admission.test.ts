import fc from "fast-check";
import { expect, test } from "vitest";
import { certainRefusal, isBlockedIn, likelyRefusal } from "../../bridge-task/stream/admission.ts";
import { CallRefusedError } from "../../bridge-task/stream/errors.ts";
import { isPerson, peopleIn } from "../../bridge-task/stream/people.ts";

const entrant = { userId: "lucy", cid: "default:room" };
const encryption = (mode: string) => ({ settings: { encryption: { mode } } });
const reasons = (call: unknown) => [certainRefusal(call, entrant)?.reason, likelyRefusal(call, entrant)?.reason];

test("an open call refuses nobody", () => {
  const open = { ...encryption("disabled"), backstage: false, blocked_user_ids: ["bob"], session: {} };
  expect(reasons(open)).toEqual([undefined, undefined]);
  expect(reasons(undefined)).toEqual([undefined, undefined]);
});

test("an ended, an encrypted call, and one that blocks the user take it in under no circumstances", () => {
  // Dates are texts on the wire and Dates in node-sdk.
  expect(reasons({ ended_at: "2026-01-01T00:00:00Z" })).toEqual(["call_ended", "call_ended"]);
  expect(reasons({ ended_at: new Date() })).toEqual(["call_ended", "call_ended"]);
  expect(reasons(encryption("auto-on"))).toEqual(["e2ee", "e2ee"]);
  expect(reasons({ blocked_user_ids: ["bob", "lucy"] })).toEqual(["blocked", "blocked"]);
});

test("backstage, and encryption that is left to the clients, explain a refusal but do not foretell it", () => {
  expect(reasons({ backstage: true })).toEqual([undefined, "backstage"]);
  expect(reasons(encryption("available"))).toEqual([undefined, "e2ee"]);
});

test("each refusal says what to do about it", () => {
  const calls = [{ ended_at: "x" }, { blocked_user_ids: ["lucy"] }, encryption("auto-on"), { backstage: true }];
  const words = [/another one/, /unblockUser/, /encryption\.mode is "disabled"/, /goLive/];
  for (const [at, call] of calls.entries()) {
    const refusal = likelyRefusal(call, entrant);
    expect(refusal).toBeInstanceOf(CallRefusedError);
    expect(refusal?.message).toMatch(words[at] ?? /never/);
    expect(refusal).toMatchObject({ code: refusal?.reason, retryable: false });
  }
});

test("people are those who are neither known nor marked as agents", () => {
  const agents = new Set(["lucy"]);
  expect(isPerson({ id: "ann", custom: {} }, agents)).toBe(true);
  expect(isPerson({ id: "ann" }, agents)).toBe(true);
  expect(isPerson({ id: "lucy", custom: {} }, agents)).toBe(false);
  expect(isPerson({ id: "max", custom: { agent: true } }, agents)).toBe(false);
  expect(isPerson({ id: "max", custom: { agent: "no" } }, agents)).toBe(true);
  expect(isPerson({ custom: {} }, agents)).toBe(false);
});

test("a session tells who is there and who has accepted; one that ended tells nothing", () => {
  const agents = new Set(["lucy"]);
  const seats = (...users: object[]) => ({ participants: users.map((user) => ({ user })) });
  const there = (session: object) => peopleIn({ session }, agents).isSomebodyThere;
  expect(there(seats({ id: "lucy" }, { id: "max", custom: { agent: true } }))).toBe(false);
  expect(there(seats({ id: "lucy" }, { id: "ann" }))).toBe(true);
  expect(there({ ...seats(), anonymous_participant_count: 1 })).toBe(true);
  expect(there({ ...seats({ id: "ann" }), ended_at: "2026-01-01T00:00:00Z" })).toBe(false);
  const accepted = (accepted_by: object) => peopleIn({ session: { accepted_by } }, agents).hasSomebodyAccepted;
  expect(accepted({})).toBe(false);
  expect(accepted({ lucy: "2026-01-01T00:00:00Z" })).toBe(false);
  expect(accepted({ ann: "2026-01-01T00:00:00Z" })).toBe(true);
});

test("whatever Stream sends, reading it throws nothing", () => {
  const call = fc.oneof(
    fc.anything(),
    fc.record({ session: fc.anything(), settings: fc.anything(), blocked_user_ids: fc.anything() }),
    fc.record({ session: fc.record({ participants: fc.anything(), accepted_by: fc.anything() }) }),
  );
  fc.assert(
    fc.property(call, (value) => {
      likelyRefusal(value, entrant);
      isBlockedIn(value, "lucy");
      peopleIn(value, new Set());
    }),
  );
});
