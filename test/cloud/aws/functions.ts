import type { EventLog } from "../event-log.ts";
import { functionArn } from "./arns.ts";
import type { Guard } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import type { FunctionDefinition } from "./execution-environment.ts";
import { createFunctionUrl } from "./function-url.ts";
import { LambdaFunction } from "./lambda-function.ts";
import type { LogGroups } from "./log-groups.ts";
import { type LoopbackServer, serveOnLoopback } from "./server.ts";

export interface FunctionsOptions {
  log: EventLog;
  logs: LogGroups;
  guard: Guard;
  /** Added to each process's environment, read when it starts. */
  platformEnv(): Readonly<Record<string, string>>;
  maxEnvironments: number;
  maxWaiting: number;
}

/** Lambda's functions by name, and the URLs of those that have one. */
export class Functions {
  readonly #options: FunctionsOptions;
  readonly #byName = new Map<string, LambdaFunction>();
  readonly #urls = new Map<string, LoopbackServer>();

  constructor(options: FunctionsOptions) {
    this.#options = options;
  }

  /** Makes a function, or gives one another definition: its next event is for a new process. Returns its ARN. */
  put(name: string, definition: FunctionDefinition): string {
    const known = this.#byName.get(name);
    if (known) known.update(definition);
    else this.#byName.set(name, new LambdaFunction({ ...this.#options, name, definition }));
    return functionArn(name);
  }

  find(name: string): LambdaFunction | undefined {
    return this.#byName.get(name);
  }

  /** Throws for a name that is no function. */
  get(name: string): LambdaFunction {
    const found = this.#byName.get(name);
    if (!found) throw new Error(`there is no function "${name}", only ${[...this.#byName.keys()].join(", ")}`);
    return found;
  }

  list(): LambdaFunction[] {
    return [...this.#byName.values()];
  }

  async remove(name: string): Promise<void> {
    const found = this.#byName.get(name);
    this.#byName.delete(name);
    await this.removeUrl(name);
    await found?.close();
  }

  /** The URL, which ends in a slash; the one that is there if there is one. */
  async addUrl(name: string): Promise<string> {
    this.get(name);
    if (!this.#urls.has(name)) {
      const server = await serveOnLoopback(createFunctionUrl(() => this.#called(name)));
      this.#urls.set(name, server);
    }
    return this.url(name);
  }

  async removeUrl(name: string): Promise<void> {
    const server = this.#urls.get(name);
    this.#urls.delete(name);
    await server?.close();
  }

  findUrl(name: string): string | undefined {
    const server = this.#urls.get(name);
    return server && `${server.url}/`;
  }

  /** Throws for a function that has none. */
  url(name: string): string {
    const url = this.findUrl(name);
    if (url === undefined) {
      throw new Error(`there is no function "${name}" with a URL, only ${[...this.#urls.keys()].join(", ")}`);
    }
    return url;
  }

  async closeUrls(): Promise<void> {
    await Promise.all([...this.#urls.keys()].map((name) => this.removeUrl(name)));
  }

  /** Ends every process; the functions stay known, and answer that the cloud is closed. */
  async close(): Promise<void> {
    await Promise.all(this.list().map((called) => called.close()));
  }

  /** A function that was removed between two requests is a 502 at its URL. */
  #called(name: string): LambdaFunction {
    const found = this.#byName.get(name);
    if (!found)
      throw new AwsError("ResourceNotFoundException", `Function not found: ${functionArn(name)}`, { status: 404 });
    return found;
  }
}
