import { parameterArn } from "./arns.ts";
import type { Need } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import { type Json, optionalText, textsOf } from "./json.ts";
import type { JsonService } from "./json-service.ts";
import { maxStandardBytes, type Parameter, type Parameters, type ParameterType, sealed } from "./parameters.ts";

/** GetParameters and DeleteParameters take so many names, and GetParametersByPath answers so many parameters. */
const maxNames = 10;

const describe = ({ name, arn, type, value, version, changedAtMs }: Parameter, isDecrypted: boolean): Json => ({
  Name: name,
  ARN: arn,
  Type: type,
  Value: type === "SecureString" && !isDecrypted ? sealed(value) : value,
  Version: version,
  LastModifiedDate: changedAtMs / 1000,
  DataType: "text",
});

const invalid = (message: string): AwsError => new AwsError("ValidationException", message);

const namesOf = (input: Json): string[] => {
  const names = textsOf(input.Names);
  const told = `1 validation error detected: Value '[${names.join(", ")}]' at 'names' failed to satisfy constraint: `;
  if (names.length === 0) throw invalid(`${told}Member must have length greater than or equal to 1`);
  if (names.length > maxNames) throw invalid(`${told}Member must have length less than or equal to ${maxNames}`);
  return names;
};

const notFound = (): AwsError => new AwsError("ParameterNotFound", "");

const typeOf = (input: Json, known: Parameter | undefined): ParameterType => {
  const type = optionalText(input, "Type") ?? known?.type;
  if (type === undefined) throw invalid("A parameter type is required when you create a parameter.");
  if (type === "String" || type === "SecureString") return type;
  throw invalid(`The local cloud has parameters of the types String and SecureString, not ${type}`);
};

const putParameter = (parameters: Parameters, input: Json): Json => {
  const name = optionalText(input, "Name") ?? "";
  const known = parameters.get(name);
  const type = typeOf(input, known);
  if (known !== undefined && input.Overwrite !== true) {
    throw new AwsError(
      "ParameterAlreadyExists",
      "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    );
  }
  const value = optionalText(input, "Value") ?? "";
  const tier = optionalText(input, "Tier") ?? "Standard";
  if (tier === "Standard" && Buffer.byteLength(value) > maxStandardBytes) {
    throw invalid(`Standard tier parameters support a maximum parameter value of ${maxStandardBytes} characters.`);
  }
  return { Version: parameters.put(name, value, type), Tier: tier };
};

const getByPath = (parameters: Parameters, input: Json): Json => {
  const path = optionalText(input, "Path") ?? "";
  if (!path.startsWith("/")) throw invalid("The parameter path must begin with a slash.");
  const maxResults = input.MaxResults ?? maxNames;
  if (typeof maxResults !== "number" || maxResults < 1 || maxResults > maxNames) {
    throw invalid(`MaxResults must be from 1 to ${maxNames}.`);
  }
  const folder = path.endsWith("/") ? path : `${path}/`;
  const found = parameters.list().filter(({ name }) => {
    const rest = name.startsWith(folder) ? name.slice(folder.length) : "";
    return rest !== "" && (input.Recursive === true || !rest.includes("/"));
  });
  const first = Number(input.NextToken ?? 0);
  const next = first + maxResults;
  return {
    Parameters: found.slice(first, next).map((one) => describe(one, input.WithDecryption === true)),
    ...(next < found.length ? { NextToken: String(next) } : {}),
  };
};

const need = (action: string, nameOrArn: string): Need => ({
  action: `ssm:${action}`,
  resource: nameOrArn.startsWith("arn:") ? nameOrArn : parameterArn(nameOrArn),
});

/** Of requests that name one parameter, or a path, in one member. */
const needsOf = (action: string, member: "Name" | "Path") => (input: Json) => [need(action, String(input[member]))];

/** SSM's parameters as SDKs speak to them: types String and SecureString, no labels, no older versions. */
export const createSsmApi = (parameters: Parameters): JsonService => ({
  target: "AmazonSSM",
  actions: {
    GetParameter: {
      needs: needsOf("GetParameter", "Name"),
      perform: (input) => {
        const found = parameters.get(optionalText(input, "Name") ?? "");
        if (found === undefined) throw notFound();
        return { Parameter: describe(found, input.WithDecryption === true) };
      },
    },
    GetParameters: {
      needs: (input) => textsOf(input.Names).map((name) => need("GetParameters", name)),
      perform: (input) => {
        const found = namesOf(input).map((name) => ({ name, parameter: parameters.get(name) }));
        return {
          Parameters: found.flatMap(({ parameter }) =>
            parameter === undefined ? [] : describe(parameter, input.WithDecryption === true),
          ),
          InvalidParameters: found.flatMap(({ name, parameter }) => (parameter === undefined ? name : [])),
        };
      },
    },
    GetParametersByPath: {
      needs: needsOf("GetParametersByPath", "Path"),
      perform: (input) => getByPath(parameters, input),
    },
    PutParameter: { needs: needsOf("PutParameter", "Name"), perform: (input) => putParameter(parameters, input) },
    DeleteParameter: {
      needs: needsOf("DeleteParameter", "Name"),
      perform: (input) => {
        if (!parameters.delete(String(input.Name))) throw notFound();
        return {};
      },
    },
    DeleteParameters: {
      needs: (input) => textsOf(input.Names).map((name) => need("DeleteParameters", name)),
      perform: (input) => {
        const names = namesOf(input).map((name) => ({ name, wasThere: parameters.delete(name) }));
        return {
          DeletedParameters: names.flatMap(({ name, wasThere }) => (wasThere ? name : [])),
          InvalidParameters: names.flatMap(({ name, wasThere }) => (wasThere ? [] : name)),
        };
      },
    },
  },
});
