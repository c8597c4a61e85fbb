import { buildBundles } from "./bundles.ts";

for (const { name, file, bytes } of await buildBundles()) {
  process.stdout.write(`${name.padEnd(8)} ${(bytes / 1000).toFixed(0).padStart(6)} kB  ${file}\n`);
}
