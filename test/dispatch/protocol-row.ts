import { expect } from "vitest";
import type { EndReason } from "../../bridge-task/job.ts";
import { type Answer, type End, type Input, type Pair, step } from "../../functions/dispatch/protocol.ts";

export const second = 1_000;
export const minute = 60 * second;
export const sessionId = "monday";

/** A pair, and the inputs it gets at the times they are given; every change is written. */
export class Row {
  pair: Pair | undefined;
  nowMs = 1_000 * minute;
  runTaskCount = 0;

  take(input: Input): Answer["type"] {
    return this.answer(input).type;
  }

  answer(input: Input): Answer {
    const { pair, runTask, answer } = step(this.pair, input, this.nowMs);
    if (pair !== undefined) {
      expect(pair.version).toBe((this.pair?.version ?? 0) + 1);
      expect(JSON.parse(JSON.stringify(pair))).toStrictEqual(pair);
      this.pair = pair;
    }
    if (runTask) this.runTaskCount += 1;
    return answer;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  ask(launchId: string, more: Partial<Extract<Input, { type: "ask" }>> = {}): Answer["type"] {
    return this.take({ ...this.#wanted(launchId), type: "ask", source: "event", configId: `of-${launchId}`, ...more });
  }

  come(launchId: string, more: Partial<Extract<Input, { type: "return" }>> = {}): Answer["type"] {
    return this.take({ ...this.#wanted(launchId), type: "return", trigger: "participant_joined", ...more });
  }

  confirm(launchId: string): Answer["type"] {
    return this.take({ type: "confirm", launchId, taskArn: `arn:${launchId}` });
  }

  end(launchId: string, reason: EndReason, more: Partial<End> = {}): Answer["type"] {
    const knockCount = this.pair?.knockCount ?? 0;
    return this.take({ type: "end", launchId, reason, sessionId, knockCount, isOut: true, ...more });
  }

  leave(reason: "removed" | "call_ended", more: { sessionId?: string; atMs?: number } = {}): Answer["type"] {
    return this.take({ type: "leave", reason, atMs: this.nowMs, ...more });
  }

  stop(launchId: string, newLaunchId: string, more: { operatorStopped?: boolean } = {}): Answer["type"] {
    return this.take({ type: "stopped", launchId, newLaunchId, ...more });
  }

  get now(): Pair {
    if (this.pair === undefined) throw new Error("nothing was claimed");
    return this.pair;
  }

  #wanted(launchId: string) {
    return { launchId, sessionId, eventAtMs: this.nowMs };
  }
}

export const claimed = () => {
  const row = new Row();
  row.ask("a");
  return row;
};

export const running = () => {
  const row = claimed();
  row.confirm("a");
  row.take({ type: "beat", launchId: "a", sessionId, acknowledged: [] });
  return row;
};

/** The third launch is in the call. */
export const crashedTwice = () => {
  const row = running();
  for (const [last, next] of ["ab", "bc"]) {
    row.stop(`${last}`, `${next}`);
    row.confirm(`${next}`);
  }
  return row;
};

export const crashedThrice = () => {
  const row = crashedTwice();
  expect(row.stop("c", "x")).toBe("gave_up");
  return row;
};

/** After a minute, and half a minute ago. */
export const endedBy = (reason: EndReason) => {
  const row = running().after(minute);
  row.end("a", reason);
  return row.after(30 * second);
};
