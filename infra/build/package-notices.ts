import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Metafile } from "esbuild";

const root = path.resolve(import.meta.dirname, "../..");

/** What a bundled package itself contains of others without bringing their licence's text. */
const contained: Record<string, string> = { "libopus-wasm": "libopus" };

/** Names of the packages whose code is in the bundle. */
export const packagesIn = (metafile: Metafile): string[] => {
  const names = Object.keys(metafile.inputs).map(
    (file) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(file)?.[1],
  );
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
};

const section = (title: string, text: string): string => `${title}\n${"=".repeat(title.length)}\n\n${text.trim()}\n`;

/** The licences of bundled packages, which go wherever their code goes. Rejects if a package has none. */
export const noticesFor = async (packages: readonly string[]): Promise<string> => {
  const sections = packages.map(async (name) => {
    const folder = path.join(root, "node_modules", name);
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|third)/i.test(file)).toSorted();
    if (files.length === 0) throw new Error(`${name} is bundled but has no licence file`);
    const own = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
    const inner = contained[name];
    if (inner === undefined) return section(name, own.join("\n"));
    const notice = await readFile(path.join(root, "infra", "build", "notices", `${inner}.txt`), "utf8");
    return `${section(name, own.join("\n"))}\n${section(`${inner}, in ${name}`, notice)}`;
  });
  return ["index.cjs contains code of these projects.\n", ...(await Promise.all(sections))].join("\n");
};
