import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { type BuildOptions, build } from "esbuild";
import { buildClient, clientEntry } from "./package-client.ts";
import { noticesFor, packagesIn } from "./package-notices.ts";
import { buildTypes } from "./package-types.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Dependencies that `require` cannot load, so their code goes into ours. The others are installed beside us, one copy for all. */
const bundled = ["libopus-wasm"];

/** ES modules know their URL; in CommonJS it is made from the file's name, which a user's bundler may take away. */
const moduleUrl = "__packageUrl";
const moduleUrlBanner = `const ${moduleUrl} =
  typeof __filename === "string" ? require("node:url").pathToFileURL(__filename).href : "file:///";`;

/** What can be imported, and the source that its types come from. */
const typesOf = { index: "bridge-task/index", client: clientEntry, events: "bridge-task/in-call/events" } as const;

const dependencies = async (): Promise<string[]> =>
  Object.keys(JSON.parse(await readFile(path.join(root, "package.json"), "utf8")).dependencies);

/** Readable, not minified: users read it in their stack traces. */
const packageOptions = (outfile: string, external: readonly string[]): BuildOptions & { metafile: true } => ({
  absWorkingDir: root,
  entryPoints: ["bridge-task/index.ts"],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: external.flatMap((name) => [name, `${name}/*`]),
  define: { "import.meta.url": moduleUrl },
  banner: { js: moduleUrlBanner },
  keepNames: true,
  legalComments: "inline",
  metafile: true,
  logLevel: "warning",
});

/** Named exports (Node reads them off esbuild's annotation), taken from the CommonJS file so that there is one copy of every class whichever way it is loaded. */
const wrapper = (names: readonly string[]): string =>
  `export {\n${names.map((name) => `  ${name},\n`).join("")}} from "./index.cjs";\n`;

const buildInto = async (folder: string): Promise<void> => {
  const file = path.join(folder, "index.cjs");
  const external = (await dependencies()).filter((name) => !bundled.includes(name));
  const { metafile } = await build(packageOptions(file, external));
  const surplus = packagesIn(metafile).filter((name) => !bundled.includes(name));
  if (surplus.length > 0) throw new Error(`${surplus.join(", ")} would be bundled: list it under dependencies`);
  const names = Object.keys(createRequire(file)(file)).toSorted();
  await writeFile(path.join(folder, "index.mjs"), wrapper(names));
  await buildClient(folder);
  // Types only; whoever imports it without `type` finds a module all the same.
  await writeFile(path.join(folder, "events.mjs"), "export {};\n");
  await writeFile(path.join(folder, "events.cjs"), '"use strict";\n');
  await buildTypes(Object.values(typesOf), path.join(folder, "types"));
  for (const [name, entry] of Object.entries(typesOf)) {
    for (const ending of ["d.cts", "d.mts"]) {
      await writeFile(path.join(folder, `${name}.${ending}`), `export * from "./types/${entry}.cjs";\n`);
    }
  }
  await writeFile(path.join(folder, "NOTICES.txt"), await noticesFor(packagesIn(metafile)));
};

const unless = (code: string) => (error: NodeJS.ErrnoException) => {
  if (error.code !== code) throw error;
};

/** Another process may be packing the folder or building it too: it is gone for an instant only, and whole when it is there. */
const replace = async (folder: string, by: string, former: string): Promise<void> => {
  await rename(folder, former).catch(unless("ENOENT"));
  await rename(by, folder).catch(unless("ENOTEMPTY"));
};

/**
 * Builds what `npm pack` ships into `folder` (default: dist/package): CommonJS, the ES module that wraps it, the client of
 * the HTTP API, types for all.
 * Rejects with the compiler's message when a source does not build, or uses what Node 20 lacks; `folder` is then as before.
 */
export const buildPackage = async (
  folder = path.join(root, "dist", "package"),
): Promise<{ file: string; bytes: number }> => {
  const partial = `${folder}-${process.pid}`;
  const former = `${partial}-former`;
  await mkdir(partial, { recursive: true });
  try {
    await buildInto(partial);
    await replace(folder, partial, former);
  } finally {
    for (const rest of [partial, former]) await rm(rest, { recursive: true, force: true });
  }
  const file = path.join(folder, "index.cjs");
  return { file, bytes: (await stat(file)).size };
};
