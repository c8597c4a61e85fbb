import { openAiSession } from "./assumptions/openai-session.ts";
import { openAiTurns } from "./assumptions/openai-turns.ts";
import { streamEvents } from "./assumptions/stream-events.ts";
import { streamJoin } from "./assumptions/stream-join.ts";
import { streamMedia } from "./assumptions/stream-media.ts";
import type { Observations } from "./observations.ts";
import type { Assumption, Verdict } from "./verdict.ts";

/** Everything that the code takes for granted of Stream and OpenAI, in the order of the report. */
export const assumptions: readonly Assumption[] = [
  ...streamJoin,
  ...streamMedia,
  ...streamEvents,
  ...openAiSession,
  ...openAiTurns,
];

export type Row = Omit<Assumption, "check"> & Verdict;

/** Judges what a run has seen. */
export const judgeAll = (seen: Observations, services: readonly Assumption["service"][]): Row[] =>
  assumptions
    .filter(({ service }) => services.includes(service))
    .map(({ check, ...assumption }) => ({ ...assumption, ...check(seen) }));
