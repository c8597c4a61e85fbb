import { setTimeout as sleep } from "node:timers/promises";
import type { RealtimeClient } from "../../../bridge-task/realtime/client.ts";
import type { Dice } from "./dice.ts";
import { sentence } from "./model.ts";

export interface RandomTools {
  readonly runningCount: number;
  /** Takes one of the tools away, or gives it back. */
  toggle(): void;
}

type Arguments = { delayMs?: number };

/** Tools that take their time and may fail; and `by_hand`, which is only declared: the application answers its calls itself. */
export const addRandomTools = (client: RealtimeClient, dice: Dice): RandomTools => {
  let runningCount = 0;
  let isQuickThere = true;
  const counted = async <T>(work: () => T | Promise<T>): Promise<T> => {
    runningCount += 1;
    try {
      return await work();
    } finally {
      runningCount -= 1;
    }
  };
  const add = (name: string, work: (args: Arguments) => unknown) =>
    client.addTool<Arguments>({ name, parameters: { type: "object" } }, (args) => counted(() => work(args)));
  const addQuick = () => add("quick", () => ({ answer: dice.int(1, 1_000) }));

  client.updateSession({ tools: [{ type: "function", name: "by_hand", parameters: { type: "object" } }] });
  addQuick();
  add("slow", async ({ delayMs }) => {
    await sleep(delayMs ?? 0);
    return sentence(dice);
  });
  add("broken", async ({ delayMs }) => {
    if (dice.chance(0.5)) await sleep(delayMs ?? 0);
    throw new Error("The tool broke.");
  });
  add("silent", () => undefined);
  add("huge", () => "x".repeat(20_000));

  const answer = async (callId: string) => {
    await sleep(dice.int(0, 20));
    client.realtime.send("conversation.item.create", {
      item: { type: "function_call_output", call_id: callId, output: sentence(dice) },
    });
  };
  client.on("conversation.item.completed", ({ item: { type, name, call_id } }) => {
    if (type === "function_call" && name === "by_hand" && call_id !== undefined) void counted(() => answer(call_id));
  });

  return {
    get runningCount() {
      return runningCount;
    },
    toggle: () => {
      if (isQuickThere) client.removeTool("quick");
      else addQuick();
      isQuickThere = !isQuickThere;
    },
  };
};
