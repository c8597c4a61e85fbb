import type { AskOutcome, AskRequest, Dispatcher, SendOutcome } from "../../functions/dispatch/dispatcher.ts";
import type { Pair } from "../../functions/dispatch/protocol.ts";

export const atMs = Date.UTC(2026, 0, 31, 12);

export const pairOf = (pair: Partial<Pair> = {}): Pair => ({
  version: 1,
  state: "launching",
  launchId: "launch-1",
  configId: "config-1",
  claimedAtMs: atMs,
  askedAtMs: atMs,
  knockCount: 0,
  mail: [],
  answers: [],
  launchedAtMs: [atMs],
  ...pair,
});

/** Answers what it was given: how the API tells outcomes that are hard to bring about. The real one is in api-dispatch.test.ts. */
export interface Script {
  ask?: (request: AskRequest) => AskOutcome | Promise<AskOutcome>;
  send?: SendOutcome;
  answer?: unknown;
  list?: { userId: string; pair: Pair }[];
  dismiss?: "leaving" | "not_there";
  record?: object;
}

const unexpected = (): never => {
  throw new Error("the API has no business with this");
};

export class ScriptedDispatcher implements Dispatcher {
  script: Script = {};
  /** What was asked of it, oldest first. */
  readonly calls: { method: string; args: unknown[] }[] = [];

  until(): Dispatcher {
    return this;
  }
  async ask(request: AskRequest): Promise<AskOutcome> {
    this.calls.push({ method: "ask", args: [request] });
    return this.script.ask?.(request) ?? { outcome: "launched", pair: pairOf() };
  }
  async dismiss(...args: [string, string]): Promise<"leaving" | "not_there"> {
    this.calls.push({ method: "dismiss", args });
    return this.script.dismiss ?? "leaving";
  }
  async send(...args: unknown[]): Promise<SendOutcome> {
    this.calls.push({ method: "send", args });
    return this.script.send ?? { outcome: "sent", mailId: "mail-1" };
  }
  async answerTo(...args: unknown[]): Promise<unknown> {
    this.calls.push({ method: "answerTo", args });
    return this.script.answer;
  }
  async list(cid: string): Promise<{ userId: string; pair: Pair }[]> {
    this.calls.push({ method: "list", args: [cid] });
    return this.script.list ?? [];
  }
  async record(...args: [string, string]): Promise<object | undefined> {
    this.calls.push({ method: "record", args });
    return this.script.record;
  }
  bringBack = unexpected;
  alive = unexpected;
  ring = unexpected;
  callEnded = unexpected;
  sessionEnded = unexpected;
  stopped = unexpected;
  sweep = unexpected;
}
