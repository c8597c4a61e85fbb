import { withDeadline } from "../../bridge-task/deadline.ts";
import { messageOf } from "../../bridge-task/errors.ts";
import type { StepResult } from "./observations.ts";

export interface Step {
  name: string;
  timeoutMs: number;
  /** Steps that must have been done; else this one is skipped. */
  needs?: readonly string[];
  work: () => Promise<unknown>;
}

/** Runs steps one after the other, each with a deadline. One that fails is noted, and the walk goes on with what can go on. */
export class Steps {
  readonly #results: StepResult[];
  readonly #onResult: (result: StepResult) => void;

  constructor(results: StepResult[], onResult: (result: StepResult) => void) {
    this.#results = results;
    this.#onResult = onResult;
  }

  isDone(name: string): boolean {
    return this.#results.some((result) => result.name === name && result.status === "done");
  }

  async run({ name, timeoutMs, needs = [], work }: Step): Promise<void> {
    const lacking = needs.find((other) => !this.isDone(other));
    if (lacking !== undefined) return this.#note({ name, status: "skipped", tookMs: 0, detail: `after: ${lacking}` });
    const startedAtMs = performance.now();
    const tookMs = () => Math.round(performance.now() - startedAtMs);
    try {
      await withDeadline(work(), timeoutMs, name);
      this.#note({ name, status: "done", tookMs: tookMs() });
    } catch (error) {
      this.#note({ name, status: "failed", tookMs: tookMs(), detail: messageOf(error) });
    }
  }

  #note(result: StepResult): void {
    this.#results.push(result);
    this.#onResult(result);
  }
}
