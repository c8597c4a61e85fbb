import { type Input, isCallOver, orderFor, step, sweepNeeds } from "../../functions/dispatch/protocol.ts";
import {
  addShell,
  type Shell,
  type Task,
  type Work,
  type World,
  withPair,
  withShell,
  withTask,
} from "./protocol-world.ts";

/** ECS: a known client token answers the task that it stands for, dead or alive. */
const startTask = (world: World, launchId: string): World =>
  world.tasks.some((task) => task.launchId === launchId)
    ? world
    : { ...world, tasks: [...world.tasks, { launchId, at: "outside" }] };

const hasStopped = ({ tasks }: World, launchId: string): boolean =>
  tasks.some((task) => task.launchId === launchId && task.at === "stopped");

const stoppedOf = (launchId: string, shell: Shell): Work => ({
  do: "read",
  input: { type: "stopped", launchId, newLaunchId: `${launchId}>${shell.id}` },
});

/** ECS tells that a task is gone, now or later. */
const stopTask = (world: World, task: Task): World => {
  const { write: _, ...stopped } = task;
  const told = addShell(withTask(world, { ...stopped, at: "stopped" }), `${task.launchId}/stopped`, "task_stopped", []);
  const shell = told.shells.at(-1);
  if (shell === undefined) throw new Error("the shell is gone");
  const todo = [stoppedOf(task.launchId, shell)];
  return withShell(told, { ...shell, todo, all: todo });
};

const inputOf = (shell: Shell, input: Input): Input =>
  input.type === "ask" || input.type === "return" ? { ...input, callEndedAtMs: shell.callEndedAtMs } : input;

/** What follows from a step that is stored, or that stored nothing. */
const after = (world: World, shell: Shell, input: Input, { answer, runTask, pair }: ReturnType<typeof step>): World => {
  if (answer.type === "ask_joins" && input.type === "return" && input.trigger !== "participant_joined") {
    const { launchId, sessionId, eventAtMs } = input;
    const ask: Input = { type: "ask", source: "event", configId: "event", launchId, sessionId, eventAtMs };
    return withShell(world, { ...shell, todo: [{ do: "read", input: ask }, ...shell.todo] });
  }
  if (input.type === "refused" && shell.kind !== "sweep" && shell.kind !== "task_stopped") {
    return withShell(world, { ...shell, todo: [], hasDied: true });
  }
  const current = pair ?? world.pair;
  const todo =
    runTask && current ? [{ do: "read_tombstone_again", pair: current } as const, ...shell.todo] : shell.todo;
  return withShell(world, { ...shell, todo });
};

const swept = (world: World, shell: Shell, todo: readonly Work[]): World => {
  const { pair } = world;
  if (pair === undefined) return withShell(world, { ...shell, todo });
  const needs = sweepNeeds(pair, world.nowMs);
  const asked = needs.askEcs.map(({ launchId }): Work => ({ do: "describe", launchId }));
  const run: Work[] = needs.runTask ? [{ do: "read_tombstone_again", pair }] : [];
  return withShell(world, { ...shell, todo: [...asked, ...run, ...todo] });
};

