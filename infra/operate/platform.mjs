// Installs SST's platform (its components and their types) into .sst/platform, where `npx sst deploy` keeps it too.
// Plain JavaScript without dependencies, for any Node from 20. Needs the npm registry, and no AWS account.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const platform = path.join(root, ".sst", "platform");
const lock = path.join(root, "node_modules", ".cache", "sst-platform.lock");

/** An install takes half a minute and 320 MB; on a slow line some minutes. */
const deadlineMs = 10 * 60_000;
const pollMs = 250;

const endings = ["SIGINT", "SIGTERM", "SIGHUP"];

const versionOf = (folder) => JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).version;

/** The version that this project pins. */
const wantedVersion = () => versionOf(path.join(root, "node_modules", "sst"));

/**
 * What an install writes last: npm's record of what it installed, and the types of the providers that sst.config.ts names.
 * One that was broken off lacks them.
 */
const isPresent = (version) => {
  try {
    return (
      readFileSync(path.join(platform, "version"), "utf8").trim() === version &&
      existsSync(path.join(platform, "node_modules", ".package-lock.json")) &&
      readFileSync(path.join(platform, "config.d.ts"), "utf8").includes("@pulumi/random")
    );
  } catch {
    return false; // no platform, or part of one: installing mends both
  }
};

const isRunning = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM"; // somebody else's process
  }
};

/** False while another process holds it. What a dead one left is moved away first: of two that see it, one succeeds. */
const takeLock = () => {
  mkdirSync(path.dirname(lock), { recursive: true });
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  try {
    const owner = readFileSync(lock, "utf8");
    // Empty for the moment between its making and its writing.
    if (owner !== "" && !isRunning(Number(owner))) {
      const left = `${lock}.${process.pid}`;
      renameSync(lock, left);
      rmSync(left, { force: true });
    }
  } catch (error) {
    if (error.code !== "ENOENT") throw error; // gone meanwhile
  }
  return false;
};

const holdingLock = async (signal, work) => {
  while (!takeLock()) await sleep(pollMs, undefined, { signal });
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
};

const run = (args, signal) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, "node_modules", "sst", "bin", "sst.mjs"), ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      // Its own group: what it starts (npm) ends with it.
      detached: process.platform !== "win32",
      env: {
        ...process.env,
        // No engine, no bun, no telemetry: none is needed for types, and each is a download from elsewhere.
        SST_SKIP_DEPENDENCY_CHECK: "1",
        SST_NO_BUN: "1",
        SST_TELEMETRY_DISABLED: "1",
      },
    });
    const end = () => {
      try {
        if (process.platform === "win32") child.kill("SIGKILL");
        else process.kill(-child.pid, "SIGKILL");
      } catch {
        // it has ended by itself
      }
    };
    const stop = () => process.exit(130);
    signal.addEventListener("abort", end, { once: true });
    process.once("exit", end);
    for (const name of endings) process.once(name, stop);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output = `${output}${chunk}`.slice(-4_000);
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", end);
      process.removeListener("exit", end);
      for (const name of endings) process.removeListener(name, stop);
      resolve({ code, output });
    });
  });

const failed = (why, output) =>
  new Error(
    `SST's platform could not be installed: ${why}. It comes from the npm registry: see that \`npm ping\` answers, ` +
      `then run: node infra/operate/platform.mjs\n${output}`.trimEnd(),
  );

/**
 * Makes sure that .sst/platform holds the platform of the pinned version. Quick when it does; safe when processes do it at once.
 * Resolves with whether it had to be installed. Rejects with an Error that says what to do.
 */
export const ensurePlatform = async ({ onStep = () => {} } = {}) => {
  const version = wantedVersion();
  if (isPresent(version)) return { installed: false, folder: platform };
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    return await holdingLock(signal, async () => {
      if (isPresent(version)) return { installed: false, folder: platform };
      const startedAtMs = Date.now();
      onStep(`installing SST ${version}'s platform into .sst/platform …`);
      rmSync(platform, { recursive: true, force: true });
      // It wants a stage, and does nothing with it.
      const { code, output } = await run(["install", "--stage", "test"], signal);
      signal.throwIfAborted();
      if (code !== 0) throw failed(`sst install ended with ${code}`, output);
      if (!isPresent(version)) throw failed("sst install left it incomplete", output);
      onStep(`installed in ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`);
      return { installed: true, folder: platform };
    });
  } catch (error) {
    if (signal.aborted) throw failed(`it took longer than ${deadlineMs / 60_000} minutes`, "");
    throw error;
  }
};

const isMain = () => process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);

if (isMain()) {
  try {
    await ensurePlatform({ onStep: (step) => process.stderr.write(`${step}\n`) });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
