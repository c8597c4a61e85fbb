import { randomBytes } from "node:crypto";
import type { EventLog } from "../event-log.ts";
import { checkNeeds, type Guard, writingNeeds } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import { ExecutionEnvironment, type FunctionDefinition, type Invocation } from "./execution-environment.ts";
import { isJson } from "./json.ts";
import type { LogGroups } from "./log-groups.ts";

export interface LambdaFunctionOptions {
  log: EventLog;
  logs: LogGroups;
  guard: Guard;
  name: string;
  definition: FunctionDefinition;
  /** Added to each process's environment, read when it starts. */
  platformEnv(): Readonly<Record<string, string>>;
  /** At most so many processes at once. */
  maxEnvironments: number;
  /** So many events wait for one of them, in order; the next is throttled, as Lambda does at its concurrency limit. */
  maxWaiting: number;
}

/** The error as Lambda's runtime logs it for a function whose log format is JSON. */
const errorLine = ({ payload, requestId }: Invocation): string => {
  const error: unknown = JSON.parse(payload);
  const { errorType, errorMessage, trace } = isJson(error) ? error : {};
  const message = { errorType, errorMessage, stackTrace: trace ?? [] };
  return JSON.stringify({ timestamp: new Date().toISOString(), level: "ERROR", requestId, message });
};

/** One of a function's log streams: each process has its own. */
const logStreamName = (): string =>
  `${new Date().toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${randomBytes(16).toString("hex")}`;

/** A function: starts execution environments as events come, keeps them warm, replaces those that died. */
export class LambdaFunction {
  readonly name: string;
  readonly #options: LambdaFunctionOptions;
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #all = new Set<ExecutionEnvironment>();
  /** Processes of an earlier definition, which end with the event that they are at. */
  readonly #retired = new Set<ExecutionEnvironment>();
  readonly #waiting: (() => void)[] = [];
  #definition: FunctionDefinition;
  #changedAtMs = Date.now();
  #size = 0;
  #closed = false;

  constructor(options: LambdaFunctionOptions) {
    this.#options = options;
    this.name = options.name;
    this.#definition = options.definition;
  }

  get definition(): FunctionDefinition {
    return this.#definition;
  }

  /** When it got its definition. */
  get changedAtMs(): number {
    return this.#changedAtMs;
  }

  get logGroup(): string {
    return this.#definition.logGroup ?? `/aws/lambda/${this.name}`;
  }

  get environmentCount(): number {
    return this.#size;
  }

  /** The next event is for a new process; events that are being handled end in their old ones. */
  update(definition: FunctionDefinition): void {
    this.#definition = definition;
    this.#changedAtMs = Date.now();
    for (const environment of this.#all) this.#retired.add(environment);
    this.#all.clear();
    this.#size = 0;
    for (const environment of this.#idle.splice(0)) void environment.close();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** `payload` is JSON text. Rejects only with AwsError, when the function is not run at all. */
  async invoke(payload: string): Promise<Invocation> {
    const environment = await this.#acquire();
    try {
      const invocation = await environment.invoke(payload);
      const { requestId, durationMs, functionError, initMs } = invocation;
      this.#options.log.record("aws", "lambda.invoked", {
        function: this.name,
        requestId,
        durationMs,
        ...(initMs === undefined ? {} : { initMs }),
        ...(functionError === undefined ? {} : { functionError, payload: invocation.payload.slice(0, 4_096) }),
      });
      if (functionError !== undefined) this.#writeLine(environment.logStream, errorLine(invocation));
      return invocation;
    } finally {
      if (this.#retired.has(environment)) void environment.close();
      else if (environment.alive && !this.#closed) this.#idle.push(environment);
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all, ...this.#retired].map((environment) => environment.close()));
  }

  async #acquire(): Promise<ExecutionEnvironment> {
    for (;;) {
      if (this.#closed) throw new AwsError("ServiceException", "The local cloud is closed", { status: 503 });
      const idle = this.#idle.pop(); // The last one used: as on Lambda, the rest may grow cold.
      if (idle?.alive) return idle;
      if (idle !== undefined) continue;
      if (this.#size < this.#options.maxEnvironments) return this.#start();
      if (this.#waiting.length >= this.#options.maxWaiting) {
        throw new AwsError("TooManyRequestsException", "Rate Exceeded.", {
          status: 429,
          members: { Reason: "ConcurrentInvocationLimitExceeded" },
        });
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  async #start(): Promise<ExecutionEnvironment> {
    const { log, name, platformEnv } = this.#options;
    const { logGroup } = this;
    const definition = this.#definition;
    const logStream = logStreamName();
    this.#size += 1;
    const environment = await ExecutionEnvironment.start({
      name,
      definition,
      platformEnv: platformEnv(),
      logGroup,
      logStream,
      onLine: (line, stream) => {
        log.record("aws", "lambda.output", { function: name, stream, line });
        this.#writeLine(logStream, line);
      },
    });
    // The definition may have changed while it was starting: then it was taken out of the count already.
    (definition === this.#definition ? this.#all : this.#retired).add(environment);
    environment.exited.then(() => {
      this.#retired.delete(environment);
      if (this.#all.delete(environment)) this.#size -= 1;
      this.#waiting.shift()?.();
    });
    if (this.#closed) await environment.close();
    return environment;
  }

  /** As Lambda does it, with the function's own role: what that may not write is nowhere. */
  #writeLine(stream: string, line: string): void {
    const { logs, guard, log, name } = this.#options;
    const { accessKeyId } = this.#definition;
    const needs = writingNeeds(this.logGroup, stream, { isNewGroup: !logs.has(this.logGroup) });
    try {
      if (accessKeyId !== undefined) checkNeeds(guard, accessKeyId, needs);
      logs.put(this.logGroup, stream, line);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      log.record("aws", "logs.refused", { function: name, error: error.message });
    }
  }
}
