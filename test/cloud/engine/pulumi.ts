import { readFileSync } from "node:fs";
import { inspect, parseArgs } from "node:util";
import { checkpointFile, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { EngineEvents } from "./event-log.ts";
import { runProgram } from "./program.ts";
import type { ResourceAnswer, ResourceRequest } from "./protocol.ts";
import { Update } from "./update.ts";

/**
 * Stands in for Pulumi's engine where SST's command line calls it: `version`, `stack init`, `up` and `destroy`. What the
 * program registers is provisioned by whoever serves ENGINE_URL.
 */
const { values, positionals } = parseArgs({
  options: {
    stack: { type: "string" },
    "event-log": { type: "string" },
    config: { type: "string", multiple: true },
    yes: { type: "boolean" },
    "skip-preview": { type: "boolean", short: "f" },
    "non-interactive": { type: "boolean" },
  },
  allowPositionals: true,
});

/** How the real one says that an update failed. */
const failedExitCode = 255;

const provision = async (request: ResourceRequest): Promise<ResourceAnswer> => {
  const response = await fetch(`${process.env.ENGINE_URL}/resources`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const answer = (await response.json()) as ResourceAnswer | { error: string };
  if ("error" in answer) throw new Error(answer.error);
  return answer;
};

const configOf = (settings: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf("=");
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );

const change = async (stack: string, run: (update: Update) => Promise<void>): Promise<number> => {
  const file = checkpointFile(stack);
  const events = new EngineEvents(values["event-log"]);
  const update = new Update({ former: readCheckpoint(file), provision, events });
  const stopped = Promise.withResolvers<void>();
  const onError = (error: unknown) => {
    if (!update.failed)
      update.fail(`Running program '${stack}' failed with an unhandled exception:\n${inspect(error)}`);
    stopped.resolve();
  };
  process.on("uncaughtException", onError).on("unhandledRejection", onError);
  await Promise.race([run(update).catch(onError), update.failure, stopped.promise]);
  await update.settled();
  if (update.failed) update.keepUnreached();
  else await update.deleteRest();
  writeCheckpoint(file, stack, update.resources);
  events.end();
  return update.failed ? failedExitCode : 0;
};

const init = (stack: string): number => {
  writeCheckpoint(checkpointFile(stack), stack, []);
  return 0;
};

const up = (stack: string): Promise<number> => {
  const [, app = "", stage = ""] = stack.split("/");
  const main = /^main: (.*)$/m.exec(readFileSync("Pulumi.yaml", "utf8"))?.[1]?.trim() ?? "";
  return change(stack, (update) => runProgram({ main, app, stage, config: configOf(values.config ?? []), update }));
};

const run = async (): Promise<number> => {
  const command = positionals.slice(0, 2).join(" ");
  switch (command) {
    case "version":
      process.stdout.write("v3.215.0\n");
      return 0;
    case "stack init":
      return init(positionals[2] ?? "");
    case "up":
      return up(values.stack ?? "");
    case "destroy":
      return change(values.stack ?? "", async () => {});
    default:
      process.stderr.write(`the stand-in of Pulumi's engine has no command "${command}"\n`);
      return 1;
  }
};

process.exit(await run());
