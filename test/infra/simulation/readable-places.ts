import { readFile } from "node:fs/promises";
import path from "node:path";
import { DescribeTaskDefinitionCommand, ECSClient } from "@aws-sdk/client-ecs";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { region } from "../../cloud/aws/index.ts";
import { deployerAccessKeyId, type Simulation } from "./simulation.ts";

/** Functions' environments and the task definition, as they are described to whoever may look. */
const configurations = async ({ aws, deployment }: Simulation, stage: string): Promise<Record<string, string>> => {
  const credentials = { accessKeyId: deployerAccessKeyId, secretAccessKey: "local" };
  const options = { endpoint: aws.endpointUrl, region, credentials };
  const [lambda, ecs] = [new LambdaClient(options), new ECSClient(options)];
  try {
    const listed = (await (await aws.control.request("/functions")).json()) as { name: string }[];
    const ofFunctions = listed.map(async ({ name }) => {
      const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
      return [`environment of ${name}`, JSON.stringify(Environment)] as const;
    });
    const { taskDefinition } = await ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: deployment(stage).taskDefinition }),
    );
    const containers = JSON.stringify(taskDefinition?.containerDefinitions);
    return { ...Object.fromEntries(await Promise.all(ofFunctions)), "task definition": containers };
  } finally {
    lambda.destroy();
    ecs.destroy();
  }
};

const bundles = async ({ folder, provisioner }: Simulation): Promise<Record<string, string>> => {
  const functions = provisioner.resources().flatMap((resource) => {
    const [, component] = /^aws:lambda\/function:Function (.+)Function$/.exec(resource) ?? [];
    return component === undefined ? [] : [component];
  });
  const read = functions.map(async (component) => {
    const file = path.join(folder, ".sst", "artifacts", `${component}-src`, "bundle.mjs");
    return [`bundle of ${component}`, await readFile(file, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(read));
};

/** Where a secret could be read by somebody who may not read secrets: what it is called, and its text. */
export const readablePlaces = async (simulation: Simulation, stage: string): Promise<Record<string, string>> => {
  const { aws, log } = simulation;
  return {
    ...(await configurations(simulation, stage)),
    ...(await bundles(simulation)),
    "log groups": aws.logs
      .list()
      .flatMap(({ name }) => aws.logs.lines(name))
      .join("\n"),
    "overrides of tasks": JSON.stringify(log.since().filter(({ type }) => type === "task.pending")),
  };
};
