import { departureMs } from "./departure.ts";
import { readEnvironment } from "./environment.ts";
import { messageOf } from "./errors.ts";
import { type EndReason, exitCodes } from "./job.ts";
import { createLogger, type Logger } from "./log.ts";
import { endOf } from "./task/reasons.ts";
import { lastWordMs, Task } from "./task/task.ts";

/** Longer than every step of leaving together: past it the process ends whatever still hangs. */
const watchdogMs = departureMs + lastWordMs + 2_000;

let logger: Logger = createLogger();

const exit = (reason: EndReason, detail: string): never => {
  logger.info("task_ending", { reason, exitCode: exitCodes[reason], detail });
  process.exit(exitCodes[reason]);
};

/** One process, one launch: how it is stopped, and how it ends. */
const run = async (task: Task): Promise<never> => {
  const { door } = task;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => door.leave("stopped", signal));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      logger.error(event, { error });
      door.leave("internal", messageOf(error));
    });
  }
  void door.leaving.then(() => setTimeout(() => exit("internal", "leaving took too long"), watchdogMs));
  const { reason, detail } = await task.run();
  return exit(reason, detail);
};

try {
  const environment = readEnvironment(process.env);
  const { job, logLevel } = environment;
  const { type, id } = job.call;
  logger = createLogger({ level: logLevel, fields: { call: `${type}:${id}`, agent: job.agentUserId } });
  await run(new Task(environment, logger));
} catch (error) {
  logger.error("task_failed", { error });
  const { reason, detail } = endOf(error);
  exit(reason, detail);
}
