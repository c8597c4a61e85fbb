import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { epochMs } from "../cloud/event-log.ts";

/** CPU time and memory of a process at one moment, as the kernel counts them. */
export interface ProcessUsage {
  atMs: number;
  /** User and system time of all its threads since it started. */
  cpuMs: number;
  rssMb: number;
}

let ticksPerSecond: number | undefined;
const clockTicks = (): number => {
  ticksPerSecond ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticksPerSecond;
};

/** Reads `utime` and `stime` of /proc/PID/stat; the command's name before them may hold spaces and brackets. */
export const cpuTicksOf = (stat: string): number => {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
};

/** Linux only. Rejects when the process is gone. */
export const usageOf = async (pid: number): Promise<ProcessUsage> => {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  const rssKb = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN);
  return { atMs: epochMs(), cpuMs: (cpuTicksOf(stat) * 1_000) / clockTicks(), rssMb: rssKb / 1_024 };
};

/** Share of one core between two moments, in percent. */
export const cpuPercentBetween = (before: ProcessUsage, after: ProcessUsage): number =>
  (100 * (after.cpuMs - before.cpuMs)) / (after.atMs - before.atMs);
