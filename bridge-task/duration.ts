import { longestTimerMs } from "./deadline.ts";
import { InvalidInputError } from "./errors.ts";

/** A span of time as people write it: "1 second", "30 seconds", "2.5 minutes", "4 hours". */
export type Duration = `${number} ${"second" | "minute" | "hour"}${"" | "s"}`;

const unitsMs = { second: 1_000, minute: 60_000, hour: 3_600_000 } as const;
const pattern = /^(\d+(?:\.\d+)?) (second|minute|hour)s?$/;

/** Milliseconds of a duration; undefined where it is none, is 0, or is longer than a timer can wait (24.8 days). */
export const durationMs = (value: unknown): number | undefined => {
  const [, count, unit] = (typeof value === "string" ? pattern.exec(value) : null) ?? [];
  const ms = Math.round(Number(count) * unitsMs[unit as keyof typeof unitsMs]);
  return ms >= 1 && ms <= longestTimerMs ? ms : undefined;
};

/** What to write in the place of something that is no duration. */
export const durationAdvice = 'must be a duration such as "30 seconds", "2 minutes" or "4 hours"';

/** Milliseconds of a duration. Throws InvalidInputError that names it. */
export const requiredDurationMs = (value: unknown, name: string): number => {
  const ms = durationMs(value);
  if (ms !== undefined) return ms;
  throw new InvalidInputError(`${name} ${durationAdvice}, got ${JSON.stringify(value)}`);
};
