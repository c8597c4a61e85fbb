import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import type { ToolManifest, ToolManifestEntry } from "../../functions/tools/manifest.ts";
import { functionOptions, requireBanner, sharedOptions } from "./bundle-options.ts";
import { readTools } from "./tools.ts";

type CoreName = "bridge" | "webhook" | "task-stopped" | "sweep" | "register";

/** The bundle of a tool is called like its function: `tool-` and the tool's name. */
export type BundleName = CoreName | ToolManifestEntry["functionName"];

/** One thing that runs in the cloud, as a single file. */
export interface Bundle {
  name: BundleName;
  /** Absolute path of the bundled file. A function's handler is its export `handler`. */
  file: string;
  bytes: number;
  metafile: Metafile;
  /** What the manifest says of it, if it is a tool's. */
  tool?: ToolManifestEntry;
}

const root = path.resolve(import.meta.dirname, "../..");

/** Where the bundle's source begins, relative to the project. */
const entries: Record<CoreName, string> = {
  bridge: "bridge-task/main.ts",
  webhook: "functions/webhook.ts",
  "task-stopped": "functions/task-stopped.ts",
  sweep: "functions/sweep.ts",
  register: "functions/register.ts",
};

/** The settings of all bundles: one minified ES module for Node 24. */
export const bundleOptions = (entry: string, outfile: string): BuildOptions & { metafile: true } => ({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minify: true,
  ...sharedOptions,
  legalComments: "linked",
  banner: { js: requireBanner },
  metafile: true,
  logLevel: "warning",
});

/** The manifest becomes a constant of the bridge: it runs without the sources and without zod. */
const optionsOf = (name: BundleName, tools: ToolManifest): BuildOptions =>
  name === "bridge" ? { define: { __TOOL_MANIFEST__: JSON.stringify(tools) } } : { external: functionOptions.external };

const namesWith = (tools: ToolManifest): BundleName[] => [
  ...(Object.keys(entries) as CoreName[]),
  ...tools.map(({ functionName }) => functionName),
];

const isCore = (name: BundleName): name is CoreName => Object.hasOwn(entries, name);

/**
 * Builds the named bundles into `outDir` (default: all of them, into dist/). Rejects with esbuild's message when a source does
 * not build, and with what is wrong with which file in functions/tools.
 */
export const buildBundles = async (
  wanted?: readonly BundleName[],
  outDir = path.join(root, "dist"),
): Promise<Bundle[]> => {
  const needsTools = wanted === undefined || wanted.some((name) => name === "bridge" || !isCore(name));
  const tools = needsTools ? await readTools() : [];
  return Promise.all(
    (wanted ?? namesWith(tools)).map(async (name) => {
      const tool = tools.find(({ functionName }) => functionName === name);
      const entry = isCore(name) ? entries[name] : tool?.file;
      if (entry === undefined) throw new Error(`There is no bundle "${name}", only ${namesWith(tools).join(", ")}`);
      const file = path.join(outDir, name, name === "bridge" ? "bridge.mjs" : "bundle.mjs");
      await mkdir(path.dirname(file), { recursive: true });
      const { metafile } = await build({ ...bundleOptions(entry, file), ...optionsOf(name, tools), metafile: true });
      await writeFile(path.join(path.dirname(file), "metafile.json"), JSON.stringify(metafile));
      return { name, file, bytes: (await stat(file)).size, metafile, ...(tool === undefined ? {} : { tool }) };
    }),
  );
};
