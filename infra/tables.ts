import { callsTableSchema, callsTableTtlAttribute, liveIndex } from "../functions/dispatch/calls-table-schema.ts";
import { ticketsTableSchema } from "./build/tickets-table.ts";

type Fields = Record<string, "string" | "number" | "binary">;

const typeNames = { S: "string", N: "number", B: "binary" } as const;

const fieldsOf = (attributes: readonly { AttributeName: string; AttributeType: string }[]): Fields =>
  Object.fromEntries(
    attributes.map(({ AttributeName, AttributeType }) => [
      AttributeName,
      typeNames[AttributeType as keyof typeof typeNames],
    ]),
  );

const keysOf = (
  schema: readonly { AttributeName: string; KeyType: string }[],
): { hashKey: string; rangeKey?: string } => {
  const named = (type: string) => schema.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const rangeKey = named("RANGE");
  return { hashKey: named("HASH") ?? "", ...(rangeKey === undefined ? {} : { rangeKey }) };
};

/**
 * In production what is lost by a mistake can be had back from the last 35 days, and a mistake does not delete a table. Elsewhere
 * there is nothing of the kind: of a table that can be had back AWS keeps a backup for 35 days after `sst remove`.
 */
const common = () => {
  const isProduction = $app.stage === "production";
  return {
    deletionProtection: isProduction,
    transform: { table: { pointInTimeRecovery: { enabled: isProduction } } },
  };
};

/** For each call its agents, what they were told, and the records of their stays: DynamoDB forgets them by itself. */
export const createCallsTable = (): sst.aws.Dynamo =>
  new sst.aws.Dynamo("Calls", {
    ...common(),
    fields: fieldsOf(callsTableSchema.AttributeDefinitions),
    primaryIndex: keysOf(callsTableSchema.KeySchema),
    globalIndexes: Object.fromEntries(
      callsTableSchema.GlobalSecondaryIndexes.map(({ IndexName, KeySchema, Projection }) => [
        IndexName,
        { ...keysOf(KeySchema), projection: [...Projection.NonKeyAttributes] },
      ]),
    ),
    ttl: callsTableTtlAttribute,
  });

/** ARN of the index that the sweeper reads. */
export const liveIndexArn = (calls: sst.aws.Dynamo): $util.Output<string> =>
  $interpolate`${calls.arn}/index/${liveIndex}`;

/** In which the tool submit_support_ticket files its tickets. */
export const createTicketsTable = (): sst.aws.Dynamo =>
  new sst.aws.Dynamo("Tickets", {
    ...common(),
    fields: fieldsOf(ticketsTableSchema.AttributeDefinitions),
    primaryIndex: keysOf(ticketsTableSchema.KeySchema),
  });
