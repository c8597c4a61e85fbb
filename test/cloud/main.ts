import { startCloud } from "./index.ts";

const json = process.argv.includes("--json");
const registered = process.argv.includes("--registered");
const cloud = await startCloud({
  registered,
  onStep: (step, tookMs) => process.stderr.write(`${step} (${tookMs.toFixed(0)} ms)\n`),
  onTaskOutput: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(cloud.info, null, json ? undefined : 2)}\n`);

let closing = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, async () => {
    if (closing) return;
    closing = true;
    await cloud.close();
    process.exit(0);
  });
}
