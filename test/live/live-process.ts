import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { createCertificates } from "../cloud/certificate.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type OpenAiCloud, startOpenAiCloud } from "../cloud/openai/index.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Stream and OpenAI, as far as `npm start -- --live` knows: two servers somewhere, and the keys to them. */
export interface Elsewhere {
  log: EventLog;
  stream: StreamCloud;
  openai: OpenAiCloud;
  /** What a person would have in .env. */
  environment: Record<"STREAM_API_KEY" | "STREAM_API_SECRET" | "OPENAI_API_KEY", string> & Record<string, string>;
  /** For those who join calls. */
  info: { streamApiKey: string; streamApiSecret: string; streamServerBaseUrl: string };
  close(): Promise<void>;
}

export const startElsewhere = async (): Promise<Elsewhere> => {
  const log = new EventLog();
  const info = { streamApiKey: "their-key", streamApiSecret: "their-secret" };
  const openAiApiKey = "sk-theirs";
  const folder = await mkdtemp(path.join(os.tmpdir(), "live-"));
  const { caPem, certPem: cert, keyPem: key } = await createCertificates();
  const caFile = path.join(folder, "ca.pem");
  await writeFile(caFile, caPem);
  const stream = await startStreamCloud({ log, apiKey: info.streamApiKey, apiSecret: info.streamApiSecret });
  const openai = await startOpenAiCloud({ log, apiKey: openAiApiKey, tls: { key, cert } });
  return {
    log,
    stream,
    openai,
    environment: {
      STREAM_API_KEY: info.streamApiKey,
      STREAM_API_SECRET: info.streamApiSecret,
      OPENAI_API_KEY: openAiApiKey,
      STREAM_BASE_URL: stream.serverBaseUrl,
      OPENAI_BASE_URL: openai.baseUrl,
      NODE_EXTRA_CA_CERTS: caFile,
    },
    info: { ...info, streamServerBaseUrl: stream.serverBaseUrl },
    close: async () => {
      await openai.close();
      await stream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** One `npm start -- --live`, without npm. */
export class LiveProcess {
  output = "";
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>;

  constructor(environment: Record<string, string>, args: readonly string[] = []) {
    this.#child = spawn(process.execPath, ["test/cloud/start.ts", "--live", ...args], {
      cwd: root,
      env: { PATH: process.env.PATH ?? "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const pipe of [this.#child.stdout, this.#child.stderr]) {
      pipe?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        for (const check of [...this.#watchers]) check();
      });
    }
    this.exited = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** The first match in what it has printed or will. */
  async prints(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const check = () => {
      const found = pattern.exec(this.output);
      if (found) resolve(found);
    };
    this.#watchers.add(check);
    check();
    void this.exited.then((code) => reject(new Error(`it ended with ${code} before ${pattern}:\n${this.output}`)));
    try {
      return await withDeadline(promise, timeoutMs, `${pattern}`);
    } catch (cause) {
      throw new Error(`${pattern} was not printed:\n${this.output}`, { cause });
    } finally {
      this.#watchers.delete(check);
    }
  }

  /** As Ctrl-C does. Resolves with the exit code. */
  async interrupt(timeoutMs = 20_000): Promise<number | null> {
    this.#child.kill("SIGINT");
    return withDeadline(this.exited, timeoutMs, "ending after SIGINT");
  }

  /** If a test has failed, nothing of it stays. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    await withDeadline(this.exited, 20_000, "ending after SIGTERM").catch(() => this.#child.kill("SIGKILL"));
  }
}
