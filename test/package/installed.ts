import { execFile } from "node:child_process";
import { access, constants, copyFile, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const root = path.resolve(import.meta.dirname, "../..");

/** What a user writes and runs in the folder where the package is installed. */
const samples = ["agent.cjs", "agent.mjs", "client.mjs", "same-classes.mjs"];

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** What the test runner and the npm that started it say about themselves; a nested npm would take it as said to it. */
const ofTheRunner = /^(VITEST|NODE_OPTIONS$|NODE_ENV$|npm_(lifecycle|package|config_(local_)?prefix))/i;

/** The environment as a user has it. */
export const userEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTheRunner.test(name)));

/** Runs to the end, whatever the exit code. */
export const run = async (file: string, args: readonly string[], cwd: string): Promise<Output> => {
  const started = promisify(execFile)(file, args, { cwd, env: userEnvironment(), maxBuffer: 16 * 1024 * 1024 });
  const { stdout, stderr } = await started.catch((error: { stdout?: string; stderr?: string }) => ({
    stdout: error.stdout ?? "",
    stderr: error.stderr || String(error),
  }));
  return { code: started.child.exitCode ?? 1, stdout, stderr };
};

const succeed = async (file: string, args: readonly string[], cwd: string): Promise<void> => {
  const { code, stdout, stderr } = await run(file, args, cwd);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} failed:\n${stdout}${stderr}`);
};

/** Packs the project and installs it into an empty folder, as a user does. `close()` removes the folder. */
export const installPackage = async (): Promise<{ folder: string; packed: string[]; close(): Promise<void> }> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "agent-package-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await succeed("npm", ["pack", "--pack-destination", folder], root);
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error("npm pack wrote no tarball");
    // Without a package.json npm installs into the nearest folder above that has one.
    await writeFile(path.join(folder, "package.json"), '{ "private": true }\n');
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    await succeed("npm", ["install", ...quiet, `./${tarball}`], folder);
    for (const name of samples) await copyFile(path.join(import.meta.dirname, name), path.join(folder, name));
    const installed = path.join(folder, "node_modules", "stream-agent-bridge");
    const packed = (await readdir(installed, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)));
    return { folder, packed: packed.toSorted(), close };
  } catch (error) {
    await close();
    throw error;
  }
};

export interface NodeBinary {
  file: string;
  /** As in "v20.20.2". */
  version: string;
}

/** This Node and every other on the PATH that the package promises to run on (20 or newer), one per major version. */
export const nodes = async (): Promise<NodeBinary[]> => {
  const found = new Map<string, NodeBinary>();
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  for (const candidate of [process.execPath, ...folders.map((folder) => path.join(folder, "node"))]) {
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false, // no Node in this folder of the PATH
    );
    if (!usable) continue;
    const file = await realpath(candidate);
    const version = (await run(file, ["--version"], os.tmpdir())).stdout.trim();
    const major = /^v(\d+)\./.exec(version)?.[1];
    if (major !== undefined && Number(major) >= 20 && !found.has(major)) found.set(major, { file, version });
  }
  return [...found.values()];
};
