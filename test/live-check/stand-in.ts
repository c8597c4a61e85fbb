import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Rule } from "../cloud/openai/index.ts";
import { type Elsewhere, startElsewhere } from "../live/live-process.ts";
import type { Report } from "./report.ts";

const main = path.resolve(import.meta.dirname, "main.ts");
const root = path.resolve(import.meta.dirname, "../..");
/** A run takes about a minute; one that hangs must not outlive the test. */
const longestRunMs = 240_000;

export interface Finished {
  exitCode: number | null;
  output: string;
  /** Undefined where none was written. */
  report: Report | undefined;
  reportText: string;
}

/** The local Stream and OpenAI in the place of the real ones, and `npm run live-check` against them. */
export interface StandIn extends Elsewhere {
  secrets: string[];
  /** Has the scripted mind do what a model would, as far as the check asks for it. */
  script(): void;
  /** `endAfter`: it gets SIGTERM once it has written this. */
  run(args: readonly string[], environment?: Record<string, string>, endAfter?: string): Promise<Finished>;
}

/** The words of a long answer; how long it is matters, not what it says. */
const counting = Array.from({ length: 40 }, (_, index) => `number ${index + 1}`).join(", ");

const rules: readonly Rule[] = [
  {
    when: { turn: 4, after: "user" },
    times: 1,
    reply: { toolCalls: [{ name: "word_of_the_day", arguments: {} }] },
  },
  { when: { instructions: "^Count slowly" }, reply: { text: counting } },
  {
    when: { instructions: "live_check_note" },
    reply: { toolCalls: [{ name: "live_check_note", arguments: { text: "the sea ".repeat(100) } }] },
  },
];

export const startStandIn = async (): Promise<StandIn> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "live-check-"));
  const elsewhere = await startElsewhere();
  const { openai } = elsewhere;
  const { STREAM_API_KEY, STREAM_API_SECRET, OPENAI_API_KEY } = elsewhere.environment;
  const script = () => {
    openai.mind.clear();
    openai.mind.add(rules);
    // Slow enough that a call can be cut while it is written.
    openai.settings.argumentDeltaMs = 5;
  };
  const children = new Set<ChildProcess>();
  let runs = 0;

  const run: StandIn["run"] = async (args, environment = {}, endAfter) => {
    runs += 1;
    const file = path.join(folder, `report-${runs}.json`);
    const child = spawn(process.execPath, [main, "--json", file, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "", ...elsewhere.environment, ...environment },
    });
    children.add(child);
    const timer = setTimeout(() => child.kill("SIGKILL"), longestRunMs);
    let output = "";
    for (const from of [child.stdout, child.stderr]) {
      from?.on("data", (chunk) => {
        output += String(chunk);
        if (endAfter !== undefined && output.includes(endAfter)) child.kill("SIGTERM");
      });
    }
    await once(child, "close");
    clearTimeout(timer);
    children.delete(child);
    const reportText = await readFile(file, "utf8").catch(() => "");
    return {
      exitCode: child.exitCode,
      output,
      reportText,
      report: reportText === "" ? undefined : (JSON.parse(reportText) as Report),
    };
  };
  const close = async () => {
    for (const child of children) child.kill("SIGKILL");
    await elsewhere.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...elsewhere, secrets: [STREAM_API_KEY, STREAM_API_SECRET, OPENAI_API_KEY], script, run, close };
};
