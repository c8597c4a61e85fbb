import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const root = path.resolve(import.meta.dirname, "../..");

/** A relative import of a declaration file: `from "./log.ts"`, `import("../errors.ts")`. */
const relativeImport = /((?:\bfrom|\bimport) ?\(?)"(\.{1,2}\/[^"]+)\.[jt]s"/g;

/** The modules that a declaration file takes something from, relative to it and without their ending. */
export const importsOf = (declarations: string): string[] =>
  [...declarations.matchAll(relativeImport)].map(([, , module]) => module ?? "");

/** The same declarations in a tree of .d.cts files: TypeScript looks for x.d.cts where x.cjs is imported. */
export const asCommonJs = (declarations: string): string => declarations.replace(relativeImport, '$1"$2.cjs"');

const compile = async (entries: readonly string[], outDir: string): Promise<void> => {
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const config = path.join(outDir, "tsconfig.json");
  await mkdir(outDir, { recursive: true });
  await writeFile(
    config,
    JSON.stringify({
      extends: path.join(root, "tsconfig.package.json"),
      compilerOptions: { rootDir: root, outDir },
      files: entries.map((entry) => path.join(root, `${entry}.ts`)),
    }),
  );
  try {
    await promisify(execFile)(process.execPath, [compiler, "-p", config], { cwd: root });
  } catch (error) {
    // The compiler reports on stdout.
    const { stdout } = error as { stdout?: string };
    throw new Error(`The package's types could not be built:\n${stdout || error}`, { cause: error });
  }
};

/**
 * Writes the declarations of `entries` (sources, relative to the project and without their ending) and of all they name to
 * `outDir`, as CommonJS: what both kinds of modules can take their types from. What the entries do not reach stays out.
 */
export const buildTypes = async (entries: readonly string[], outDir: string): Promise<void> => {
  const compiled = `${outDir}-compiled`;
  await compile(entries, compiled);
  const waiting = [...entries];
  const written = new Set(waiting);
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    // Generated code has its declarations beside it: the compiler reads but does not write them.
    const file = [compiled, root].map((tree) => path.join(tree, `${module}.d.ts`)).find(existsSync);
    if (!file) throw new Error(`The package's types need ${module}, which has no declarations`);
    const declarations = await readFile(file, "utf8");
    const target = path.join(outDir, `${module}.d.cts`);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, asCommonJs(declarations));
    for (const imported of importsOf(declarations)) {
      const next = path.join(path.dirname(module), imported);
      if (!written.has(next)) waiting.push(next);
      written.add(next);
    }
  }
  await rm(compiled, { recursive: true });
};
