// The one way in for `npm start`, `npm test` and the `npm run` commands that need Node 24.
// Plain JavaScript without dependencies, for any Node from 20: it installs what is missing, finds Node 24 and hands over.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const wantedMajor = 24;

/** Command → the file that Node 24 runs, and what stands before the user's own arguments. */
const commands = {
  start: ["test/cloud/start.ts"],
  cloud: ["test/cloud/main.ts"],
  bench: ["test/bench/main.ts"],
  build: ["infra/build/main.ts"],
  agents: ["infra/operate/agents.ts"],
  "live-check": ["test/live-check/main.ts"],
  test: ["node_modules/vitest/vitest.mjs", "run"],
};

const stop = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const majorOf = (version) => Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);

const readJson = (file) => JSON.parse(readFileSync(path.join(root, file), "utf8"));

/** Whether node_modules holds every package at the version that package-lock.json names (npm's own record says so). */
const isInstalled = () => {
  try {
    const installed = readJson("node_modules/.package-lock.json").packages;
    return Object.entries(readJson("package-lock.json").packages).every(
      ([name, { version, optional }]) => name === "" || optional || installed[name]?.version === version,
    );
  } catch {
    return false; // no record, or a broken one: installing mends both
  }
};

const installMissing = () => {
  if (isInstalled()) return;
  const startedAtMs = Date.now();
  process.stderr.write("installing packages (npm ci) …\n");
  const npm = process.env.npm_execpath;
  const [file, args] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  // Output goes to stderr: stdout belongs to the command, whose last line may be JSON.
  const result = spawnSync(file, [...args, "ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) stop("Packages could not be installed. See npm's message above, then run: npm ci");
  process.stderr.write(`installed in ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
};

/** The system's Node if it is the wanted major, else the one that the npm package `node` brought. */
const findNode = () => {
  if (majorOf(process.version) === wantedMajor) return process.execPath;
  const packaged = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(packaged)) {
    const { status, stdout } = spawnSync(packaged, ["--version"], { encoding: "utf8" });
    if (status === 0 && majorOf(stdout) === wantedMajor) return packaged;
  }
  return stop(
    `Node ${wantedMajor} is needed (this is ${process.version}) and the packaged one is missing. Run: npm rebuild node`,
  );
};

if (majorOf(process.version) < 20) stop(`Node 20 or newer is needed, this is ${process.version}: https://nodejs.org`);
const [name = "", ...rest] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) stop(`Unknown command "${name}". Known: ${Object.keys(commands).join(", ")}`);
installMissing();
const node = findNode();
const [entry = "", ...before] = command;
const child = spawn(node, [path.join(root, entry), ...before, ...rest], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ""}` },
});
// A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
// npm that is killed does not pass that on: whoever it started would run on for ever.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
}
child.on("error", (error) => stop(`Could not start ${node}: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
