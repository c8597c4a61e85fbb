import { Worker } from "node:worker_threads";
import { withDeadline } from "../../bridge-task/deadline.ts";
import type { Correlation } from "../support/correlate.ts";
import type { CompareAnswer, CompareRequest } from "./compare-worker.ts";

const answerTimeoutMs = 30_000;

/**
 * Compares sounds in a thread of its own: the local cloud forwards media in the test's process, and a comparison of half a
 * second there would be heard in the browser as a hole.
 */
export class Comparer {
  readonly #worker = new Worker(new URL("./compare-worker.ts", import.meta.url));
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor() {
    this.#worker.on("message", (answer: CompareAnswer) => {
      const asked = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("error" in answer) asked?.reject(answer.error);
      else asked?.resolve(answer.result);
    });
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /** See heardShare(). */
  share(recording: Int16Array, known: Int16Array): Promise<number> {
    return this.#ask("share", recording, known) as Promise<number>;
  }

  /** See correlate(). */
  place(recording: Int16Array, known: Int16Array): Promise<Correlation> {
    return this.#ask("place", recording, known) as Promise<Correlation>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(compare: CompareRequest["compare"], recording: Int16Array, known: Int16Array): Promise<unknown> {
    this.#lastId += 1;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#lastId, answer);
    this.#worker.postMessage({ id: this.#lastId, compare, recording, known } satisfies CompareRequest);
    return withDeadline(answer.promise, answerTimeoutMs, "comparing two sounds");
  }
}
