import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { glob, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import path from "node:path";
import { type Bundle, buildBundles } from "../../infra/build/bundles.ts";

const root = path.resolve(import.meta.dirname, "../..");
const cache = path.join(root, "node_modules", ".cache", "agent-bundles");
const sources = ["bridge-task/**/*.{ts,js}", "functions/**/*.ts", "infra/build/*.ts", "package-lock.json"];
/** Builds that no test process can still be using. */
const keptForMs = 24 * 3_600_000;

const fingerprint = async (): Promise<string> => {
  const hash = createHash("sha256");
  const files: string[] = [];
  for await (const file of glob(sources, { cwd: root })) files.push(file);
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(await readFile(path.join(root, file)));
  return hash.digest("hex").slice(0, 16);
};

const removeOld = async (): Promise<void> => {
  for await (const name of glob("*", { cwd: cache })) {
    const folder = path.join(cache, name);
    // Another process may have removed it first.
    const age = await stat(folder)
      .then(({ mtimeMs }) => Date.now() - mtimeMs)
      .catch(() => 0);
    if (age > keptForMs) await rm(folder, { recursive: true, force: true });
  }
};

const load = async (folder: string): Promise<Bundle[]> =>
  JSON.parse(await readFile(path.join(folder, "bundles.json"), "utf8"));

const build = async (folder: string): Promise<void> => {
  const partial = `${folder}-${process.pid}`;
  await mkdir(partial, { recursive: true });
  const bundles = await buildBundles(undefined, partial);
  const moved = bundles.map((bundle) => ({ ...bundle, file: path.join(folder, path.relative(partial, bundle.file)) }));
  await writeFile(path.join(partial, "bundles.json"), JSON.stringify(moved));
  await rename(partial, folder).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    // Another test process was quicker with the same sources.
    if (!existsSync(folder)) throw error;
  });
  await removeOld();
};

/** The sources that a bundle holds code of: their path relative to the project, and how many bytes of them are in it. */
export const partsOf = ({ metafile }: Pick<Bundle, "metafile">): Map<string, number> => {
  const outputs = Object.entries(metafile.outputs).filter(([file]) => file.endsWith(".mjs"));
  const inputs = outputs.flatMap(([, output]) => Object.entries(output.inputs));
  return new Map(inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [[file, bytesInOutput]] : [])));
};

/** The packages that a bundle holds code of, and how many bytes of each. */
export const packagesOf = (bundle: Pick<Bundle, "metafile">): Map<string, number> => {
  const packages = new Map<string, number>();
  for (const [file, bytes] of partsOf(bundle)) {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(file)?.[1];
    if (name !== undefined) packages.set(name, (packages.get(name) ?? 0) + bytes);
  }
  return packages;
};

/** What a bundle still imports when it runs, other than Node's own modules, and how. */
export const importsOf = ({ metafile }: Pick<Bundle, "metafile">): { path: string; kind: string }[] =>
  Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ path }) => !isBuiltin(path))
    .map(({ path, kind }) => ({ path, kind }));

let built: Promise<Bundle[]> | undefined;

/** The bundles that are deployed, built once for all test processes and again whenever a source changes. */
export const sharedBundles = (): Promise<Bundle[]> => {
  built ??= (async () => {
    const folder = path.join(cache, await fingerprint());
    if (!existsSync(folder)) await build(folder);
    return load(folder);
  })();
  return built;
};
