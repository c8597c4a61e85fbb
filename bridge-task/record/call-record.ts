import type { EndReason } from "../job.ts";

/** What the model was sent and made, in tokens. */
export interface TokensByKind {
  inputText: number;
  inputAudio: number;
  inputImage: number;
  /** Of the input, what was cheaper because the model had seen it before. */
  cachedText: number;
  cachedAudio: number;
  cachedImage: number;
  outputText: number;
  outputAudio: number;
  /** Of the model that writes down what people say. */
  transcriptionInput: number;
  transcriptionOutput: number;
}

export const noTokens: TokensByKind = {
  inputText: 0,
  inputAudio: 0,
  inputImage: 0,
  cachedText: 0,
  cachedAudio: 0,
  cachedImage: 0,
  outputText: 0,
  outputAudio: 0,
  transcriptionInput: 0,
  transcriptionOutput: 0,
};

/** A tool that has ended. `status`: `done`, or why the model got an error instead of a result. */
export interface UsedTool {
  name: string;
  status: "done" | "failed" | "timed_out" | "unknown" | "too_long" | "abandoned";
  tookMs: number;
}

/** One stay of one agent in one call. Times are ISO 8601; those of before the agent got in are when it did. */
export interface CallRecord<Reason = EndReason | "crashed"> {
  call: { type: string; id: string; cid: string };
  agent: { userId: string; name?: string };
  /** One process, one launch. */
  launchId: string;
  /** When the process began. */
  startedAt: string;
  /** When the agent got into the call; missing where it never did. */
  joinedAt?: string;
  endedAt: string;
  /** In the call; 0 where it never got in. */
  durationSeconds: number;
  /** `crashed`: the task stopped without a word; then nothing is known but when. */
  reason: Reason;
  detail?: string;
  /** What to do, where the reason is a failure. */
  advice?: string;
  /** People's stays, in order of coming, as the agent saw them; the first 200. `leftAt` is missing where they outstayed the agent. */
  people: { userId: string; name?: string; joinedAt: string; leftAt?: string }[];
  peopleCount: number;
  /** Turns of speech that were heard: a person's that the model took in, an agent's of which somebody heard at least a part. */
  turns: { person: number; agent: number };
  /** How often a person spoke over the agent. */
  interruptions: number;
  /** In order of their ends; the first 500. */
  tools: UsedTool[];
  toolCount: number;
  tokens: TokensByKind;
  /** What transcription is billed by, where that is time. */
  transcriptionSeconds: number;
}

/** What a record lists and counts. */
export type Counted = Pick<
  CallRecord,
  "people" | "peopleCount" | "turns" | "interruptions" | "tools" | "toolCount" | "tokens" | "transcriptionSeconds"
>;

/** Of a stay in which nothing happened. */
export const nothingHappened: Counted = {
  people: [],
  peopleCount: 0,
  turns: { person: 0, agent: 0 },
  interruptions: 0,
  tools: [],
  toolCount: 0,
  tokens: noTokens,
  transcriptionSeconds: 0,
};
