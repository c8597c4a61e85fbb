import path from "node:path";
import { runProgram } from "./cli/program.ts";

/** What is under way may end by itself; after that it is ended. */
const graceMs = 1_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stop.abort();
    setTimeout(() => process.exit(130), graceMs).unref();
  });
}
// `npm run agents -- list | head` closes our output early, which is no error.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) },
  environment: process.env,
  folder: path.resolve(import.meta.dirname, "../.."),
  signal: stop.signal,
});
