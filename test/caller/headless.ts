import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../bridge-task/errors.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import { encodeWav } from "../support/wav.ts";
import { Call, type Finding, holdCall } from "./demo-call.ts";
import { storyOf, Timeline } from "./timeline.ts";

const usage = `Usage: npm start -- --headless [--out DIR]

Plays a caller: creates a call, which an agent joins by itself; joins it too, hears the greeting, asks a question, hears the
answer, interrupts the second answer, leaves. Exits 0 only if the agent was really heard.

  --out DIR   where call.wav (left: caller, right: agent) and events.jsonl are written; default: out
  --help      prints this
`;

const closeOnSignal = (close: () => Promise<void>): (() => void) => {
  const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const listener = () => void close().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
    process.once(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const off of listeners) off();
  };
};

const save = async (folder: string, cloud: Cloud, call: Call, timeline: Timeline): Promise<string[]> => {
  await mkdir(folder, { recursive: true });
  const events = [
    ...cloud.log.since().map(({ atMs, source, type, data }) => ({ atMs, source, type, data })),
    ...timeline.entries.map(({ atMs, who, what }) => ({ atMs, source: "timeline", type: who, data: { what } })),
  ].sort((a, b) => a.atMs - b.atMs);
  const files = { wav: path.join(folder, "call.wav"), events: path.join(folder, "events.jsonl") };
  await writeFile(files.wav, encodeWav({ sampleRate: 24_000, channels: call.bothSides() }));
  await writeFile(files.events, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return [files.wav, files.events];
};

const verdictOf = (findings: readonly Finding[]): { lines: string[]; passed: boolean } => ({
  lines: findings.map(({ what, passed, detail }) => `  ${passed ? "yes" : "NO "}  ${what.padEnd(40)}  ${detail}`),
  passed: findings.every(({ passed }) => passed),
});

/** `npm start -- --headless`. Resolves with the process's exit code: 0 heard, 1 not, 2 wrong arguments. */
export const runHeadless = async (args: readonly string[]): Promise<number> => {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  let values: { out: string; help: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { out: { type: "string", default: "out" }, help: { type: "boolean", default: false } },
    }));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (values.help) {
    print(usage);
    return 0;
  }
  const timeline = new Timeline(print);
  const cloud = await startCloud({
    onStep: (step, tookMs) => timeline.note("cloud", `${step} (${tookMs.toFixed(0)} ms)`),
  });
  const stopListening = closeOnSignal(() => cloud.close());
  const unwatch = cloud.log.watch((event) => {
    const story = storyOf(event);
    if (story) timeline.note(story.who, story.what, event.atMs);
  });
  try {
    const call = new Call(cloud, timeline);
    const verdict = verdictOf(await holdCall(call));
    const files = await save(path.resolve(values.out), cloud, call, timeline);
    print(`\n${verdict.lines.join("\n")}\n\n  ${files.join("\n  ")}\n`);
    print(verdict.passed ? "The agent was heard." : "The agent was not heard as it should be: see the lines with NO.");
    return verdict.passed ? 0 : 1;
  } finally {
    unwatch();
    stopListening();
    await cloud.close();
  }
};
