import type { AttributeDefinition, CreateTableCommandInput, KeySchemaElement } from "@aws-sdk/client-dynamodb";
import { logGroupArn, parameterArn, tableArn } from "../../aws/arns.ts";
import type { AwsCloud } from "../../aws/index.ts";
import type { Properties } from "../protocol.ts";
import { type Handlers, listOf, physicalName, textOf, type Wanted } from "./handler.ts";

const keysOf = ({ hashKey, rangeKey }: Properties): KeySchemaElement[] => [
  { AttributeName: String(hashKey), KeyType: "HASH" },
  ...(typeof rangeKey === "string" ? [{ AttributeName: rangeKey, KeyType: "RANGE" as const }] : []),
];

const tableOf = (name: string, inputs: Properties): CreateTableCommandInput => {
  const indexes = listOf(inputs, "globalSecondaryIndexes");
  return {
    TableName: name,
    AttributeDefinitions: listOf(inputs, "attributes").map(
      (attribute): AttributeDefinition => ({
        AttributeName: textOf(attribute, "name"),
        AttributeType: textOf(attribute, "type") as "S" | "N" | "B",
      }),
    ),
    KeySchema: keysOf(inputs),
    BillingMode: "PAY_PER_REQUEST",
    ...(indexes.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: indexes.map((index) => ({
            IndexName: textOf(index, "name"),
            KeySchema: keysOf(index),
            Projection: { ProjectionType: (index.projectionType ?? "ALL") as "ALL" | "KEYS_ONLY" },
          })),
        }),
  };
};

/** Tables, parameters and log groups. */
export const storageHandlers = (aws: AwsCloud): Handlers => {
  const put = ({ inputs }: Wanted) => {
    const [name, type] = [textOf(inputs, "name"), textOf(inputs, "type")];
    if (type !== "String" && type !== "SecureString")
      throw new Error(`a parameter of the type ${type} is not known here`);
    const version = aws.parameters.put(name, textOf(inputs, "value"), type);
    return { id: name, outputs: { arn: parameterArn(name), version } };
  };
  return {
    "aws:dynamodb/table:Table": {
      replaceOn: ["name", "hashKey", "rangeKey"],
      create: async (wanted) => {
        const name = physicalName(wanted);
        await aws.createTable(tableOf(name, wanted.inputs));
        return { id: name, outputs: { name, arn: tableArn(name), streamArn: "" } };
      },
      // Recovery and expiry are switched on and off; the stand-in has neither.
      update: (_, { id, outputs }) => ({ id, outputs: { arn: outputs.arn, name: outputs.name } }),
      delete: ({ id }) => aws.deleteTable(id),
    },
    "aws:ssm/parameter:Parameter": {
      replaceOn: ["name"],
      create: (wanted) => {
        if (aws.parameters.get(textOf(wanted.inputs, "name")) !== undefined)
          throw new Error(`ParameterAlreadyExists: ${textOf(wanted.inputs, "name")}`);
        return put(wanted);
      },
      update: put,
      delete: ({ id }) => void aws.parameters.delete(id),
    },
    "aws:cloudwatch/logGroup:LogGroup": {
      replaceOn: ["name"],
      create: (wanted) => {
        const name = physicalName(wanted);
        const retentionInDays = wanted.inputs.retentionInDays;
        aws.logs.create(name, typeof retentionInDays === "number" ? { retentionInDays } : {});
        return { id: name, outputs: { name, arn: logGroupArn(name) } };
      },
      update: (_, { id }) => ({ id, outputs: { name: id, arn: logGroupArn(id) } }),
      delete: ({ id }) => void aws.logs.delete(id),
    },
  };
};