/** The next thing that a shell does, without a fault. */
export const shellMove = (world: World, { todo: [work, ...todo], ...rest }: Shell): World => {
  const shell: Shell = { ...rest, todo };
  const stay = (works: readonly Work[], more: Partial<Shell> = {}) =>
    withShell(world, { ...shell, ...more, todo: [...works, ...todo] });
  switch (work?.do) {
    case undefined:
      throw new Error(`${shell.id} has nothing to do`);
    case "read_tombstone":
      return stay([], world.tombstoneMs === undefined ? {} : { callEndedAtMs: world.tombstoneMs });
    case "write_tombstone":
      return withShell({ ...world, tombstoneMs: work.atMs }, shell);
    case "read": {
      const input = inputOf(shell, work.input);
      const result = step(world.pair, input, world.nowMs);
      const { pair, runTask, answer } = result;
      if (pair && world.isAtomic) return after(withPair(world, pair), shell, work.input, result);
      return pair
        ? stay([{ do: "write", input: work.input, pair, runTask, answer }])
        : after(world, shell, work.input, result);
    }
    case "write": {
      const { input, pair } = work;
      if (pair.version !== (world.pair?.version ?? 0) + 1) return stay([{ do: "read", input }]);
      return after(withPair(world, pair), shell, input, work);
    }
    case "read_tombstone_again": {
      const { pair } = work;
      const endedAtMs = world.tombstoneMs;
      if (endedAtMs === undefined || !isCallOver(pair, endedAtMs))
        return stay([{ do: "run_task", launchId: pair.launchId }]);
      return stay([{ do: "read", input: { type: "leave", reason: "call_ended", atMs: endedAtMs } }]);
    }
    case "run_task":
    case "describe": {
      const { launchId } = work;
      const next = work.do === "run_task" ? startTask(world, launchId) : world;
      return withShell(next, {
        ...shell,
        todo: hasStopped(next, launchId) ? [stoppedOf(launchId, shell), ...todo] : todo,
      });
    }
    case "sweep":
      return swept(world, shell, todo);
  }
};

/** What may go wrong with it instead. */
export const shellFaults = (world: World, shell: Shell): World[] => {
  const [work, ...todo] = shell.todo;
  const died = (next: World) => withShell(next, { ...shell, todo: [], hasDied: true });
  const faults = [died(world)];
  if (work?.do === "read" && world.isAtomic) {
    const { pair } = step(world.pair, inputOf(shell, work.input), world.nowMs);
    if (pair) faults.push(withPair(world, pair));
  }
  if (work?.do === "write" && work.pair.version === (world.pair?.version ?? 0) + 1) {
    // Written, and the answer is lost: the client's own second try meets a conflict.
    faults.push(
      withShell(withPair(world, work.pair), { ...shell, todo: [{ do: "read", input: work.input }, ...todo] }),
    );
  }
  if (work?.do === "run_task") {
    faults.push(died(startTask(world, work.launchId)));
    const isAskedAgain = shell.kind === "sweep" || shell.kind === "task_stopped";
    const input: Input = { type: "refused", launchId: work.launchId, detail: "capacity", isAskedAgain };
    faults.push(withShell(world, { ...shell, todo: [{ do: "read", input }] }));
  }
  if (shell.kind === "task_stopped" && shell.todo === shell.all && !shell.id.endsWith("/again")) {
    const id = `${shell.id}/again`;
    const all = shell.all.flatMap((one) => (one.do === "read" && one.input.type === "stopped" ? [one.input] : []));
    const works = all.map(({ launchId }) => stoppedOf(launchId, { ...shell, id }));
    faults.push(addShell(world, id, "task_stopped", works));
  }
  return faults;
};

const going = (task: Task, reason: Task["reason"] & string): Task => {
  const { knockCount: _, ...rest } = task;
  return { ...rest, at: "out", reason };
};

/** What a task does with the answer to what it wrote. */
const answered = (world: World, task: Task, input: Input, answer: ReturnType<typeof step>["answer"]): World => {
  const { write: _, ...rest } = task;
  const { call } = world;
  switch (answer.type) {
    case "confirmed": {
      const sessionId = call.sessionId ?? `session-of-${task.launchId}`;
      const sinceMs = call.sessionId === undefined ? world.nowMs : call.sinceMs;
      return withTask({ ...world, call: { ...call, sessionId, sinceMs } }, { ...rest, at: "in_call", sessionId });
    }
    case "wait":
      return withTask(world, rest);
    case "leave":
      return withTask(world, going(rest, answer.reason));
    case "look_again": {
      const { reason: _reason, knockCount: _knocks, ...back } = rest;
      return withTask(world, { ...back, at: "in_call" });
    }
    case "replaced":
      return task.at === "outside" ? stopTask(world, rest) : leaves(world, going(rest, "replaced"));
    default:
      if (input.type === "beat") return withTask(world, { ...rest, hasBeaten: true });
      return input.type === "end" && input.isOut ? stopTask(world, rest) : withTask(world, { ...rest, at: "draining" });
  }
};

