// Evaluates one project in one process, because Pulumi's runtime is global: node evaluate.ts REQUEST
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { inspect } from "node:util";
import { loadProgram, readApp } from "./program.ts";
import type { Answer, Evaluation, EvaluationRequest, Fields, Resource, Value } from "./request.ts";
import { startRpcServer } from "./rpc-server.ts";
import { answerTo, stateOf } from "./stand-ins.ts";

/** The part of @pulumi/pulumi that is used here. It is the platform's copy, the one that the components import. */
interface Pulumi {
  output: (value: unknown) => { apply: (take: (value: Fields) => void) => void };
  runtime: {
    setMocks: (mocks: Mocks, project: string, stack: string, preview: boolean) => Promise<void>;
    runInPulumiStack: (run: () => Promise<unknown>) => Promise<unknown>;
    registerStackTransformation: (transformation: (made: Made) => undefined) => void;
  };
}

interface Mocks {
  newResource: (made: { type: string; name: string; inputs: Fields; id?: string }) => { id: string; state: Fields };
  call: (question: { token: string; inputs: Fields }) => Fields;
}

interface Made {
  type: string;
  name: string;
  opts: Partial<Omit<Resource["options"], "dependsOn">> & { dependsOn?: unknown };
}

/** Of what may be one resource or many; where only Pulumi will know, nothing. */
const namesOf = (resources: unknown): string[] =>
  [resources].flat().flatMap((resource) => {
    const { __name: name } = (resource ?? {}) as { __name?: unknown };
    return typeof name === "string" ? [name] : [];
  });

const optionsOf = (given: Made["opts"]): Resource["options"] => ({
  retainOnDelete: given.retainOnDelete ?? false,
  protect: given.protect ?? false,
  deleteBeforeReplace: given.deleteBeforeReplace ?? false,
  ignoreChanges: given.ignoreChanges ?? [],
  dependsOn: namesOf(given.dependsOn),
});

/** How Pulumi marks a secret. */
const secretMark = "4dabf18193072939515e22adb298388d";

const plain = (value: Value, at: string, secretPaths: string[]): Value => {
  if (Array.isArray(value)) return value.map((each, index) => plain(each, `${at}[${index}]`, secretPaths));
  if (typeof value !== "object" || value === null) return value;
  if (secretMark in value && "value" in value) {
    secretPaths.push(at);
    return plain(value.value, at, secretPaths);
  }
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each, at ? `${at}.${key}` : key, secretPaths)]));
};

const unwrapped = (inputs: Fields): { inputs: Fields; secretPaths: string[] } => {
  const secretPaths: string[] = [];
  return { inputs: plain(inputs, "", secretPaths) as Fields, secretPaths };
};

/** Begins the evaluation, which is complete once the process has nothing left to do. */
const evaluate = async (request: EvaluationRequest): Promise<Evaluation> => {
  const app = await readApp(request);
  const require = createRequire(path.join(request.project, ".sst", "platform", "package.json"));
  const pulumi: Pulumi = require("@pulumi/pulumi");
  const { runtime } = pulumi;
  const resources: Resource[] = [];
  const options = new Map<string, Resource["options"]>();
  const key = ({ type, name }: { type: string; name: string }): string => `${type} ${name}`;
  const server = await startRpcServer(request.project);
  process.env.SST_SERVER = server.url;
  await runtime.setMocks(
    {
      newResource: ({ type, name, id, inputs }) => {
        const known = unwrapped(inputs);
        const given = options.get(key({ type, name })) ?? optionsOf({});
        resources.push({ type, name, ...known, options: given });
        return { id: id || `${name}-id`, state: stateOf(type, name, inputs) };
      },
      call: ({ token, inputs }) => {
        const answer = answerTo(token, inputs);
        if (answer) return answer;
        throw new Error(`The components ask AWS ${token}, to which stand-ins.ts has no answer`);
      },
    },
    app.name,
    request.stage,
    false,
  );
  // After SST's own transformations, so that what they decide is seen.
  const noteOptions = (): void =>
    runtime.registerStackTransformation((made) => {
      options.set(key(made), optionsOf(made.opts));
    });
  Object.assign(globalThis, { __noteOptions: noteOptions });
  const program = await loadProgram(request, app, { rpcUrl: server.url, onStart: "globalThis.__noteOptions()" });
  const returned = await runtime.runInPulumiStack(() => program.default());
  const evaluation: Evaluation = { app, resources, builds: server.builds, outputs: {} };
  pulumi.output(returned).apply((outputs) => {
    evaluation.outputs = unwrapped(outputs).inputs;
  });
  return evaluation;
};

const request: EvaluationRequest = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));

const end = (answer: Answer): never => {
  writeFileSync(request.answerFile, JSON.stringify(answer));
  process.exit(0);
};
const fail = (error: unknown): never => end({ error: error instanceof Error ? error.message : inspect(error) });

// A secret that is missing rejects an output that nobody waits for.
process.on("unhandledRejection", fail);
process.on("uncaughtException", fail);
const evaluation = await evaluate(request).catch(fail);
process.once("beforeExit", () => end({ evaluation }));
