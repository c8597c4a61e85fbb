import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { answerCall } from "./data-sources.ts";
import type { Update } from "./update.ts";
import { plainProperties } from "./values.ts";

/** The part of Pulumi's runtime that is used here; the package is the one in SST's platform, which the program imports too. */
interface RegisterRequest {
  getParent(): string;
  getType(): string;
  getName(): string;
  getIgnorechangesList(): string[];
  getDependenciesList(): string[];
  getRetainondelete(): boolean;
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): unknown } | undefined;
}
type Done = (error: unknown, response?: unknown) => void;
interface MockMonitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: RegisterRequest, done: Done): Promise<void>;
  registerResourceOutputs(request: OutputsRequest, done: Done): void;
}
interface MockResourceArgs {
  inputs: unknown;
  custom?: boolean;
  id?: string;
}
interface PulumiRuntime {
  setAllConfig(config: Record<string, string>): void;
  setMocks(
    mocks: {
      newResource(args: MockResourceArgs): Promise<{ id: string | undefined; state: unknown }>;
      call(args: { token: string; inputs: Record<string, unknown> }): Record<string, unknown>;
    },
    project: string,
    stack: string,
  ): Promise<void>;
  getMonitor(): MockMonitor;
  runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>;
  waitForRPCs(): Promise<void>;
}
interface Pulumi {
  runtime: PulumiRuntime;
  output(value: unknown): { apply(told: (value: unknown) => void): void };
}

export interface ProgramOptions {
  /** The bundled program: `main` of Pulumi.yaml. */
  main: string;
  app: string;
  stage: string;
  config: Record<string, string>;
  update: Update;
}

/**
 * Runs the program to its end under Pulumi's mocks, so that what it registers goes to `update`. Rejects with what it throws.
 * Mocks tell of a resource without its options; those are read from the request itself.
 */
export const runProgram = async ({ main, app, stage, config, update }: ProgramOptions): Promise<void> => {
  const require = createRequire(path.join(path.dirname(main), "package.json"));
  const pulumi = require("@pulumi/pulumi") as Pulumi;
  const { runtime } = pulumi;
  const requests = new AsyncLocalStorage<RegisterRequest>();
  runtime.setAllConfig(config);
  await runtime.setMocks(
    {
      newResource: async ({ inputs, custom = false, id }) => {
        const request = requests.getStore();
        // Without a request it is one that exists already and is only looked up.
        if (request === undefined) return { id, state: inputs };
        const parent = request.getParent();
        const made = await update.register({
          urn: runtime.getMonitor().newUrn(parent, request.getType(), request.getName()),
          type: request.getType(),
          custom,
          ...(parent === "" ? {} : { parent }),
          dependencies: request.getDependenciesList(),
          inputs: await plainProperties(inputs),
          ignoreChanges: request.getIgnorechangesList(),
          retainOnDelete: request.getRetainondelete(),
        });
        return { id: made.id, state: { ...made.outputs } };
      },
      call: ({ token, inputs }) => ({ ...answerCall(token, inputs) }),
    },
    app,
    stage,
  );
  const monitor = runtime.getMonitor();
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) => requests.run(request, () => registerResource(request, done));
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  const outputsWritten: Promise<void>[] = [];
  const keepOutputs = async (urn: string, outputs: unknown): Promise<void> => {
    const known = update.resources.find((resource) => resource.urn === urn);
    if (known) known.outputs = { ...known.outputs, ...(await plainProperties(outputs)) };
  };
  monitor.registerResourceOutputs = (request, done) => {
    outputsWritten.push(keepOutputs(request.getUrn(), request.getOutputs()?.toJavaScript()));
    registerOutputs(request, done);
  };

  await runtime.runInPulumiStack(async () => (await import(pathToFileURL(main).href)).default);
  await runtime.waitForRPCs();
  await Promise.all(outputsWritten);
};
