import { createInterface } from "node:readline/promises";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import { epochMs } from "../cloud/event-log.ts";
import { trust } from "../live/checks.ts";
import { type LiveKeys, readKeys } from "../live/keys.ts";
import { judgeAll } from "./assumptions.ts";
import { costOf, type Options, readOptions, usage } from "./options.ts";
import { redact } from "./redact.ts";
import { exitCodeOf, linesOf, makeReport, saveReport } from "./report.ts";
import { Walk } from "./walk.ts";

const wrongInput = 2;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Whether the person at the terminal wants it. */
const isAgreed = async ({ services, isAgreed: isAgreedAlready }: Options): Promise<boolean> => {
  print(costOf(services));
  if (isAgreedAlready) return true;
  if (!process.stdin.isTTY) throw new InvalidInputError("Nobody is there to be asked: add --yes to agree.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question("Go on? [y/N] ")).trim());
  } finally {
    terminal.close();
  }
};

/** A run that is cut short takes back what it has made. A launcher and a terminal may send the same signal twice. */
const cleanUpAtTheEnd = (walk: Walk): void => {
  let isEnding = false;
  const end = (exitCode: number) => {
    if (isEnding) return;
    isEnding = true;
    print("Deleting what was made …");
    void walk.cleanUp().then((left) => {
      for (const what of left) print(`Left behind: ${what}`);
      process.exit(exitCode);
    });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(130));
  // A mistake of ours must not leave a call and users in somebody's app either.
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${error.stack}\n`);
    end(3);
  });
};

const run = async (options: Options, keys: LiveKeys): Promise<number> => {
  const { services } = options;
  const startedAtMs = epochMs();
  const secrets = [keys.streamApiKey, keys.streamApiSecret, keys.openAiApiKey];
  const walk = new Walk({
    keys,
    services,
    onStep: ({ name, status, tookMs, detail }) => {
      const why = detail === undefined ? "" : `: ${redact(detail, secrets)}`;
      print(`  ${name}: ${status}${status === "skipped" ? "" : ` in ${(tookMs / 1_000).toFixed(1)} s`}${why}`);
    },
  });
  cleanUpAtTheEnd(walk);
  try {
    await walk.go();
  } finally {
    await walk.cleanUp();
  }
  const { seen } = walk;
  const report = makeReport({
    seen,
    rows: judgeAll(seen, services),
    services,
    keys,
    startedAtMs,
    endedAtMs: epochMs(),
    leftBehind: await walk.cleanUp(),
  });
  print(`\n${linesOf(report).join("\n")}`);
  const file = await saveReport(report, options.json);
  print(`\nThe report: ${file}`);
  print(
    "It holds no keys, no whole addresses and nothing that anybody said. If something differs, please attach it to an issue.",
  );
  return exitCodeOf(report);
};

const main = async (args: readonly string[]): Promise<number> => {
  const options = readOptions(args, new Date());
  if (options.help) {
    print(usage);
    return 0;
  }
  const keys = readKeys({ services: options.services });
  await trust(keys.caFile);
  if (!(await isAgreed(options))) {
    print("Nothing was done.");
    return wrongInput;
  }
  return run(options, keys);
};

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isInput = error instanceof InvalidInputError;
  process.stderr.write(`${isInput || !(error instanceof Error) ? messageOf(error) : error.stack}\n`);
  process.exit(isInput ? wrongInput : 3);
}
