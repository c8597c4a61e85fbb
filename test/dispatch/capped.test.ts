import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fixture, startFixture } from "./fixture.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture({ agentsPerCall: 2, callsAtOnce: 3 });
});
afterAll(() => fixture.close());

it("of many that are asked for at once exactly as many come as may, and the rest are told which cap it is", async () => {
  const users = Array.from({ length: 6 }, (_, index) => ({ id: `agent-${index}` }));
  const asked = await Promise.all(users.map((user) => fixture.ask("default:one", { user })));
  const outcomes = asked.map((one) => (one.outcome === "refused" ? one.reason : one.outcome));
  expect(outcomes.toSorted()).toEqual([...Array(4).fill("agents_per_call"), ...Array(2).fill("launched")]);
  expect(fixture.started()).toHaveLength(2);
  const [turnedAway] = users.filter((_, index) => outcomes[index] === "agents_per_call");
  expect(await fixture.pair("default:one", turnedAway?.id)).toMatchObject({ end: { reason: "over_cap" } });
});

it("a call too many has no agent until another call is over", async () => {
  await fixture.ask("default:two");
  await fixture.ask("default:three");
  expect(await fixture.ask("default:four")).toMatchObject({ outcome: "refused", reason: "calls_at_once" });
  await fixture.dispatcher.dismiss("default:three", "max");
  expect(await fixture.ask("default:four")).toMatchObject({ outcome: "launched" });
  expect(await fixture.ask("default:four", { user: { id: "second" } })).toMatchObject({ outcome: "launched" });
});
