import { BridgeError } from "../../../bridge-task/errors.ts";
import type { AgentsApiError } from "../../../functions/api/client-error.ts";

/** What the process says to whoever started it; `--help` lists them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notDeployed: 3,
  notFound: 4,
  doctorFoundProblems: 5,
  stopped: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesText = `Exit codes:
  0    done
  1    failed, and stderr says what to do
  2    the command line cannot be used as it stands
  3    no such deployment, or no access to AWS
  4    no such agent, call or record
  5    doctor found problems
  130  stopped by Ctrl-C before it was done`;

/** A command that did not succeed. `message` says what happened and what to do. */
export class CommandError extends BridgeError {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super("command_failed", message, { cause });
    this.exitCode = exitCode;
  }
}

export const usageError = (message: string): CommandError => new CommandError(exitCodes.usage, message);

const exitCodeOfStatus: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.usage,
  404: exitCodes.notFound,
  422: exitCodes.usage,
};

/** What the deployment's HTTP API refused, as the end of a command. */
export const fromApi = (error: AgentsApiError): CommandError => {
  // AWS answers in the function's place.
  if (error.status === 413) {
    return new CommandError(exitCodes.usage, "the request is larger than AWS takes: shorten the texts", error);
  }
  const hint =
    error.status === 401 || error.status === 0 || error.code === "bad_answer"
      ? "\nTo find out more: npm run agents -- doctor"
      : "";
  return new CommandError(exitCodeOfStatus[error.status] ?? exitCodes.failed, `${error.message}${hint}`, error);
};
