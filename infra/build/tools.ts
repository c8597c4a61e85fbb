import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import type { ToolManifest } from "../../functions/tools/manifest.ts";
import { manifestOf, type ToolModule } from "./tool-manifest.ts";

/** Only when asked for: where SST has bundled this file into its own, it stands somewhere else. */
const ownRoot = (): string => path.resolve(import.meta.dirname, "../..");

const toolsFolder = "functions/tools";
/** What stands beside the tools without being one. Whatever tools share goes into a folder below. */
const notTools: readonly string[] = ["define-tool.ts", "manifest.ts"];

const isCode = (name: string): boolean => /\.[cm]?[jt]sx?$/.test(name) && !/\.d\.[cm]?ts$/.test(name);

const toolFiles = async (project: string): Promise<string[]> => {
  const entries = await readdir(path.join(project, toolsFolder), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && isCode(entry.name)).map(({ name }) => name);
  return names.filter((name) => !notTools.includes(name)).toSorted();
};

const isRead = (name: string): boolean => name.endsWith(".ts");

/** Passed over in silence, a tool that somebody has written would just not be there. */
const notRead = (name: string): ToolModule => ({
  file: `${toolsFolder}/${name}`,
  loadError: `is not read: call it ${path.parse(name).name}.ts`,
});

/** Beside the packages, so that what the definitions import is found and there is one zod. */
const scratchFolder = (packages: string) => path.join(packages, ".cache", "tool-definitions", randomUUID());

const loadErrorOf = (message: string): string => {
  const [, missing] = /^Cannot find package '([^']+)'/.exec(message) ?? [];
  if (missing !== undefined) return `needs a package that is not installed: npm install ${missing}`;
  return `could not be loaded (${message}): read the environment and open connections inside the handler, not beside it`;
};

const load = async (file: string, built: string): Promise<ToolModule> => {
  try {
    return { file, exports: await import(pathToFileURL(built).href) };
  } catch (error) {
    return { file, loadError: loadErrorOf(messageOf(error)) };
  }
};

/**
 * Evaluates every file in functions/tools of a project, ours unless told. Only its definition is used: no handler runs.
 * `packages` is the node_modules that the definitions import from. Rejects with InvalidInputError that names each file that is
 * no tool and says how to mend it.
 */
export const readTools = async (
  project = ownRoot(),
  packages = path.join(ownRoot(), "node_modules"),
): Promise<ToolManifest> => {
  const names = await toolFiles(project);
  const folder = scratchFolder(packages);
  await mkdir(folder, { recursive: true });
  try {
    const [read, others] = [names.filter(isRead), names.filter((name) => !isRead(name))];
    await build({
      absWorkingDir: project,
      entryPoints: read.map((name) => `./${toolsFolder}/${name}`),
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      logLevel: "silent",
    });
    const modules = read.map((name) =>
      load(`${toolsFolder}/${name}`, path.join(folder, `${path.basename(name, ".ts")}.mjs`)),
    );
    return manifestOf([...(await Promise.all(modules)), ...others.map(notRead)]);
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError(`${toolsFolder} does not build: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
