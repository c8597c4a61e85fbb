import { GetParametersCommand } from "@aws-sdk/client-ssm";
import type { Aws } from "../../cli/aws.ts";
import { ask } from "../../cli/aws.ts";
import { parameterNames } from "../../deployment.ts";
import { type Check, ok, orOk, problem } from "../check.ts";
import type { Patient } from "../patient.ts";

/** GetParameters takes so many. */
const namesPerRequest = 10;

/** Those of the parameters that are not there, or empty. `names`: names or ARNs. */
export const missingParameters = async ({ ssm }: Aws, names: readonly string[]): Promise<string[]> => {
  const wanted = [...new Set(names)];
  const missing: string[] = [];
  for (let at = 0; at < wanted.length; at += namesPerRequest) {
    const Names = wanted.slice(at, at + namesPerRequest);
    const request = ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));
    const { Parameters = [] } = await ask("reading parameters", request);
    const filled = Parameters.filter(({ Value = "" }) => Value.trim() !== "");
    const known = new Set(filled.flatMap(({ Name = "", ARN = "" }) => [Name, ARN]));
    missing.push(...Names.filter((name) => !known.has(name)));
  }
  return missing;
};

const secretOf: Readonly<Record<string, string>> = {
  STREAM_API_KEY: "StreamApiKey",
  STREAM_API_SECRET: "StreamApiSecret",
  OPENAI_API_KEY: "OpenAiApiKey",
};

/** Account, deployment, keys: without them nothing else can be looked at. */
export const awsChecks = ({ stage, identity, deployment, keys }: Patient): Check[] => [
  {
    id: "aws-credentials",
    title: "AWS credentials",
    run: async () => {
      const { account, arn } = await identity();
      return ok(`account ${account}, ${arn}`);
    },
  },
  {
    id: "deployment",
    title: "Deployment",
    run: async () => {
      const { agentsUrl, region } = await deployment();
      return ok(`stage ${stage} in ${region}: ${agentsUrl}`);
    },
  },
  {
    id: "parameters",
    title: "Keys in SSM",
    run: async () => {
      const found = await keys();
      const findings = Object.entries(parameterNames(stage)).flatMap(([variable, name]) => {
        if (found[variable as keyof typeof found] !== undefined) return [];
        const secret = secretOf[variable];
        const mend =
          secret === undefined
            ? "make a new one: npm run agents -- env --rotate"
            : `npx sst secret set ${secret} <value> --stage ${stage}, then npx sst deploy --stage ${stage}`;
        return [problem(`the parameter ${name} is missing or empty`, mend)];
      });
      return orOk(findings, `${Object.keys(parameterNames(stage)).length} parameters, none of them empty`);
    },
  },
];
