import { agents } from "../../bridge-task/agents/index.ts";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { checkAgents } from "./agents.ts";
import { buildBundles } from "./bundles.ts";
import { buildPackage } from "./package.ts";

/** `npm run build` makes everything, `npm run build -- package` only what `npm pack` ships. */
const only = process.argv[2];
if (only !== undefined && only !== "package") {
  process.stderr.write(`Unknown part "${only}". Known: package\n`);
  process.exit(1);
}

const run = async (): Promise<void> => {
  const bundles = only === "package" ? [] : await buildBundles();
  if (only !== "package")
    checkAgents(
      agents,
      bundles.flatMap(({ tool }) => tool ?? []),
    );
  const built = [...bundles, { name: "package", ...(await buildPackage()) }];
  const width = Math.max(...built.map(({ name }) => name.length));
  for (const { name, file, bytes } of built) {
    process.stdout.write(`${name.padEnd(width)} ${(bytes / 1000).toFixed(0).padStart(6)} kB  ${file}\n`);
  }
};

try {
  await run();
} catch (error) {
  // What a person wrote wrong is said in words; of all else, where it happened matters too.
  if (!(error instanceof InvalidInputError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
