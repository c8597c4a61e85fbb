import { hash } from "node:crypto";
import { isLive, type Pair, sweepNeeds } from "../../functions/dispatch/protocol.ts";
import { shellFaults, shellMove, taskFaults, taskMoves } from "./protocol-moves.ts";
import { addShell, happen, voicesOf, type World } from "./protocol-world.ts";

/** All that can happen next. */
export const nextWorlds = (world: World): World[] => {
  const worlds = world.scripts.flatMap((script, index) => (script.length > 0 ? [happen(world, index)] : []));
  const faults: World[] = [];
  for (const shell of world.shells) {
    if (shell.hasDied) continue;
    worlds.push(shellMove(world, shell));
    if (world.faultCount > 0) faults.push(...shellFaults(world, shell));
  }
  for (const task of world.tasks) {
    worlds.push(...taskMoves(world, task));
    if (world.faultCount > 0) faults.push(...taskFaults(world, task));
  }
  return [...worlds, ...faults.map((faulty) => ({ ...faulty, faultCount: world.faultCount - 1 }))];
};

const texts = new WeakMap<object, string>();

/** JSON of a part, which is shared by many worlds. */
const textOf = (part: object | undefined): string => {
  if (part === undefined) return "";
  const known = texts.get(part);
  if (known !== undefined) return known;
  const text = JSON.stringify(part);
  texts.set(part, text);
  return text;
};

/** The same for two worlds in which all is the same. */
const keyOf = ({ nowMs, pair, tombstoneMs, call, scripts, shells, tasks, faultCount, seen }: World): string => {
  const parts = [
    nowMs,
    textOf(pair),
    tombstoneMs,
    textOf(call),
    textOf(scripts),
    shells.map(textOf),
    tasks.map(textOf),
  ];
  return hash("md5", [...parts, faultCount, textOf(seen)].join("|"), "base64");
};

/** The rule that must hold in every world; the message of what is broken, if anything is. */
export const brokenRule = (world: World): string | undefined => {
  const voices = voicesOf(world);
  return voices.length > 1 ? `two voices: ${voices.map(({ launchId }) => launchId).join(" and ")}` : undefined;
};

/** Everybody does what is left to do, without a fault. */
const settled = (start: World): World => {
  let world: World = { ...start, faultCount: 0 };
  for (let moves = 0; moves < 1_000; moves++) {
    const before = keyOf(world);
    const next = nextWorlds(world).find((candidate) => keyOf(candidate) !== before);
    if (next === undefined) return world;
    const broken = brokenRule(next);
    if (broken !== undefined) throw new Error(broken);
    world = next;
  }
  throw new Error("it never settles");
};

/** Stream, or the application, sends what was not answered once more. */
const redelivered = (world: World): World => {
  const died = world.shells.filter(({ hasDied, kind }) => hasDied && kind !== "sweep" && kind !== "task_stopped");
  const shells = died.map(({ id, kind, all }) => {
    const again = `${id}/retry`;
    const works = all.map((work) =>
      work.do === "read" && "launchId" in work.input ? { ...work, input: { ...work.input, launchId: again } } : work,
    );
    return { id: again, kind, todo: works, all: works };
  });
  return settled({ ...world, shells });
};

/** The next sweep has something to do about it, or a later one has. */
const isDue = (pair: Pair, nowMs: number): boolean =>
  sweepNeeds(pair, nowMs + 60_000).runTask || pair.end?.owed === true;

/** The sweeper runs every minute until nothing changes any more. */
const sweptUntilQuiet = (start: World): World => {
  let world = start;
  for (let minute = 0; minute < 20; minute++) {
    const due = { ...world, nowMs: world.nowMs + 60_000 };
    const swept = settled(addShell(due, `minute-${minute}`, "sweep", [{ do: "sweep" }]));
    const isQuiet = JSON.stringify([swept.pair, swept.tasks]) === JSON.stringify([world.pair, world.tasks]);
    world = swept;
    const { pair } = world;
    if (isQuiet && (pair === undefined || !isDue(pair, world.nowMs))) return world;
  }
  throw new Error(`the sweeper never comes to rest: ${JSON.stringify(world)}`);
};

