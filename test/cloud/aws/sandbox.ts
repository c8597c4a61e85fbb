import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { readLines } from "./lines.ts";

export interface SandboxOptions {
  command: readonly string[];
  /** All that the process gets, but for PATH, which is ours. */
  env: Readonly<Record<string, string>>;
  cwd?: string;
  onLine(line: string, stream: "stdout" | "stderr"): void;
}

export interface SandboxExit {
  /** The exit code, 128 + signal number after a signal, as a container runtime tells it; undefined if nothing could be started. */
  exitCode: number | undefined;
  /** Why nothing could be started. */
  error?: Error;
}

const outputAfterExitMs = 1_000;

/** If this process ends without having closed the cloud, its children must not stay. One listener for all of them. */
const running = new Set<Sandbox>();
process.on("exit", () => {
  for (const sandbox of running) sandbox.kill();
});

/**
 * A child process in place of a container: its own process group, an environment of its own, its output line by line.
 * When the first process ends, what it left behind ends too, as in a container.
 */
export class Sandbox {
  /** Resolves, and never rejects, when the process is gone and its output has been read. */
  readonly exited: Promise<SandboxExit>;
  readonly #child: ChildProcess;
  #gone = false;

  constructor({ command, env, cwd, onLine }: SandboxOptions) {
    const [file = "", ...args] = command;
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child = child;
    if (child.stdout) readLines(child.stdout, (line) => onLine(line, "stdout"));
    if (child.stderr) readLines(child.stderr, (line) => onLine(line, "stderr"));
    running.add(this);
    let pipeTimer: NodeJS.Timeout | undefined;
    const { promise, resolve } = Promise.withResolvers<SandboxExit>();
    child.once("error", (error) => child.pid === undefined && resolve({ exitCode: undefined, error }));
    child.once("exit", () => {
      this.#signalGroup("SIGKILL");
      // A grandchild that left the group may hold the pipes: what it writes later is nobody's.
      pipeTimer = setTimeout(() => [child.stdout, child.stderr].map((pipe) => pipe?.destroy()), outputAfterExitMs);
    });
    child.once("close", (code, signal) =>
      resolve({ exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0) }),
    );
    this.exited = promise.finally(() => {
      this.#gone = true;
      clearTimeout(pipeTimer);
      running.delete(this);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** SIGTERM to the first process alone, which is what ECS does. */
  terminate(): void {
    if (!this.#gone) this.#child.kill("SIGTERM");
  }

  /** SIGKILL to all of it. */
  kill(): void {
    this.#signalGroup("SIGKILL");
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#gone || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      // ESRCH: the group is empty, which is what was wanted.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}
