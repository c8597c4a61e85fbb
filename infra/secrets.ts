import { InvalidInputError } from "../bridge-task/errors.ts";
import { appName, parameterNames, secretNameOf } from "./operate/deployment.ts";
import type { Statement } from "./policies.ts";

/** Variables of a process whose values stand in SSM, encrypted. Nothing of AWS but the process itself sees the values. */
export interface Secrets {
  /** Variable → ARN of its parameter, as a container takes it. */
  arns(variables: readonly string[]): Record<string, $util.Output<string>>;
  /** The environment that tells a function where its variables are. */
  environment(variables: readonly string[]): Record<string, $util.Input<string>>;
  /** To read them. Parameters under AWS's own key need no right to decrypt beside it. */
  read(variables: readonly string[]): Statement[];
}

/** Letters and digits alone: it is pasted into files and headers. */
const apiKeyLength = 40;

/** Made by the first deploy; `npm run agents -- env --rotate` puts another in its place. */
const createApiKey = (): $util.Output<string> =>
  new random.RandomPassword("AgentsApiKeyValue", { length: apiKeyLength, special: false }).result;

/** Under which SST tells the program of a deploy what `sst secret set` was told. */
const isSet = (name: string): boolean => process.env[`SST_SECRET_${name}`] !== undefined;

/**
 * Throws InvalidInputError that names every secret that has no value. SST says so too, of one of them, when half of the stage is
 * there already.
 */
export const requireSecrets = (variables: readonly string[]): void => {
  const needed = variables.filter((variable) => variable !== "AGENTS_API_KEY").map(secretNameOf);
  const missing = [...new Set(needed)].filter((name) => !isSet(name));
  if (missing.length === 0) return;
  const commands = missing.map((name) => `npx sst secret set ${name} <value> --stage ${$app.stage}`);
  throw new InvalidInputError(`Nothing was changed: ${missing.join(", ")} must be set first.\n${commands.join("\n")}`);
};

/** Each variable's secret is made when it is first asked for: `sst secret set` has to name those that are used, and no others. */
export const createSecrets = (): Secrets => {
  const known: Readonly<Record<string, string>> = parameterNames($app.stage);
  const parameters = new Map<string, aws.ssm.Parameter>();

  const create = (name: string, path: string): aws.ssm.Parameter => {
    if (path === known.AGENTS_API_KEY) {
      const value = createApiKey();
      // A deploy leaves a key alone that was rotated since. All of it: whatever else of the parameter changed, AWS would be sent
      // the value along with it, and Pulumi knows the first one only.
      return new aws.ssm.Parameter(name, { name: path, type: "SecureString", value }, { ignoreChanges: ["*"] });
    }
    const { value } = new sst.Secret(name);
    return new aws.ssm.Parameter(`${name}Parameter`, { name: path, type: "SecureString", value });
  };

  const pathOf = (variable: string): string => known[variable] ?? `/${appName}/${$app.stage}/${secretNameOf(variable)}`;

  const parameterOf = (variable: string): aws.ssm.Parameter => {
    const name = secretNameOf(variable);
    const made = parameters.get(name) ?? create(name, pathOf(variable));
    parameters.set(name, made);
    return made;
  };

  return {
    arns: (variables) => Object.fromEntries(variables.map((variable) => [variable, parameterOf(variable).arn])),
    environment: (variables): Record<string, $util.Input<string>> => {
      if (variables.length === 0) return {};
      return {
        SSM_PARAMETERS: JSON.stringify(Object.fromEntries(variables.map((variable) => [variable, pathOf(variable)]))),
        // A function reads them once per process: with another environment it starts anew, and reads the new values.
        SSM_VERSIONS: $util
          .all(variables.map((variable) => parameterOf(variable).version))
          .apply((versions) => versions.join()),
      };
    },
    read: (variables) =>
      variables.length === 0
        ? []
        : [
            {
              actions: ["ssm:GetParameters"],
              resources: [...new Set(variables.map(parameterOf))].map(({ arn }) => arn),
            },
          ],
  };
};
