import { parentPort } from "node:worker_threads";
import { correlate } from "../support/correlate.ts";
import { heardShare } from "./heard.ts";

/** Two sounds, 24 kHz mono; `id` comes back with the answer. */
export interface CompareRequest {
  id: number;
  compare: "share" | "place";
  recording: Int16Array;
  known: Int16Array;
}

parentPort?.on("message", ({ id, compare, recording, known }: CompareRequest) => {
  const result = compare === "share" ? heardShare(recording, known) : correlate(recording, known);
  parentPort?.postMessage({ id, result });
});
