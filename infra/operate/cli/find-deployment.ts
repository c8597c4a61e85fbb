import { GetParameterCommand, GetParametersByPathCommand, GetParametersCommand } from "@aws-sdk/client-ssm";
import { appName, type Deployment, deploymentParameter, parameterNames } from "../deployment.ts";
import { type Aws, ask } from "./aws.ts";
import { nameOf } from "./aws-failure.ts";
import { CommandError, exitCodes } from "./failure.ts";

/** All that a command here reads; an older deployment may lack one. */
const needed = [
  "stage",
  "agentsUrl",
  "streamWebhook",
  "calls",
  "callTypes",
  "callsTable",
  "cluster",
  "taskDefinition",
  "capacity",
  "taskVcpu",
  "callsAtOnce",
  "logGroups",
  "functions",
  "agentUsers",
] as const satisfies (keyof Deployment)[];

/** Reads what `deploymentParameter` holds. Throws CommandError. */
export const parseDeployment = (stage: string, json: string): Deployment => {
  const unreadable = (why: string, cause?: unknown) =>
    new CommandError(
      exitCodes.failed,
      `the deployment "${stage}" cannot be read: ${why}. It was made by another version of this project: deploy again (npx sst deploy --stage ${stage})`,
      cause,
    );
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw unreadable("it is no JSON", cause);
  }
  const found = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const missing = needed.filter((name) => found[name] === undefined);
  if (missing.length > 0) throw unreadable(`it does not say ${missing.join(", ")}`);
  return value as Deployment;
};

/** Names of the stages in this account and region. Empty also where they may not be listed: it is only a help. */
const listStages = async ({ ssm }: Aws): Promise<string[]> => {
  const stages: string[] = [];
  let NextToken: string | undefined;
  try {
    do {
      const command = new GetParametersByPathCommand({ Path: `/${appName}`, Recursive: true, NextToken });
      const page = await ask("listing the stages", ssm.send(command));
      for (const { Name = "" } of page.Parameters ?? []) {
        const [, app, stage, last] = Name.split("/");
        if (app === appName && stage !== undefined && last === "Deployment") stages.push(stage);
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined && stages.length < 100);
  } catch {
    return stages; // Who may read one parameter need not be allowed to list them.
  }
  return stages;
};

/** What was deployed as this stage. Rejects with CommandError. */
export const findDeployment = async (aws: Aws, stage: string): Promise<Deployment> => {
  const request = aws.ssm.send(new GetParameterCommand({ Name: deploymentParameter(stage) }));
  const found = await ask(
    "reading the deployment",
    request.catch((error: unknown) => {
      if (nameOf(error) === "ParameterNotFound") return undefined;
      throw error;
    }),
  );
  const json = found?.Parameter?.Value;
  if (json !== undefined) return parseDeployment(stage, json);
  const stages = await listStages(aws);
  const region = await aws.ssm.config.region();
  const others = stages.length === 0 ? "none is known there" : `there are: ${stages.toSorted().join(", ")}`;
  throw new CommandError(
    exitCodes.notDeployed,
    `nothing is deployed as stage "${stage}" in ${region} (${others}): name another with --stage, look into another account or region (AWS_PROFILE, AWS_REGION), or deploy it: npx sst deploy --stage ${stage}`,
  );
};

export type ParameterName = keyof ReturnType<typeof parameterNames>;

/** Values of the stage's secrets, decrypted; what is missing or empty is left out. Rejects with CommandError. */
export const readParameters = async (
  { ssm }: Aws,
  stage: string,
  wanted: readonly ParameterName[],
): Promise<Partial<Record<ParameterName, string>>> => {
  const names = parameterNames(stage);
  const command = new GetParametersCommand({ Names: wanted.map((one) => names[one]), WithDecryption: true });
  const { Parameters = [] } = await ask("reading the keys", ssm.send(command));
  const values = new Map(Parameters.map(({ Name, Value }) => [Name, Value?.trim() ?? ""]));
  return Object.fromEntries(wanted.flatMap((one) => (values.get(names[one]) ? [[one, values.get(names[one])]] : [])));
};
