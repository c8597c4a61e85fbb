import { InvalidInputError } from "../bridge-task/errors.ts";
import { getParameters } from "./parameters/get-parameters.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ParametersOptions {
  /** How long reading may take, in milliseconds; 3,000 unless told. */
  deadlineMs?: number;
}

/** Name of the variable that says which variable stands in which SSM parameter, as JSON. */
export const parametersVariable = "SSM_PARAMETERS";

/** GetParameters takes so many names at once. */
const namesPerRequest = 10;

const parameterNamesIn = (environment: Environment): [variable: string, parameter: string][] => {
  const json = environment[parametersVariable] ?? "";
  if (json === "") return [];
  let names: unknown;
  try {
    names = JSON.parse(json);
  } catch {
    // Said below: what is no JSON is no object of names either.
  }
  const entries =
    typeof names === "object" && names !== null && !Array.isArray(names) ? Object.entries(names) : [["", 0]];
  return entries.map(([variable, parameter]) => {
    if (typeof variable === "string" && typeof parameter === "string" && parameter !== "") return [variable, parameter];
    throw new InvalidInputError(
      `${parametersVariable} must be a JSON object of variables and the names of their parameters: deploy again`,
    );
  });
};

/** What the names say of the secret: /app/stage/Name, where Name is what `sst secret set` takes. */
const missingMessage = (missing: readonly [variable: string, parameter: string][]): string => {
  const named = missing.map(([variable, parameter]) => `${parameter} (for ${variable})`).join(", ");
  const secrets = missing.map(([, parameter]) => parameter.split("/").at(-1)).join(", ");
  const stage = missing[0]?.[1].split("/").at(-2) ?? "";
  return (
    `SSM has no parameter ${named}. Set each secret (${secrets}) with npx sst secret set NAME VALUE --stage ${stage}, ` +
    `then npx sst deploy --stage ${stage}; AgentsApiKey the deploy makes by itself`
  );
};

/**
 * The environment, with the variables filled in that stand in SSM. One that is set anyway wins, and nothing is read for it.
 * Rejects with InvalidInputError that names each parameter that is not there, with ParametersError when SSM refuses to tell
 * or does not answer in time. Nothing is kept: the next call reads again.
 */
export const withParameters = async (
  environment: Environment,
  { deadlineMs = 3_000 }: ParametersOptions = {},
): Promise<Environment> => {
  const wanted = parameterNamesIn(environment).filter(([variable]) => (environment[variable]?.trim() ?? "") === "");
  if (wanted.length === 0) return environment;
  const names = [...new Set(wanted.map(([, parameter]) => parameter))];
  const requests = Array.from({ length: Math.ceil(names.length / namesPerRequest) }, (_, index) =>
    names.slice(index * namesPerRequest, (index + 1) * namesPerRequest),
  );
  const signal = AbortSignal.timeout(deadlineMs);
  const found = await Promise.all(
    requests.map((request) => getParameters(request, { environment, signal, deadlineMs })),
  );
  const values = new Map(found.flatMap((some) => [...some]));
  const missing = wanted.filter(([, parameter]) => !values.has(parameter));
  if (missing.length > 0) throw new InvalidInputError(missingMessage(missing));
  return { ...environment, ...Object.fromEntries(wanted.map(([variable, name]) => [variable, values.get(name)])) };
};
