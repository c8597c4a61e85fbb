import { usageError } from "./failure.ts";

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span such as 90s, 30m, 1h or 2d in milliseconds. Throws CommandError. */
export const spanMsOf = (text: string): number => {
  const [, count, unit = ""] = /^([1-9]\d{0,4})([smhd])$/.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) throw usageError(`--since ${text} is no span of time: write 90s, 30m, 1h or 2d`);
  return Number(count) * unitMs;
};
