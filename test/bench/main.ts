import { parseArgs } from "node:util";
import { messageOf } from "../../bridge-task/errors.ts";
import type { Progress } from "./cloud-under-test.ts";
import { benchJoin } from "./join.ts";
import { benchLatency } from "./latency.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { type Result, tableOf } from "./report.ts";
import { benchTaskSize } from "./task-size.ts";
import { benchTurn } from "./turn.ts";
import { benchWebhook } from "./webhook.ts";

const benches: Record<
  string,
  { what: string; run: (options: { count?: number }, progress: Progress) => Promise<Result> }
> = {
  join: {
    what: "process start, webhook and greeting; also under CPU quotas (20 joins, 10 under each quota)",
    run: benchJoin,
  },
  latency: { what: "one 1:1 call: what the bridge adds to sound, CPU and memory (40 turns)", run: benchLatency },
  "task-size": {
    what: "under each CPU quota that Fargate rents out: greeting, evenness of the voice, price (5 joins, a call of 5 turns)",
    run: benchTaskSize,
  },
  turn: {
    what: "our model client beside OpenAI's own: events per second, CPU per minute of talk (7 rounds)",
    run: benchTurn,
  },
  webhook: {
    what: "the webhook's bundle as a function: weight, cold start, own time when warm (100 rounds of 4 requests, 20 starts)",
    run: benchWebhook,
  },
};

const usage = `Usage: npm run bench -- NAME [--n COUNT]

${Object.entries(benches)
  .map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`)
  .join("\n")}

  --n COUNT   how many joins, turns or rounds are measured
  --help      prints this

join and latency are measured from outside of the bridge, on its packets and its process. The last line is one JSON object;
\`npm run --silent bench -- NAME | tail -1\` is only that.
`;

class UsageError extends Error {}

const argumentsOf = (args: string[]): { name: string; count?: number } | undefined => {
  const { values, positionals } = parseArgs({
    args,
    options: { n: { type: "string" }, help: { type: "boolean" } },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const [name = "", ...more] = positionals;
  if (!Object.hasOwn(benches, name) || more.length > 0) {
    const given = positionals.length === 0 ? "No benchmark named" : `Unknown benchmark "${positionals.join(" ")}"`;
    throw new UsageError(`${given}: choose one of ${Object.keys(benches).join(", ")}`);
  }
  if (values.n === undefined) return { name };
  const count = Number(values.n);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--n is a whole number from 1, not "${values.n}"`);
  return { name, count };
};

/** Numbers of a machine that does something else as well are not the product's. */
const busyNote = ({ cpus, load }: Machine): string[] =>
  load > cpus / 2
    ? [`the machine was busy when this began (load ${load} on ${cpus} cores): the numbers are too high`]
    : [];

const main = async (args: string[]): Promise<number> => {
  let wanted: ReturnType<typeof argumentsOf>;
  try {
    wanted = argumentsOf(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  if (!wanted) {
    process.stdout.write(usage);
    return 0;
  }
  const { name, ...options } = wanted;
  const machine = describeMachine();
  const result = await benches[name]?.run(options, (text) => process.stderr.write(`${text}\n`));
  if (!result) throw new Error(`no benchmark ${name}`);
  const notes = [...busyNote(machine), ...result.notes];
  const report = { bench: name, machine, ...result, notes };
  process.stdout.write(`${tableOf(report)}\n${JSON.stringify(report)}\n`);
  return 0;
};

process.exitCode = await main(process.argv.slice(2));
