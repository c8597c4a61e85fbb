import { randomUUID } from "node:crypto";
import path from "node:path";
import { accountId, functionArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import type { FunctionDefinition } from "./execution-environment.ts";
import { isJson, type Json, optionalText } from "./json.ts";
import type { LambdaFunction } from "./lambda-function.ts";

export type UpdateStatus = "Successful" | "InProgress";

/** A function as GetFunctionConfiguration tells it. */
export const describeFunction = (called: LambdaFunction, updateStatus: UpdateStatus = "Successful"): Json => {
  const { definition, name } = called;
  const { runtime = "nodejs24.x", architecture = "arm64", memoryMb = 512, handlerName = "handler" } = definition;
  return {
    FunctionName: name,
    FunctionArn: functionArn(name),
    Runtime: runtime,
    Role: definition.roleArn ?? `arn:aws:iam::${accountId}:role/local`,
    Handler: `${path.parse(definition.bundleFile).name}.${handlerName}`,
    Description: definition.description ?? "",
    Timeout: Math.ceil(definition.timeoutMs / 1_000),
    MemorySize: memoryMb,
    LastModified: new Date(called.changedAtMs).toISOString().replace("Z", "+0000"),
    Version: "$LATEST",
    RevisionId: randomUUID(),
    PackageType: "Zip",
    Architectures: [architecture],
    Environment: { Variables: definition.env },
    State: "Active",
    LastUpdateStatus: updateStatus,
    LoggingConfig: { LogFormat: "JSON", LogGroup: called.logGroup },
  };
};

const numberOf = (input: Json, name: string, least: number, most: number): number | undefined => {
  const value = input[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new AwsError("InvalidParameterValueException", `${name} must be a whole number from ${least} to ${most}`);
};

const variablesOf = ({ Environment }: Json): Record<string, string> | undefined => {
  if (!isJson(Environment)) return undefined;
  const { Variables = {} } = Environment;
  if (isJson(Variables) && Object.values(Variables).every((value) => typeof value === "string")) {
    return Variables as Record<string, string>;
  }
  throw new AwsError("InvalidParameterValueException", "Environment.Variables must be an object of strings");
};

/** A definition with the changes of an UpdateFunctionConfiguration: the environment is replaced as a whole. */
export const updatedDefinition = (definition: FunctionDefinition, input: Json): FunctionDefinition => {
  const description = optionalText(input, "Description");
  const timeoutSeconds = numberOf(input, "Timeout", 1, 900);
  const memoryMb = numberOf(input, "MemorySize", 128, 10_240);
  const env = variablesOf(input);
  return {
    ...definition,
    ...(description === undefined ? {} : { description }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1_000 }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(env === undefined ? {} : { env }),
  };
};
