import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { exitCodes } from "../../bridge-task/job.ts";
import { bridgeRuntime } from "./bridge-runtime.ts";

/**
 * Fills `folder` with the compiled code of the bridge's bundle, for NODE_COMPILE_CACHE. Node finds it again for the same
 * absolute path of the bundle, version of Node, flags of V8, user and kind of processor, and does without it otherwise.
 */
const fillCompileCache = async (bundle: string, folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  // Without a job the bridge loads all of its code, says so and ends; Node writes the cache then.
  const { status, stdout } = spawnSync(process.execPath, [bundle], {
    env: { ...bridgeRuntime, NODE_COMPILE_CACHE: folder },
    encoding: "utf8",
    timeout: 60_000,
  });
  if (status !== exitCodes.bad_job) {
    throw new Error(`${bundle} ended with ${status} in place of ${exitCodes.bad_job} (no job): ${stdout}`);
  }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  if (files.length === 0) throw new Error(`Node has written no compiled code to ${folder}: is it writable?`);
  // Node keeps them for their owner alone; in the image they belong to root.
  for (const entry of entries) await chmod(path.join(entry.parentPath, entry.name), entry.isFile() ? 0o444 : 0o755);
};

const [bundle, folder] = process.argv.slice(2);
if (bundle === undefined || folder === undefined) throw new Error("Usage: compile-cache.ts BUNDLE FOLDER");
await fillCompileCache(path.resolve(bundle), path.resolve(folder));
