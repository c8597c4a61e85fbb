import { parentPort } from "node:worker_threads";
import { correlate } from "../support/correlate.ts";

/** Two recordings to compare, 24 kHz mono; `id` comes back with the answer. */
export interface CorrelateRequest {
  id: number;
  recording: Int16Array;
  known: Int16Array;
}

parentPort?.on("message", ({ id, recording, known }: CorrelateRequest) => {
  parentPort?.postMessage({ id, ...correlate(recording, known) });
});
