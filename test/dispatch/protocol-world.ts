import type { EndReason } from "../../bridge-task/job.ts";
import { type Answer, type Input, type Pair, step } from "../../functions/dispatch/protocol.ts";

/**
 * A small world for the protocol: one pair, its table, ECS, Stream, and the shells and tasks around them. It is never changed:
 * a move makes the next one. Every read, every write and every request is a move of its own, so those of different processes
 * interleave at will; shells and tasks do them in the order of the real ones.
 */
export interface World {
  nowMs: number;
  /** A read and the write that follows from it are one move: what comes between makes the write fail, and begin again. */
  isAtomic: boolean;
  pair: Pair | undefined;
  tombstoneMs: number | undefined;
  call: { isOver: boolean; sessionId: string | undefined; sinceMs: number; hasPerson: boolean; isKicked: boolean };
  /** What is still to happen: each list in its order, one list against another in any. */
  scripts: readonly (readonly Happening[])[];
  shells: readonly Shell[];
  tasks: readonly Task[];
  /** How many more things may go wrong. */
  faultCount: number;
  seen: Seen;
}

/** What the expectations ask about. */
export interface Seen {
  /** Somebody wants the agent: an event whose joins says yes, or a POST. */
  isWanted: boolean;
  /** A POST came, or call.live_started: both may bring an agent back that was sent away from a session that was not known. */
  isAskedAgain: boolean;
  isCreated: boolean;
  /** When somebody came last. */
  cameAtMs: number;
  /** DELETE found something to send away: the session of the call then, or after; "next" while that is to come. */
  dismissedFrom: string | undefined;
  /** Nobody had told the pair of a session then: it may be the one after that it stays away from. */
  mayStayAwayFrom: string | undefined;
}

type Event =
  | "call_created"
  /** A person comes; Stream tells of the session if it is new, and of the person. */
  | "person_comes"
  /** The same, and only one of the two is delivered. */
  | "person_starts"
  | "person_leaves"
  | "goes_live"
  | "rings"
  | "session_ends"
  | "call_ends"
  | "kick"
  | "post"
  | "delete"
  | "sweep";

/** What Stream tells of it comes once, or once more, whenever. */
export type Happening = Event | `${Event} twice`;

export type Work =
  | { do: "read_tombstone" }
  | { do: "write_tombstone"; atMs: number }
  | { do: "read"; input: Input }
  | { do: "write"; input: Input; pair: Pair; runTask: boolean; answer: Answer }
  | { do: "read_tombstone_again"; pair: Pair }
  | { do: "run_task"; launchId: string }
  | { do: "describe"; launchId: string }
  | { do: "sweep" };

/** One run of a Lambda function, and what it still has to do. */
export interface Shell {
  id: string;
  kind: "delivery" | "post" | "delete" | "sweep" | "task_stopped";
  todo: readonly Work[];
  /** What it had to do: for when it is delivered again. */
  all: readonly Work[];
  callEndedAtMs?: number;
  hasDied?: true;
}

/** A task that ECS started. Its process hears, speaks, and writes. */
export interface Task {
  launchId: string;
  /** `leaving`: it still has to say so; `draining`: it has. */
  at: "outside" | "in_call" | "leaving" | "draining" | "out" | "stopped";
  /** In which session of the call it is, or was. */
  sessionId?: string;
  /** It has told the table its session. */
  hasBeaten?: true;
  /** Why it goes. */
  reason?: EndReason;
  /** The knocks it knew before it looks who is there. */
  knockCount?: number;
  /** A write on its way. */
  write?: { input: Input; pair: Pair; answer: Answer };
}

/** Between one happening and the next. */
export const tickMs = 10_000;

export const newWorld = (scripts: readonly (readonly Happening[])[], faultCount: number, isAtomic = false): World => ({
  nowMs: 1_000_000,
  isAtomic,
  pair: undefined,
  tombstoneMs: undefined,
  call: { isOver: false, sessionId: undefined, sinceMs: 0, hasPerson: false, isKicked: false },
  scripts,
  shells: [],
  tasks: [],
  faultCount,
  seen: {
    isWanted: false,
    isAskedAgain: false,
    isCreated: false,
    cameAtMs: 0,
    dismissedFrom: undefined,
    mayStayAwayFrom: undefined,
  },
});

