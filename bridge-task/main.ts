import { StreamClient } from "@stream-io/node-sdk";
import { findAgent } from "./agents/index.ts";
import { Bridge, type End } from "./bridge.ts";
import { type BridgeEnvironment, readEnvironment } from "./environment.ts";
import { BridgeError, InvalidInputError, messageOf } from "./errors.ts";
import { type EndReason, exitCodes } from "./job.ts";
import { createLogger, type Logger } from "./log.ts";
import { ModelError } from "./realtime/model-errors.ts";

/** Longer than every step of leaving together: past it the process ends whatever still hangs. */
const watchdogMs = 20_000;

const exit = (logger: Logger, reason: EndReason, fields: Record<string, unknown> = {}): never => {
  logger.info("task_ending", { reason, exitCode: exitCodes[reason], ...fields });
  process.exit(exitCodes[reason]);
};

/** Which reason a failed start has, by the error's code. */
const reasonOf = (error: unknown): EndReason => {
  if (error instanceof InvalidInputError) return "bad_job";
  if (error instanceof ModelError) return error.reason;
  return error instanceof BridgeError ? "join_failed" : "internal";
};

/** What SIGTERM does: before the call is joined there is nothing to leave. */
type Stop = (signal: string) => void;

const run = async (
  { job, ...environment }: BridgeEnvironment,
  logger: Logger,
  onStop: (stop: Stop) => void,
): Promise<End> => {
  const agent = findAgent(job.agent);
  onStop((signal) => exit(logger, "stopped", { detail: signal }));
  const bridge = await Bridge.connect({
    streamClient: new StreamClient(environment.streamApiKey, environment.streamApiSecret, {
      ...(environment.streamBaseUrl === undefined ? {} : { basePath: environment.streamBaseUrl }),
    }),
    call: job.call,
    agentUser: { ...agent.user, id: job.agentUserId },
    openAi: {
      apiKey: environment.openAiApiKey,
      ...(environment.openAiBaseUrl === undefined ? {} : { baseUrl: environment.openAiBaseUrl }),
    },
    session: agent.session,
    ...(agent.greeting === undefined ? {} : { greeting: agent.greeting }),
    logger,
  });
  onStop((signal) => void bridge.end("stopped", signal));
  // Leaving has a deadline per step; past their sum the process ends whatever hangs.
  void bridge.leaving.then(() =>
    setTimeout(() => exit(logger, "internal", { detail: "leaving took too long" }), watchdogMs),
  );
  bridge.settle().catch((error) => bridge.end("internal", messageOf(error)));
  return bridge.ended;
};

const start = async (): Promise<void> => {
  let logger = createLogger();
  let stop: Stop = () => exit(logger, "stopped");
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop(signal));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      logger.error(event, { error });
      exit(logger, "internal");
    });
  }
  try {
    const environment = readEnvironment(process.env);
    const { type, id } = environment.job.call;
    logger = createLogger({ level: environment.logLevel, fields: { call: `${type}:${id}` } });
    const { reason, detail } = await run(environment, logger, (next) => {
      stop = next;
    });
    exit(logger, reason, { detail });
  } catch (error) {
    logger.error("task_failed", { error });
    exit(logger, reasonOf(error), { detail: messageOf(error) });
  }
};

await start();
