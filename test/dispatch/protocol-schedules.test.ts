import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Exploration, explore, walk } from "./protocol-explore.ts";
import { afterCrashes, type Happening, newWorld } from "./protocol-world.ts";

interface Scenario {
  scripts: Happening[][];
  faultCount: number;
  isAtomic: boolean;
  hasCrashed?: boolean;
}

/** Every order of moves with nothing going wrong; reads and their writes apart. */
const calm: Happening[][][] = [
  [["call_created", "person_comes"]],
  [["person_starts", "person_leaves", "person_comes"]],
  [["person_starts", "kick", "session_ends", "person_starts"]],
  [["rings", "call_created", "person_starts"]],
  [["person_starts twice"], ["sweep"]],
];

/** Four at once; a read and its write are one move. */
const crowded: Happening[][][] = [
  [["person_starts"], ["post"], ["post"]],
  [["person_starts"], ["post"], ["delete"]],
  [["person_starts", "call_ends"], ["post"]],
  [["person_starts", "kick"], ["post"]],
  [["call_created", "person_leaves", "person_starts"], ["delete"]],
  [["call_created", "goes_live", "call_ends"]],
  [["person_starts", "session_ends twice", "person_starts"]],
];

/** One thing goes wrong, anywhere: a shell dies, an answer is lost, ECS refuses, a task crashes, its end comes twice or never. */
const unlucky: Happening[][][] = [
  [["person_starts"], ["post"]],
  [["person_starts"], ["delete"]],
  [["person_starts"], ["sweep"]],
  [["person_starts", "call_ends"]],
  [["call_created", "call_ends"]],
  [["person_starts", "kick"], ["post"]],
  [["person_starts", "session_ends", "person_starts"]],
];

/** The same where the agent has crashed too often to be launched at once. */
const tooOften: Happening[][][] = [
  [["person_starts", "person_comes"]],
  [["person_starts", "session_ends", "person_starts"]],
  [["person_starts", "call_ends"]],
  [["person_starts", "kick"], ["sweep"]],
  [["person_starts"], ["delete"]],
  [["person_starts"], ["post"]],
];

const scenarios: Scenario[] = [
  ...calm.map((scripts) => ({ scripts, faultCount: 0, isAtomic: false })),
  ...crowded.map((scripts) => ({ scripts, faultCount: 0, isAtomic: true })),
  ...unlucky.map((scripts) => ({ scripts, faultCount: 1, isAtomic: true })),
  ...tooOften.map((scripts) => ({ scripts, faultCount: 1, isAtomic: true, hasCrashed: true })),
  { scripts: [["person_starts"]], faultCount: 3, isAtomic: true },
  { scripts: [["person_starts"]], faultCount: 2, isAtomic: false },
];

const nameOf = ({ scripts, faultCount, hasCrashed = false }: Scenario) =>
  `${hasCrashed ? "crashes, then: " : ""}${scripts.map((script) => script.join(", ")).join(" | ")}${faultCount > 0 ? ` (${faultCount} faults)` : ""}`;

const happenings: Happening[] = [
  "call_created",
  "call_created twice",
  "person_comes",
  "person_comes twice",
  "person_starts",
  "person_leaves",
  "goes_live",
  "rings",
  "session_ends",
  "session_ends twice",
  "call_ends",
  "kick",
];

describe("one agent in a call, in whatever order things happen", () => {
  const explored: Exploration[] = [];

  it.each(scenarios.map((scenario) => [nameOf(scenario), scenario] as const))("%s", (_, scenario) => {
    const { scripts, faultCount, isAtomic, hasCrashed = false } = scenario;
    const world = newWorld(scripts, faultCount, isAtomic);
    explored.push(explore(hasCrashed ? afterCrashes(world) : world));
  });

  it("in far more than 10,000 orders", () => {
    const sum = (count: keyof Exploration) => explored.reduce((total, exploration) => total + exploration[count], 0);
    expect(explored.length).toBe(scenarios.length);
    expect(sum("worldCount")).toBeGreaterThan(100_000);
    expect(sum("scheduleCount")).toBeGreaterThan(10_000);
    // Each is another outcome: a world in which nothing is left to happen.
    expect(sum("endCount")).toBeGreaterThan(2_000);
  });

  it("and in longer stories, with up to three faults", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...happenings), { maxLength: 5 }),
        fc.array(fc.constantFrom<Happening>("post", "delete", "sweep"), { maxLength: 3 }),
        fc.nat(3),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.nat(1_000), { minLength: 30, maxLength: 200, size: "max" }),
        (stream, application, faultCount, isAtomic, hasCrashed, choices) => {
          const world = newWorld([stream, application], faultCount, isAtomic);
          walk(hasCrashed ? afterCrashes(world) : world, choices);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
