import type { EventLog } from "../event-log.ts";
import { AwsError } from "./aws-error.ts";
import { ExecutionEnvironment, type FunctionDefinition, type Invocation } from "./execution-environment.ts";

export interface LambdaFunctionOptions {
  log: EventLog;
  name: string;
  definition: FunctionDefinition;
  platformEnv: Readonly<Record<string, string>>;
  /** At most so many processes at once. */
  maxEnvironments: number;
  /** So many events wait for one of them, in order; the next is throttled, as Lambda does at its concurrency limit. */
  maxWaiting: number;
}

/** A function: starts execution environments as events come, keeps them warm, replaces those that died. */
export class LambdaFunction {
  readonly name: string;
  readonly #options: LambdaFunctionOptions;
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #all = new Set<ExecutionEnvironment>();
  readonly #waiting: (() => void)[] = [];
  #size = 0;
  #closed = false;

  constructor(options: LambdaFunctionOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get environmentCount(): number {
    return this.#size;
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
      return invocation;
    } finally {
      if (environment.alive && !this.#closed) this.#idle.push(environment);
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#all].map((environment) => environment.close()));
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
    const { log, name, definition, platformEnv } = this.#options;
    this.#size += 1;
    const environment = await ExecutionEnvironment.start({
      name,
      definition,
      platformEnv,
      onLine: (line, stream) => log.record("aws", "lambda.output", { function: name, stream, line }),
    });
    this.#all.add(environment);
    environment.exited.then(() => {
      this.#all.delete(environment);
      this.#size -= 1;
      this.#waiting.shift()?.();
    });
    if (this.#closed) await environment.close();
    return environment;
  }
}
