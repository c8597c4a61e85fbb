import { StreamClient } from "@stream-io/node-sdk";
import { findAgent } from "./agents/index.ts";
import { Bridge } from "./bridge.ts";
import { type BridgeEnvironment, readEnvironment } from "./environment.ts";
import { AbortedError, BridgeError, InvalidInputError, messageOf, TimeoutError } from "./errors.ts";
import { type EndReason, exitCodes } from "./job.ts";
import { createLogger, type Logger } from "./log.ts";
import { ModelError } from "./realtime/model-errors.ts";
import { CallEndedError, CoordinatorError, SfuError } from "./stream/errors.ts";

/** The longest start; each step of it has a shorter deadline of its own. */
const connectTimeoutMs = 60_000;
/** Longer than every step of leaving together: past it the process ends whatever still hangs. */
const watchdogMs = 20_000;

/** Which reason a failed start has. */
const reasonOf = (error: unknown): EndReason => {
  if (error instanceof InvalidInputError) return "bad_job";
  if (error instanceof CallEndedError) return "call_ended";
  if (error instanceof ModelError) return error.reason;
  const isStreams = [CoordinatorError, SfuError, TimeoutError].some((kind) => error instanceof kind);
  return isStreams ? "join_failed" : "internal";
};

/** One process, one call: how it is stopped, and how it ends. */
class Task {
  logger: Logger = createLogger();
  readonly #stop = new AbortController();
  #bridge: Bridge | undefined;
  /** Why the start was given up, if it was. */
  #gaveUpAs: EndReason = "join_failed";

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.#leave("stopped", signal));
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.on(event, (error: unknown) => {
        this.logger.error(event, { error });
        this.#leave("internal", messageOf(error));
      });
    }
  }

  async run(environment: BridgeEnvironment): Promise<void> {
    const { job, streamBaseUrl } = environment;
    const agent = findAgent(job.agent);
    this.#bridge = await Bridge.connect({
      streamClient: new StreamClient(
        environment.streamApiKey,
        environment.streamApiSecret,
        streamBaseUrl === undefined ? {} : { basePath: streamBaseUrl },
      ),
      call: job.call,
      agentUser: { ...agent.user, id: job.agentUserId },
      openAi: { apiKey: environment.openAiApiKey, baseUrl: environment.openAiBaseUrl },
      session: agent.session,
      greeting: agent.greeting,
      logger: this.logger,
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(connectTimeoutMs)]),
    });
    const bridge = this.#bridge;
    void bridge.leaving.then(() => this.#watch());
    bridge.settle().catch((error) => bridge.end("internal", messageOf(error)));
    const { reason, detail } = await bridge.ended;
    this.exit(reason, detail);
  }

  fail(error: unknown): never {
    this.logger.error("task_failed", { error });
    const reason = error instanceof AbortedError ? this.#gaveUpAs : reasonOf(error);
    return this.exit(reason, error instanceof BridgeError ? error.code : messageOf(error));
  }

  exit(reason: EndReason, detail: string): never {
    this.logger.info("task_ending", { reason, exitCode: exitCodes[reason], detail });
    process.exit(exitCodes[reason]);
  }

  /** Out of the call first, wherever the start or the call stands. */
  #leave(reason: EndReason, detail: string): void {
    if (this.#bridge) void this.#bridge.end(reason, detail);
    else {
      this.#gaveUpAs = reason;
      this.#stop.abort(detail);
    }
    this.#watch();
  }

  #watch(): void {
    setTimeout(() => this.exit("internal", "leaving took too long"), watchdogMs);
  }
}

const task = new Task();
try {
  const environment = readEnvironment(process.env);
  const { type, id } = environment.job.call;
  task.logger = createLogger({ level: environment.logLevel, fields: { call: `${type}:${id}` } });
  await task.run(environment);
} catch (error) {
  task.fail(error);
}
