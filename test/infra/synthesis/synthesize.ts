import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Answer, Evaluation, EvaluationRequest } from "./request.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** All that a deploy reads. */
const sources = [
  "sst.config.ts",
  "infra",
  "functions",
  "bridge-task",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  ".dockerignore",
];

/** Values that stand nowhere else, so that they are found wherever they turn up. */
export const secrets = {
  StreamApiKey: "stream-key-of-the-test",
  StreamApiSecret: "stream-secret-of-the-test",
  OpenAiApiKey: "openai-key-of-the-test",
} as const;

const deadlineMs = 60_000;

/** What the docker command does on the machine; undefined: it has none. */
const dockers = {
  running: "echo 28.0.0",
  stopped: "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
  missing: undefined,
} as const;

/** What is evaluated: by default the project as it is, at stage "test", with the three secrets. */
export interface SynthesisOptions {
  stage?: string;
  secrets?: Readonly<Record<string, string>>;
  /** What somebody has written into infra/settings.ts for the stage, right or wrong. */
  settings?: Readonly<Record<string, unknown>>;
  /** What SST's command line was asked for; "deploy" unless told. */
  command?: string;
  /** Docker, on the machine that deploys; "running" unless told. */
  docker?: keyof typeof dockers;
  /** More in the environment of the deploy. */
  environment?: Readonly<Record<string, string>>;
  /** Files of the project, by their path in it: their text, made of the text that they have ("" where there is none). */
  edits?: Readonly<Record<string, (text: string) => string>>;
}

/** The project did not evaluate; the message is what a person would read after `sst deploy`. */
export class SynthesisError extends Error {}

/** Written where a person would write them; later keys win over those of the stage that are there. */
const withSettings =
  (stage: string, settings: object) =>
  (text: string): string =>
    text.replace(
      /(const perStage\b[^=]*=)([^;]*);/,
      `$1 { ...$2, ${JSON.stringify(stage)}: ${JSON.stringify(settings)} };`,
    );

/** A copy, so that nothing is written into the project, with the platform that is installed in it. */
const copyProject = async (folder: string, edits: SynthesisOptions["edits"] = {}): Promise<void> => {
  for (const source of sources) await cp(path.join(root, source), path.join(folder, source), { recursive: true });
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const [installed, platform] = [path.join(root, ".sst"), path.join(folder, ".sst", "platform")];
  await mkdir(platform, { recursive: true });
  await cp(path.join(installed, "provider-lock.json"), path.join(folder, ".sst", "provider-lock.json"));
  for (const name of await readdir(path.join(installed, "platform"))) {
    if (/^sst\.config\./.test(name)) continue;
    await symlink(path.join(installed, "platform", name), path.join(platform, name));
  }
  for (const [file, edit] of Object.entries(edits)) {
    const target = path.join(folder, file);
    const before = await readFile(target, "utf8").catch(() => "");
    const after = edit(before);
    if (after === before) throw new Error(`The edit of ${file} changes nothing`);
    await writeFile(target, after);
  }
};

/** A folder with all the commands that the project may call. */
const installCommands = async (folder: string, docker: keyof typeof dockers): Promise<string> => {
  const bin = path.join(folder, "bin");
  await mkdir(bin);
  const script = dockers[docker];
  if (script !== undefined) await writeFile(path.join(bin, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return bin;
};

const evaluateIn = async (
  folder: string,
  { stage = "test", settings, command = "deploy", docker = "running", ...options }: SynthesisOptions,
): Promise<Answer> => {
  const changed = settings && { "infra/settings.ts": withSettings(stage, settings) };
  const [requestFile, answerFile] = [path.join(folder, "request.json"), path.join(folder, "answer.json")];
  const project = path.join(folder, "project");
  await copyProject(project, { ...options.edits, ...changed });
  const request: EvaluationRequest = { project, stage, command, secrets: options.secrets ?? secrets, answerFile };
  await writeFile(requestFile, JSON.stringify(request));
  const given = Object.entries(request.secrets).map(([name, value]) => [`SST_SECRET_${name}`, value]);
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "evaluate.ts"), requestFile], {
    cwd: project,
    env: {
      PATH: await installCommands(folder, docker),
      HOME: folder,
      AWS_REGION: "us-east-1",
      ...Object.fromEntries(given),
      ...options.environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = `${output}${chunk}`.slice(-4_000);
    });
  }
  const [code, signal] = await once(child, "close");
  const answer = await readFile(answerFile, "utf8").catch(() => undefined);
  if (answer === undefined) throw new Error(`The evaluation ended with ${code ?? signal} and no answer: ${output}`);
  return JSON.parse(answer);
};

/**
 * Evaluates sst.config.ts with SST's real components, where Pulumi's engine and AWS are stand-ins that take everything.
 * Rejects with SynthesisError when the project refuses.
 */
export const synthesize = async (options: SynthesisOptions = {}): Promise<Evaluation> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "synthesis-"));
  try {
    const answer = await evaluateIn(folder, options);
    if ("error" in answer) throw new SynthesisError(answer.error);
    return answer.evaluation;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
