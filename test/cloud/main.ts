import { parseArgs } from "node:util";
import { messageOf } from "../../bridge-task/errors.ts";
import { startCloud } from "./index.ts";

const usage = `Usage: npm run cloud [-- --json]

Starts the local stand-in of Stream, OpenAI and AWS, and prints every URL and key; Ctrl-C ends it.

  --json   prints them as one line of JSON; \`npm run --silent cloud -- --json\` prints nothing else on stdout
  --help   prints this
`;

const options = { json: { type: "boolean" }, help: { type: "boolean" } } as const;

const wanted = (): { json?: boolean; help?: boolean } => {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    process.exit(2);
  }
};

const { json, help } = wanted();
if (help) {
  process.stdout.write(usage);
  process.exit(0);
}
const cloud = await startCloud({
  registered: true,
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