/** The same call after a session in which the agent crashed again and again, until nobody launched it any more. */
export const afterCrashes = (world: World): World => {
  const { nowMs } = world;
  const launchIds = ["crash-1", "crash-2", "crash-3"];
  const [first = ""] = launchIds;
  const asked = { source: "event", configId: "event", sessionId: "session-before", eventAtMs: nowMs } as const;
  const inputs: Input[] = [
    { type: "ask", launchId: first, ...asked },
    ...launchIds.flatMap((launchId, index): Input[] => [
      { type: "confirm", launchId, taskArn: `arn:${launchId}` },
      { type: "stopped", launchId, newLaunchId: launchIds[index + 1] ?? "none" },
    ]),
  ];
  const pair = inputs.reduce<Pair | undefined>((before, input) => step(before, input, nowMs).pair, undefined);
  if (pair?.end?.reason !== "gave_up") throw new Error("it did not give up");
  const tasks = launchIds.map((launchId) => ({ launchId, at: "stopped" }) as const);
  return { ...world, pair, tasks, seen: { ...world.seen, isCreated: true } };
};

/** In the call, and heard: from joining until it has left, or its process is gone. */
export const voicesOf = ({ tasks }: World): Task[] =>
  tasks.filter(({ at }) => at === "in_call" || at === "leaving" || at === "draining");

export const addShell = (world: World, id: string, kind: Shell["kind"], all: readonly Work[]): World => ({
  ...world,
  shells: [...world.shells, { id, kind, todo: all, all }],
});

/** The shell as it is now; one that is done is gone. */
export const withShell = (world: World, shell: Shell): World => {
  const isDone = shell.todo.length === 0 && shell.hasDied === undefined;
  const shells = isDone
    ? world.shells.filter(({ id }) => id !== shell.id)
    : world.shells.map((other) => (other.id === shell.id ? shell : other));
  return { ...world, shells };
};

const removedOf = (pair: Pair | undefined) => [pair?.wish, pair?.end].find((told) => told?.reason === "removed");

/** The pair as it is written. */
export const withPair = (world: World, pair: Pair): World => {
  const { call, seen } = world;
  const removed = removedOf(pair);
  if (removed === undefined || removed.atMs === removedOf(world.pair)?.atMs) return { ...world, pair };
  const isUnknown = (pair.end?.sessionId ?? pair.sessionId) === undefined;
  const wasIn = world.tasks.find(({ launchId }) => launchId === pair.launchId)?.sessionId;
  const isAhead = isUnknown && wasIn === undefined;
  // A session that began after DELETE was decided on is another one; unless there was none before.
  const sessionId = call.sinceMs <= removed.atMs || isAhead ? call.sessionId : undefined;
  const dismissedFrom = sessionId ?? (isAhead ? "next" : "none");
  return { ...world, pair, seen: { ...seen, dismissedFrom, mayStayAwayFrom: isUnknown ? "next" : undefined } };
};

export const withTask = (world: World, task: Task): World => ({
  ...world,
  tasks: world.tasks.map((other) => (other.launchId === task.launchId ? task : other)),
});

const returnOf = (
  world: World,
  launchId: string,
  trigger: "session_started" | "participant_joined" | "live_started",
) => {
  const { call, nowMs: eventAtMs } = world;
  const input: Input = { type: "return", trigger, launchId, sessionId: call.sessionId, eventAtMs };
  return [{ do: "read_tombstone" }, { do: "read", input }] as const satisfies Work[];
};

const askOf = (world: World, launchId: string, source: "post" | "event") => {
  const { call, nowMs: eventAtMs } = world;
  const sessionId = source === "post" ? undefined : call.sessionId;
  const input: Input = { type: "ask", source, launchId, configId: source, sessionId, eventAtMs };
  return [{ do: "read_tombstone" }, { do: "read", input }] as const satisfies Work[];
};

const leaveOf = (world: World, reason: "removed" | "call_ended", sessionId?: string): Work => ({
  do: "read",
  input: { type: "leave", reason, sessionId, atMs: world.nowMs },
});

