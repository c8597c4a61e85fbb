import path from "node:path";
import { build } from "esbuild";
import { packagesIn } from "./package-notices.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Where the client's source is, without its ending. */
export const clientEntry = "functions/api/client";

/**
 * Bundles the client of the HTTP API for no platform in particular: a module that imports nothing, and the same for `require`.
 * Rejects if it came to need a package or a module of Node's: it runs on edge runtimes.
 */
export const buildClient = async (folder: string): Promise<void> => {
  for (const [format, file] of [
    ["esm", "client.mjs"],
    ["cjs", "client.cjs"],
  ] as const) {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [`${clientEntry}.ts`],
      outfile: path.join(folder, file),
      bundle: true,
      platform: "neutral",
      target: "es2022",
      format,
      metafile: true,
      logLevel: "warning",
    });
    const packages = packagesIn(metafile);
    if (packages.length > 0) throw new Error(`the client must need nothing, but it needs ${packages.join(", ")}`);
  }
};
