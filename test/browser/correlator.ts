import { Worker } from "node:worker_threads";
import type { Correlation } from "../support/correlate.ts";
import type { CorrelateRequest } from "./correlate-worker.ts";

/**
 * correlate() in a thread of its own. The local cloud forwards media in the test's process, and a comparison of half a
 * second there would be heard in the browser as a hole.
 */
export class Correlator {
  readonly #worker = new Worker(new URL("./correlate-worker.ts", import.meta.url));
  readonly #waiting = new Map<number, PromiseWithResolvers<Correlation>>();
  #lastId = 0;

  constructor() {
    this.#worker.on("message", ({ id, ...correlation }: Correlation & { id: number }) => {
      this.#waiting.get(id)?.resolve(correlation);
      this.#waiting.delete(id);
    });
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  correlate(recording: Int16Array, known: Int16Array): Promise<Correlation> {
    this.#lastId += 1;
    const answer = Promise.withResolvers<Correlation>();
    this.#waiting.set(this.#lastId, answer);
    this.#worker.postMessage({ id: this.#lastId, recording, known } satisfies CorrelateRequest);
    return answer.promise;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
