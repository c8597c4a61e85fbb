import type { Dispatcher } from "../../functions/dispatch/dispatcher.ts";
import type { Pair } from "../../functions/dispatch/protocol.ts";

export const somePair: Pair = {
  version: 1,
  state: "launching",
  launchId: "launch-1",
  configId: "config-1",
  askedAtMs: 0,
  claimedAtMs: 0,
  knockCount: 0,
  mail: [],
  answers: [],
  launchedAtMs: [0],
};

/** A dispatcher for what is in front of it: it answers who asks, knows no calls, and must not be used for anything else. */
export const askOnly = (ask: Dispatcher["ask"]): Dispatcher => {
  const unused = (): never => {
    throw new Error("not of this test");
  };
  const dispatcher: Dispatcher = {
    until: () => dispatcher,
    ask,
    bringBack: async () => [],
    alive: async () => undefined,
    ring: unused,
    callEnded: unused,
    sessionEnded: unused,
    dismiss: unused,
    send: unused,
    answerTo: unused,
    list: unused,
    record: unused,
    stopped: unused,
    sweep: unused,
  };
  return dispatcher;
};