const endOf = (task: Task, isOut: boolean): Input => {
  const { launchId, sessionId, reason = "internal", knockCount = 0 } = task;
  return { type: "end", launchId, reason, sessionId, knockCount, isOut };
};

/** A task reads the pair and takes a step; what it is to write is on its way. */
const reads = (world: World, task: Task, input: Input): World => {
  const { pair, answer } = step(world.pair, input, world.nowMs);
  if (pair && world.isAtomic) return answered(withPair(world, pair), task, input, answer);
  return pair ? withTask(world, { ...task, write: { input, pair, answer } }) : answered(world, task, input, answer);
};

/** The session that only agents are in is over when they are gone. */
const leaves = (world: World, task: Task): World => {
  const { call } = world;
  const isEmpty = !call.hasPerson && call.sessionId === task.sessionId;
  return withTask(isEmpty ? { ...world, call: { ...call, sessionId: undefined } } : world, { ...task, at: "out" });
};

/** Whatever the reason, it says that it leaves before it takes its leave. */
const announces = (world: World, task: Task): World => reads(world, { ...task, at: "leaving" }, endOf(task, false));

const inCallMoves = (world: World, task: Task): World[] => {
  const { call, pair } = world;
  const { launchId, sessionId } = task;
  const moves: World[] = [];
  const go = (reason: Task["reason"] & string) => announces(world, going(task, reason));
  const beat: Input = { type: "beat", launchId, sessionId, acknowledged: [] };
  if (task.hasBeaten === undefined) moves.push(reads(world, task, beat));
  const order = orderFor(pair, launchId, sessionId);
  if (order !== undefined) moves.push(go(order));
  // The SFU tells it when its session is over. The end of the call it learns from the pair alone: here the SFU's word is lost.
  if (!call.isOver && call.sessionId !== sessionId) moves.push(go("call_ended"));
  else if (call.isKicked) moves.push(go("kicked"));
  if (task.knockCount !== undefined) {
    // It knew so many knocks, and looks.
    const { knockCount: _, ...rest } = task;
    const idle: Task = { ...task, reason: "idle" };
    moves.push(call.hasPerson ? withTask(world, rest) : reads(world, idle, endOf(idle, false)));
  } else if (!call.isOver && !call.hasPerson && call.sessionId === sessionId) {
    moves.push(withTask(world, { ...task, knockCount: pair?.knockCount ?? 0 }));
  }
  return moves;
};

/** What a task may do next, without a fault. */
export const taskMoves = (world: World, task: Task): World[] => {
  const { launchId, write } = task;
  if (write !== undefined) {
    const { input, pair, answer } = write;
    const { write: _, ...rest } = task;
    const isFree = pair.version === (world.pair?.version ?? 0) + 1;
    return [isFree ? answered(withPair(world, pair), rest, input, answer) : withTask(world, rest)];
  }
  switch (task.at) {
    case "outside":
      return [reads(world, task, { type: "confirm", launchId, taskArn: `arn:${launchId}` })];
    case "in_call":
      return inCallMoves(world, task);
    case "leaving":
      return [announces(world, task)];
    case "draining":
      return [leaves(world, task)];
    case "out":
      return [reads(world, task, endOf(task, true))];
    case "stopped":
      return [];
  }
};

/** What may go wrong with it. */
export const taskFaults = (world: World, task: Task): World[] => {
  if (task.at === "stopped") return [];
  const crashed = stopTask(leaves(world, task), task);
  const faults = [crashed];
  if (task.at === "in_call" && task.write === undefined) {
    const lost = going(task, "sfu_lost");
    // It says so, or the table does not hear it.
    faults.push(announces(world, lost), leaves(world, lost));
  }
  if (task.write !== undefined && task.write.pair.version === (world.pair?.version ?? 0) + 1) {
    const { write, ...rest } = task;
    faults.push(withTask(withPair(world, write.pair), rest));
  }
  return faults;
};
