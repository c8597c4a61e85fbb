import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { defaultModel } from "../../bridge-task/realtime/session/config.ts";
import type { LiveKeys } from "../live/keys.ts";
import type { Row } from "./assumptions.ts";
import type { Frame, Observations, StepResult } from "./observations.ts";
import { redactAll } from "./redact.ts";

/** Enough for a call of minutes without the pieces of sound. */
const maxTraced = 3_000;

export interface Report {
  format: 1;
  startedAt: string;
  tookMs: number;
  services: string[];
  /** False: another server than the service's own, which proves nothing about the service. */
  real: { stream: boolean; openai: boolean };
  node: string;
  platform: string;
  model: string;
  counts: Record<Row["verdict"], number>;
  rows: Row[];
  steps: StepResult[];
  /** What this run has made and could not delete. */
  leftBehind: string[];
  /** What passed, in order, without content: milliseconds since the start, what, which. */
  trace: [number, string, string][];
}

/** 0: all holds or was not seen; 1: something differs; 3: the walk could not be finished. */
export const exitCodeOf = ({ rows, steps }: Pick<Report, "rows" | "steps">): 0 | 1 | 3 => {
  if (steps.some(({ status }) => status !== "done")) return 3;
  return rows.some(({ verdict }) => verdict === "differs") ? 1 : 0;
};

const arrows: Record<Frame["direction"], string> = { in: "<", out: ">" };

const traceOf = ({ frames, exchanges }: Observations, startedAtMs: number): Report["trace"] => {
  const passed: Report["trace"] = [
    ...frames
      .filter(({ type }) => !type.endsWith(".delta"))
      .map(({ atMs, service, socket, direction, type }): Report["trace"][0] => [
        Math.round(atMs - startedAtMs),
        `${service} ${socket} ${arrows[direction]}`,
        type,
      ]),
    ...exchanges.map(({ atMs, method, path: where, status }): Report["trace"][0] => [
      Math.round(atMs - startedAtMs),
      `${method} ${status}`,
      where,
    ]),
  ];
  return passed.sort(([one], [other]) => one - other).slice(0, maxTraced);
};

export const makeReport = (given: {
  seen: Observations;
  rows: Row[];
  services: string[];
  keys: LiveKeys;
  startedAtMs: number;
  endedAtMs: number;
  leftBehind: string[];
}): Report => {
  const { seen, rows, services, keys, startedAtMs, endedAtMs, leftBehind } = given;
  const count = (verdict: Row["verdict"]) => rows.filter((row) => row.verdict === verdict).length;
  const report: Report = {
    format: 1,
    startedAt: new Date(startedAtMs).toISOString(),
    tookMs: Math.round(endedAtMs - startedAtMs),
    services,
    real: { stream: keys.streamBaseUrl === undefined, openai: keys.openAiBaseUrl === undefined },
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    model: defaultModel,
    counts: { holds: count("holds"), differs: count("differs"), "not seen": count("not seen") },
    rows,
    steps: seen.steps,
    leftBehind,
    trace: traceOf(seen, startedAtMs),
  };
  // Of our own making, and checked as JSON by the tests: the shape is not changed by what is taken out.
  return redactAll(report, [keys.streamApiKey, keys.streamApiSecret, keys.openAiApiKey]) as Report;
};

const marks: Record<Row["verdict"], string> = { holds: "holds   ", differs: "DIFFERS ", "not seen": "not seen" };

/** The report for whoever reads it at the terminal. */
export const linesOf = ({ rows, counts, leftBehind, steps, real, services }: Report): string[] => {
  const standIn = services.some((service) => !real[service as keyof Report["real"]]);
  const unfinished = steps.filter(({ status }) => status !== "done");
  return [
    ...rows.flatMap(({ verdict, id, statement, seen, ifWrong, source }) => [
      `${marks[verdict]}  ${statement}`,
      `            ${id}: ${seen}`,
      ...(verdict === "differs" ? [`            ${source}: ${ifWrong}`] : []),
    ]),
    "",
    ...unfinished.map(({ name, status, detail }) => `The step "${name}" was ${status}: ${detail}`),
    ...leftBehind.map((what) => `Left behind, please delete it in Stream's dashboard: ${what}`),
    `${counts.holds} hold, ${counts.differs} differ, ${counts["not seen"]} were not seen.`,
    ...(standIn ? ["This was a stand-in, not the real service: it proves nothing about the service."] : []),
  ];
};

/** Writes the report; the result is its path. */
export const saveReport = async (report: Report, file: string): Promise<string> => {
  const full = path.resolve(file);
  await mkdir(path.dirname(full), { recursive: true });
  await writeFile(full, `${JSON.stringify(report, undefined, 2)}\n`);
  return full;
};
