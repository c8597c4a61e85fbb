import { randomUUID } from "node:crypto";
import path from "node:path";
import { Hono } from "hono";
import { functionArn, region } from "./arns.ts";
import { Sandbox, type SandboxExit } from "./sandbox.ts";
import { type LoopbackServer, serveOnLoopback } from "./server.ts";

export interface FunctionDefinition {
  /** A file of JavaScript that exports `handler`; `handlerName` names another export. */
  bundleFile: string;
  handlerName?: string;
  env: Readonly<Record<string, string>>;
  timeoutMs: number;
  /** 512 unless told. */
  memoryMb?: number;
  /** Whose requests its requests to AWS are; "LOCALFUNCTION" unless told. */
  accessKeyId?: string;
  /** ARN of its role, for those who ask. */
  roleArn?: string;
  description?: string;
  /** "nodejs24.x" unless told; it runs on our own Node in any case. */
  runtime?: string;
  /** "arm64" unless told; it runs on our own processor in any case. */
  architecture?: "arm64" | "x86_64";
  /** Name; "/aws/lambda/" and the function's name unless told. */
  logGroup?: string;
}

export interface Invocation {
  /** JSON text. */
  payload: string;
  /** What X-Amz-Function-Error says; absent when the handler returned. */
  functionError?: "Unhandled";
  requestId: string;
  /** From the event handed to the runtime to its answer. */
  durationMs: number;
  /** From process start to ready, on the first invocation only. */
  initMs?: number;
}

export interface EnvironmentOptions {
  name: string;
  definition: FunctionDefinition;
  platformEnv: Readonly<Record<string, string>>;
  logGroup: string;
  logStream: string;
  onLine(line: string, stream: "stdout" | "stderr"): void;
}

interface Pending {
  id: string;
  payload: string;
  handedOver: (startMs: number) => void;
  settle: (outcome: { payload: string; failed: boolean }) => void;
}

/** Lambda gives a runtime this long to load the function. */
const initTimeoutMs = 10_000;

/** The largest payload of a synchronous answer. */
const maxPayloadBytes = 6 * 1024 * 1024;

const runtimeClient = path.join(import.meta.dirname, "runtime-client.mjs");

const failure = (errorType: string, errorMessage: string) => ({
  payload: JSON.stringify({ errorType, errorMessage }),
  failed: true,
});

/** One sandbox of a function: a process that takes one event at a time through the Runtime API. */
export class ExecutionEnvironment {
  /** Resolves when the process is gone. */
  readonly exited: Promise<SandboxExit>;
  readonly logStream: string;
  readonly #options: EnvironmentOptions;
  readonly #sandbox: Sandbox;
  readonly #startedMs = performance.now();
  #initMs: number | undefined;
  #initError: { payload: string; failed: boolean } | undefined;
  #pending: Pending | undefined;
  #waitingRuntime: (() => void) | undefined;
  #alive = true;

  static async start(options: EnvironmentOptions): Promise<ExecutionEnvironment> {
    const routes = new Hono();
    const server = await serveOnLoopback(routes);
    const environment = new ExecutionEnvironment(options, server);
    environment.#addRoutes(routes);
    return environment;
  }

