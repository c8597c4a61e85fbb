import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build, type Loader, type Plugin } from "esbuild";
import type { AppConfig, EvaluationRequest, Fields } from "./request.ts";

const platformOf = (project: string): string => path.join(project, ".sst", "platform");

const nodeGlobals = `import { createRequire as __createRequire } from "node:module";
import { fileURLToPath as __fileURLToPath } from "node:url";
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL(".", import.meta.url));`;

const options = (project: string, contents: string, name: string): BuildOptions & { outfile: string } => ({
  stdin: { contents, resolveDir: project, sourcefile: "eval.ts", loader: "ts" },
  absWorkingDir: project,
  banner: { js: nodeGlobals },
  mainFields: ["module", "main"],
  format: "esm",
  platform: "node",
  bundle: true,
  sourcemap: "inline",
  // Where the command line puts it, too: the platform's packages are found from there.
  outfile: path.join(platformOf(project), `sst.config.${name}.mjs`),
  logLevel: "silent",
  nodePaths: [path.join(platformOf(project), "node_modules")],
  external: [
    "@pulumi/*",
    "undici",
    "@pulumiverse/*",
    "@sst-provider/*",
    "@aws-sdk/*",
    "esbuild",
    "archiver",
    "glob",
    "vite",
  ],
});

const load = async (built: BuildOptions & { outfile: string }): Promise<{ default: () => Promise<unknown> }> => {
  await build(built);
  return import(pathToFileURL(built.outfile).href);
};

/** What `app()` of the project's sst.config.ts says about a stage. */
export const readApp = async ({ project, stage }: EvaluationRequest): Promise<AppConfig> => {
  const contents = `globalThis.$config = (config) => config;
const { default: config } = await import("./sst.config.ts");
export default () => config.app({ stage: ${JSON.stringify(stage)} });`;
  const program = await load(options(project, contents, "app"));
  return (await program.default()) as AppConfig;
};

/** SST's and the providers' names are there without being imported, in every file of the project. */
const globals = (project: string): Plugin => {
  const locked: { alias: string; package: string }[] = JSON.parse(
    readFileSync(path.join(project, ".sst", "provider-lock.json"), "utf8"),
  );
  const components = path.join(platformOf(project), "src", "components", "index.ts");
  const imports = [
    ...locked.map(({ alias, package: name }) => `import * as ${alias} from ${JSON.stringify(name)};`),
    `import * as sst from ${JSON.stringify(components)};`,
  ].join("");
  return {
    name: "globals",
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.m?[jt]s$/ }, ({ path: file }) => {
        if (!file.startsWith(project) || /\/(node_modules|\.sst)\//.test(file)) return undefined;
        const loader: Loader = file.endsWith("ts") ? "ts" : "js";
        return { contents: `${imports}\n${readFileSync(file, "utf8")}`, loader };
      }),
  };
};

/** The project's program as SST's command line makes it: the components of the platform with `run()` of sst.config.ts. */
export const loadProgram = (
  { project, stage, command }: EvaluationRequest,
  { name, removal, protect }: AppConfig,
  { rpcUrl, onStart }: { rpcUrl: string; onStart: string },
): Promise<{ default: () => Promise<unknown> }> => {
  const platform = platformOf(project);
  const contents = `import { run } from ${JSON.stringify(path.join(platform, "src/auto/run.ts"))};
import config from "./sst.config.ts";
export default () => run(() => { ${onStart}; return config.run(); });`;
  const app = { name, stage, removal, protect, providers: { aws: {} } };
  const paths = { home: project, root: project, work: path.join(project, ".sst"), platform };
  const cli: Fields = { command, rpc: rpcUrl, paths, state: { version: {} } };
  return load({
    ...options(project, contents, "program"),
    define: { $app: JSON.stringify(app), $cli: JSON.stringify(cli), $dev: "false" },
    inject: [path.join(platform, "src/shim/run.js")],
    plugins: [globals(project)],
  });
};