const personComes = (world: World, id: string, isAllTold: boolean): World => {
  const { call, seen } = world;
  // Nobody comes into a call that is over.
  if (call.isOver) return world;
  const isNew = call.sessionId === undefined;
  const sessionId = call.sessionId ?? `session-${id}`;
  const isKicked = call.isKicked && !isNew;
  const isWanted = seen.isWanted || isNew;
  const orThis = (from: string | undefined) => (isNew && from === "next" ? sessionId : from);
  const [dismissedFrom, mayStayAwayFrom] = [seen.dismissedFrom, seen.mayStayAwayFrom].map(orThis);
  const joined: World = {
    ...world,
    call: { ...call, sessionId, sinceMs: isNew ? world.nowMs : call.sinceMs, hasPerson: true, isKicked },
    seen: { ...seen, isWanted, cameAtMs: world.nowMs, dismissedFrom, mayStayAwayFrom },
  };
  const told = isNew
    ? addShell(joined, `${id}/started`, "delivery", returnOf(joined, `${id}/started`, "session_started"))
    : joined;
  if (isNew && !isAllTold) return told;
  return addShell(told, `${id}/joined`, "delivery", returnOf(joined, `${id}/joined`, "participant_joined"));
};

/** The shell that was added last is delivered once more. */
const twice = (before: World, world: World): World => {
  const last = world.shells.at(-1);
  if (last === undefined || world.shells.length === before.shells.length) return world;
  const id = `${last.id}/again`;
  const renamed = last.all.map((work) =>
    work.do === "read" && "launchId" in work.input ? { ...work, input: { ...work.input, launchId: id } } : work,
  );
  return addShell(world, id, last.kind, renamed);
};

const happenOnce = (world: World, event: Event, id: string): World => {
  const { call, seen, nowMs } = world;
  const gone = { ...call, sessionId: undefined, sinceMs: 0, hasPerson: false, isKicked: false };
  switch (event) {
    case "call_created": {
      if (seen.isCreated || call.isOver) return world;
      const created = {
        ...world,

        seen: { ...seen, isCreated: true, isWanted: true },
      };
      return addShell(created, id, "delivery", askOf(created, id, "event"));
    }
    case "post": {
      const posted = { ...world, seen: { ...seen, isWanted: seen.isWanted || !call.isOver, isAskedAgain: true } };
      return addShell(posted, id, "post", askOf(posted, id, "post"));
    }
    case "person_comes":
      return personComes(world, id, true);
    case "person_starts":
      return personComes(world, id, false);
    case "person_leaves":
      return { ...world, call: { ...call, hasPerson: false } };
    case "goes_live": {
      if (call.isOver) return world;
      const live = { ...world, seen: { ...seen, isWanted: true, isAskedAgain: true } };
      return addShell(live, id, "delivery", returnOf(world, id, "live_started"));
    }
    case "rings":
      return addShell(world, id, "delivery", [{ do: "read", input: { type: "ring" } }]);
    case "session_ends":
      return addShell({ ...world, call: gone }, id, "delivery", [
        leaveOf(world, "call_ended", call.sessionId ?? "none"),
      ]);
    case "call_ends": {
      const over = { ...world, seen: { ...seen, isWanted: false }, call: { ...gone, isOver: true } };
      return addShell(over, id, "delivery", [{ do: "write_tombstone", atMs: nowMs }, leaveOf(world, "call_ended")]);
    }
    case "kick":
      return { ...world, call: { ...call, isKicked: true } };
    case "delete":
      return addShell(world, id, "delete", [leaveOf(world, "removed")]);
    case "sweep":
      return addShell({ ...world, nowMs: nowMs + 60_000 }, id, "sweep", [{ do: "sweep" }]);
  }
};

/** The next thing of a script happens, and Stream, or the application, tells of it. */
export const happen = (before: World, scriptIndex: number): World => {
  const [happening, ...later] = before.scripts[scriptIndex] ?? [];
  if (happening === undefined) throw new Error("nothing is left to happen");
  const scripts = before.scripts.map((script, index) => (index === scriptIndex ? later : script));
  const world: World = { ...before, scripts, nowMs: before.nowMs + tickMs };
  const [event] = happening.split(" ") as [Event];
  const after = happenOnce(world, event, `${scriptIndex}.${later.length}`);
  return happening === event ? after : twice(world, after);
};
