import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";

export type Metrics = Record<string, number | Spread>;

/** What a benchmark found; `npm run bench` prints it as one line of JSON. */
export interface Result {
  metrics: Metrics;
  /** The same metrics under other conditions, which are named in each row. */
  rows: Record<string, number | string | Spread>[];
  /** What a reader has to know to judge the numbers, above all what could not be measured. */
  notes: string[];
}

export interface Report extends Result {
  bench: string;
  machine: Machine;
}

const cell = (value: number | string | Spread): string => {
  if (typeof value !== "object") return String(value);
  const { p50, p95, p99, n } = value;
  return `p50 ${p50}, p95 ${p95}${p99 === undefined ? "" : `, p99 ${p99}`} (n ${n})`;
};

/** For people: one line per metric, then the rows, then the notes. */
export const tableOf = ({ bench, machine, metrics, rows, notes }: Report): string => {
  const width = Math.max(...Object.keys(metrics).map((name) => name.length), 0);
  return [
    `${bench}: ${machine.cpus} cores (${machine.model}), Node ${machine.node}, load ${machine.load}`,
    ...Object.entries(metrics).map(([name, value]) => `  ${name.padEnd(width)}  ${cell(value)}`),
    ...rows.map(
      (row) =>
        `  ${Object.entries(row)
          .map(([name, value]) => `${name} ${cell(value)}`)
          .join("; ")}`,
    ),
    ...notes.map((note) => `  note: ${note}`),
  ].join("\n");
};
