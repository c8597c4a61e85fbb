import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";

/** One thing that runs in the cloud, as a single file. */
export interface Bundle {
  name: "bridge" | "webhook";
  /** Absolute path of the bundled file. */
  file: string;
  bytes: number;
  metafile: Metafile;
}

const root = path.resolve(import.meta.dirname, "..");

/** Entry point and place of every bundle, relative to the project and to the output folder. */
const entries: Record<Bundle["name"], { entry: string; out: string }> = {
  bridge: { entry: "bridge-task/main.ts", out: "bridge/bridge.mjs" },
  webhook: { entry: "functions/webhook.ts", out: "webhook/bundle.mjs" },
};

/** Some dependencies are CommonJS and call require() for Node's own modules, which an ES module has to bring along. */
const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/** The settings all bundles share: one minified ES module for Node 24. `module` before `main` halves what the AWS SDK weighs. */
export const bundleOptions = (entry: string, outfile: string): BuildOptions & { metafile: true } => ({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  mainFields: ["module", "main"],
  minify: true,
  keepNames: true,
  legalComments: "linked",
  banner: { js: requireBanner },
  metafile: true,
  logLevel: "warning",
});

/** Builds the named bundles into `outDir` (default: dist/). Rejects with esbuild's message when a source does not build. */
export const buildBundles = async (
  names: readonly Bundle["name"][] = ["bridge", "webhook"],
  outDir = path.join(root, "dist"),
): Promise<Bundle[]> =>
  Promise.all(
    names.map(async (name) => {
      const { entry, out } = entries[name];
      const file = path.join(outDir, out);
      await mkdir(path.dirname(file), { recursive: true });
      const { metafile } = await build(bundleOptions(entry, file));
      await writeFile(path.join(path.dirname(file), "metafile.json"), JSON.stringify(metafile));
      return { name, file, bytes: (await stat(file)).size, metafile };
    }),
  );
