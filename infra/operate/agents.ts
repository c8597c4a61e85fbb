import path from "node:path";
import { exitCodes } from "./cli/failure.ts";
import { runProgram } from "./cli/program.ts";

/** What is under way may end by itself; after that it is ended. */
const graceMs = 1_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stop.abort();
    setTimeout(() => process.exit(exitCodes.stopped), graceMs).unref();
  });
}
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `… | head` closes our output early, which is no error; a full disk is one.
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  process.stderr.write(`the output cannot be written (${error.message})\n`);
  process.exit(exitCodes.failed);
});
process.stderr.on("error", () => process.exit(exitCodes.failed));

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) },
  environment: process.env,
  folder: path.resolve(import.meta.dirname, "../.."),
  signal: stop.signal,
});
