import { spawn } from "node:child_process";
import path from "node:path";

export interface SstRun {
  exitCode: number | null;
  /** What it printed, without colours. */
  output: string;
}

export interface SstOptions {
  /** The project. */
  folder: string;
  /** A home of its own, with the engine in it. */
  home: string;
  /** A folder of commands that are to be found before the machine's. */
  bin: string;
  awsEndpointUrl: string;
  accessKeyId: string;
  region: string;
  /** What is typed in; nothing unless told. */
  input?: string;
}

/** The longest that one command takes, with much to spare. */
const timeoutMs = 90_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
const colours = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** Runs SST's own command line, as `npx sst` does. It has an environment of its own: nothing of an AWS account comes in. */
export const runSst = (options: SstOptions, args: readonly string[]): Promise<SstRun> => {
  const { promise, resolve, reject } = Promise.withResolvers<SstRun>();
  const child = spawn(process.execPath, [path.join(options.folder, "node_modules", "sst", "bin", "sst.mjs"), ...args], {
    cwd: options.folder,
    detached: true,
    stdio: "pipe",
    env: {
      PATH: [options.bin, path.dirname(process.execPath), process.env.PATH ?? ""].join(path.delimiter),
      HOME: options.home,
      TMPDIR: options.home,
      AWS_ENDPOINT_URL: options.awsEndpointUrl,
      AWS_ACCESS_KEY_ID: options.accessKeyId,
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_REGION: options.region,
      AWS_EC2_METADATA_DISABLED: "true",
      // The real engine would be downloaded, and so would bun.
      SST_SKIP_DEPENDENCY_CHECK: "1",
      SST_NO_BUN: "1",
      SST_TELEMETRY_DISABLED: "1",
      NO_COLOR: "1",
    },
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // ESRCH: the group is empty, which is what was wanted.
    }
  };
  process.once("exit", kill);
  // A command that asks nothing has ended before it reads.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const timer = setTimeout(() => {
    kill();
    reject(new Error(`sst ${args.join(" ")} took longer than ${timeoutMs} ms:\n${output}`));
  }, timeoutMs);
  child.once("error", reject);
  child.once("close", (exitCode) => {
    clearTimeout(timer);
    process.off("exit", kill);
    kill(); // what it may have left behind
    resolve({ exitCode, output: output.replaceAll(colours, "") });
  });
  return promise;
};
