import type { Observations } from "./observations.ts";

export type Verdict =
  | { verdict: "holds"; seen: string }
  /** `seen`: what was there instead. */
  | { verdict: "differs"; seen: string }
  /** `seen`: why it could not be observed in this run, and what would show it. */
  | { verdict: "not seen"; seen: string };

/** Something that the code takes for granted of a service that it has never met. */
export interface Assumption {
  /** Stable: reports of different versions are compared by it. */
  id: string;
  service: "stream" | "openai";
  statement: string;
  /** Where in the code it matters. */
  source: string;
  /** What happens, and what to do, if it is wrong. */
  ifWrong: string;
  check: (seen: Observations) => Verdict;
}

export const holds = (seen: string): Verdict => ({ verdict: "holds", seen });
export const differs = (seen: string): Verdict => ({ verdict: "differs", seen });
export const notSeen = (seen: string): Verdict => ({ verdict: "not seen", seen });

/** The usual judgement: was it got to at all, and was it as expected. */
export const judge = (isAsExpected: boolean | undefined, seen: string, whyNot: string): Verdict =>
  isAsExpected === undefined ? notSeen(whyNot) : isAsExpected ? holds(seen) : differs(seen);
