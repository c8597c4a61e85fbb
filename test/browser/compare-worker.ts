import { parentPort } from "node:worker_threads";
import { type Correlation, correlate } from "../support/correlate.ts";
import { heardShare } from "./heard.ts";

/** Two sounds, 24 kHz mono; `id` comes back with the answer. */
export interface CompareRequest {
  id: number;
  compare: "share" | "place";
  recording: Int16Array;
  known: Int16Array;
}

export type CompareAnswer = { id: number; result: number | Correlation } | { id: number; error: unknown };

const answer = ({ id, compare, recording, known }: CompareRequest): CompareAnswer => {
  try {
    return { id, result: compare === "share" ? heardShare(recording, known) : correlate(recording, known) };
  } catch (error) {
    return { id, error };
  }
};

parentPort?.on("message", (request: CompareRequest) => parentPort?.postMessage(answer(request)));