  private constructor(options: EnvironmentOptions, server: LoopbackServer) {
    const { name, definition, platformEnv, logGroup, logStream, onLine } = options;
    this.#options = options;
    this.logStream = logStream;
    const { dir, name: module } = path.parse(definition.bundleFile);
    this.#sandbox = new Sandbox({
      command: [process.execPath, runtimeClient],
      cwd: dir,
      env: {
        LANG: "en_US.UTF-8",
        TZ: ":UTC",
        LAMBDA_TASK_ROOT: dir,
        _HANDLER: `${module}.${definition.handlerName ?? "handler"}`,
        AWS_LAMBDA_RUNTIME_API: server.host,
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb ?? 512),
        AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
        AWS_LAMBDA_LOG_STREAM_NAME: logStream,
        AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime ?? "nodejs24.x"}`,
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: definition.accessKeyId ?? "LOCALFUNCTION",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_SESSION_TOKEN: "local",
        ...platformEnv,
        ...definition.env,
      },
      onLine,
    });
    this.exited = this.#sandbox.exited.then(async (exit) => {
      this.#alive = false;
      const status = exit.error ? exit.error.message : `exit status ${exit.exitCode}`;
      this.#settle(this.#initError ?? failure("Runtime.ExitError", `Error: Runtime exited with error: ${status}`));
      await server.close();
      return exit;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get pid(): number | undefined {
    return this.#sandbox.pid;
  }

  /** Runs the handler on `payload` (JSON text). Never rejects; one at a time. */
  async invoke(payload: string): Promise<Invocation> {
    const { timeoutMs } = this.#options.definition;
    const requestId = randomUUID();
    const firstInvocation = this.#initMs === undefined;
    const { promise, resolve } = Promise.withResolvers<{ payload: string; failed: boolean }>();
    let startMs = performance.now();
    const timeOut = (afterMs: number) => {
      const seconds = (afterMs / 1000).toFixed(2);
      this.#settle(
        failure("Sandbox.Timedout", `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`),
      );
      this.#alive = false;
      this.#sandbox.kill();
    };
    let timer = setTimeout(timeOut, initTimeoutMs, initTimeoutMs);
    this.#pending = {
      id: requestId,
      payload,
      settle: resolve,
      handedOver: (handedOverMs) => {
        startMs = handedOverMs;
        clearTimeout(timer);
        timer = setTimeout(timeOut, timeoutMs, timeoutMs);
      },
    };
    if (!this.#alive)
      this.#settle(failure("Runtime.ExitError", "Error: Runtime exited before the event was handed over"));
    this.#waitingRuntime?.();
    const { payload: answer, failed } = await promise;
    clearTimeout(timer);
    return {
      payload: answer,
      requestId,
      durationMs: performance.now() - startMs,
      ...(failed ? { functionError: "Unhandled" as const } : {}),
      ...(firstInvocation && this.#initMs !== undefined ? { initMs: this.#initMs } : {}),
    };
  }

  async close(): Promise<void> {
    this.#sandbox.kill();
    await this.exited;
  }

  #settle(outcome: { payload: string; failed: boolean }): void {
    this.#pending?.settle(outcome);
    this.#pending = undefined;
  }

  #addRoutes(routes: Hono): void {
    routes.get("/2018-06-01/runtime/invocation/next", async (c) => {
      this.#initMs ??= performance.now() - this.#startedMs;
      if (this.#pending === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waitingRuntime = resolve;
        await promise;
        this.#waitingRuntime = undefined;
      }
      const pending = this.#pending;
      if (pending === undefined) return c.body(null, 500);
      pending.handedOver(performance.now());
      return c.body(pending.payload, 200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": pending.id,
        "lambda-runtime-deadline-ms": String(Date.now() + this.#options.definition.timeoutMs),
        "lambda-runtime-invoked-function-arn": functionArn(this.#options.name),
        "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000;Sampled=0",
      });
    });
    routes.post("/2018-06-01/runtime/invocation/:id/:outcome{response|error}", async (c) => {
      const payload = await c.req.text();
      if (this.#pending?.id !== c.req.param("id")) return c.json({ errorType: "InvalidRequestID" }, 400);
      if (Buffer.byteLength(payload) > maxPayloadBytes) {
        this.#settle(
          failure(
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
          ),
        );
      } else {
        this.#settle({ payload, failed: c.req.param("outcome") === "error" });
      }
      return c.json({ status: "OK" }, 202);
    });
    routes.post("/2018-06-01/runtime/init/error", async (c) => {
      this.#initError = { payload: await c.req.text(), failed: true };
      return c.json({ status: "OK" }, 202);
    });
  }
}