/** It crashed again and again, and nobody came since. */
const hasGivenUp = ({ pair, seen }: World): boolean =>
  pair?.end?.reason === "gave_up" && pair.end.atMs >= seen.cameAtMs;

const mayBePresent = ({ call, seen }: World): boolean => {
  if (call.isOver || !call.hasPerson || !seen.isWanted) return false;
  return seen.isAskedAgain || !(call.isKicked || seen.dismissedFrom === call.sessionId);
};

const mustBePresent = (world: World): boolean => {
  const { call, seen } = world;
  if (!mayBePresent(world) || hasGivenUp(world) || seen.mayStayAwayFrom === call.sessionId) return false;
  return (
    !call.isKicked &&
    (seen.dismissedFrom === undefined || (seen.dismissedFrom !== call.sessionId && !seen.isAskedAgain))
  );
};

/** What is wrong in the end, where all that could happen has happened. */
export const brokenEnd = (world: World): string | undefined => {
  // Deliveries that were never answered are lost for good: what was claimed still comes to be.
  const isClaimed = world.pair !== undefined && isLive(world.pair) && world.pair.wish === undefined;
  const swept = sweptUntilQuiet(world);
  if (isClaimed && mustBePresent(swept) && voicesOf(swept).length !== 1)
    return "claimed, and the sweeper did not bring it";
  // They are delivered again, late.
  const final = sweptUntilQuiet(redelivered(world));
  const count = voicesOf(final).length;
  if (count > 0 && !mayBePresent(final)) return "a voice stays that must not";
  return count === 0 && mustBePresent(final) ? "nobody came" : undefined;
};

export interface Exploration {
  /** Distinct orders of moves, from the start to where nothing is left to do. */
  scheduleCount: number;
  worldCount: number;
  endCount: number;
}

/** Every order of every move, each world once. Throws with the worlds that led to a broken rule. */
export const explore = (start: World): Exploration => {
  const schedulesFrom = new Map<string, number>();
  const path: World[] = [];
  let endCount = 0;
  const fail = (what: string, world: World): never => {
    throw new Error(`${what}\n${[...path, world].map((one) => JSON.stringify(one)).join("\n")}`);
  };
  const visit = (world: World, key: string): number => {
    const known = schedulesFrom.get(key);
    if (known !== undefined) return known;
    const broken = brokenRule(world);
    if (broken !== undefined) fail(broken, world);
    path.push(world);
    let scheduleCount = 0;
    for (const next of nextWorlds(world)) {
      const nextKey = keyOf(next);
      if (nextKey !== key) scheduleCount += visit(next, nextKey);
    }
    path.pop();
    if (scheduleCount === 0) {
      endCount += 1;
      scheduleCount = 1;
      const wrong = brokenEnd(world);
      if (wrong !== undefined) fail(wrong, world);
    }
    schedulesFrom.set(key, scheduleCount);
    return scheduleCount;
  };
  const scheduleCount = visit(start, keyOf(start));
  return { scheduleCount, worldCount: schedulesFrom.size, endCount };
};

/** One order of moves; where `choices` are used up, the first that there is. Throws where a rule is broken. */
export const walk = (start: World, choices: readonly number[]): void => {
  let world = start;
  for (let count = 0; count < 2_000; count++) {
    const here = keyOf(world);
    const worlds = nextWorlds(world).filter((next) => keyOf(next) !== here);
    const next = worlds[(choices[count] ?? 0) % worlds.length];
    if (next === undefined) break;
    world = next;
    const broken = brokenRule(world);
    if (broken !== undefined) throw new Error(broken);
  }
  const wrong = brokenEnd(world);
  if (wrong !== undefined) throw new Error(wrong);
};
