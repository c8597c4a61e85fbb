import { agents } from "../../bridge-task/agents/index.ts";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { checkAgents } from "./agents.ts";
import { buildBundles } from "./bundles.ts";
import { buildPackage } from "./package.ts";
import { readTools } from "./tools.ts";

interface Built {
  name: string;
  file: string;
  bytes: number;
}

const packageParts = async (): Promise<Built[]> => [{ name: "package", ...(await buildPackage()) }];

/** `npm run build` makes everything, `npm run build -- NAME` only one of these. */
const parts: Readonly<Record<string, () => Promise<Built[]>>> = {
  /** What the image of the task holds. */
  bridge: async () => {
    checkAgents(agents, await readTools());
    return buildBundles(["bridge"]);
  },
  /** What `npm pack` ships. */
  package: packageParts,
};

const everything = async (): Promise<Built[]> => {
  const bundles = await buildBundles();
  const tools = bundles.flatMap(({ tool }) => tool ?? []);
  checkAgents(agents, tools);
  return [...bundles, ...(await packageParts())];
};

const only = process.argv[2];
const build = only === undefined ? everything : parts[only];
if (build === undefined) {
  process.stderr.write(`Unknown part "${only}". Known: ${Object.keys(parts).join(", ")}\n`);
  process.exit(1);
}

const run = async (): Promise<void> => {
  const built = await build();
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
