import { post } from "./protocol/mailbox.ts";
import type { Input, Step } from "./protocol/messages.ts";
import { leave, overCap, refused, ring, stopped } from "./protocol/outside.ts";
import type { Pair } from "./protocol/pair.ts";
import { beat, confirm, end } from "./protocol/task.ts";
import { ask, bringBack } from "./protocol/wanted.ts";

export { comesBack } from "./protocol/ends.ts";
export * from "./protocol/limits.ts";
export type * from "./protocol/messages.ts";
export type * from "./protocol/pair.ts";
export * from "./protocol/sweep.ts";
export { orderFor } from "./protocol/task.ts";
export { isCallOver } from "./protocol/wanted.ts";

const next = (pair: Pair | undefined, input: Input, nowMs: number): Step => {
  switch (input.type) {
    case "ask":
      return ask(pair, input, nowMs);
    case "return":
      return bringBack(pair, input, nowMs);
    case "ring":
      return ring(pair);
    case "over_cap":
      return overCap(pair, input.launchId, nowMs);
    case "refused":
      return refused(pair, input, nowMs);
    case "confirm":
      return confirm(pair, input, nowMs);
    case "beat":
      return beat(pair, input, nowMs);
    case "end":
      return end(pair, input, nowMs);
    case "leave":
      return leave(pair, input, nowMs);
    case "mail":
      return post(pair, input.mail);
    case "stopped":
      return stopped(pair, input, nowMs);
  }
};

/**
 * The protocol that keeps one agent in a call, and brings one there: what a pair becomes by an input. Pure.
 *
 *     launching(launchId) ──confirm──▶ running(launchId, taskArn) ──end, stopped──▶ ended(reason)
 *            ▲  └─leave, refused, over_cap─▶ ended                                     │
 *            └──────────────────────── ask, return, stopped ──────────────────────────┘
 *
 * The shell reads the pair consistently, takes this step, and writes the result on the condition that the version is still the
 * one it read; on a conflict it begins again. Where the step says `runTask` it then reads the call's tombstone again, and takes
 * `leave` if `isCallOver`, else sends RunTask with `launchId` as client token. Who ends a call writes the tombstone before it
 * takes `leave` on the call's pairs. So either sees the other.
 *
 * Never two voices: a task joins only after `confirm`, which only the pair's own launch gets, and only while no earlier one may
 * still be in the call (`leaving`); that ends by the earlier task's word, or by ECS's that it has stopped, never by a timer.
 */
export const step = (pair: Pair | undefined, input: Input, nowMs: number): Step => {
  const result = next(pair, input, nowMs);
  if (result.pair === undefined) return result;
  return { ...result, pair: { ...result.pair, version: (pair?.version ?? 0) + 1 } };
};
