import { buildBundles } from "./bundles.ts";
import { buildPackage } from "./package.ts";

/** `npm run build` makes everything, `npm run build -- package` only what `npm pack` ships. */
const only = process.argv[2];
if (only !== undefined && only !== "package") {
  process.stderr.write(`Unknown part "${only}". Known: package\n`);
  process.exit(1);
}
const bundles = only === "package" ? [] : await buildBundles();
const built = [...bundles, { name: "package", ...(await buildPackage()) }];
const width = Math.max(...built.map(({ name }) => name.length));
for (const { name, file, bytes } of built) {
  process.stdout.write(`${name.padEnd(width)} ${(bytes / 1000).toFixed(0).padStart(6)} kB  ${file}\n`);
}
