import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";

/** Index of the pairs that have a task, or will: the sweeper's list, and what the caps count. */
export const liveIndex = "live";

/** Keys, index and billing of the table, as CreateTable takes them; the deployment and the local cloud make it of this. */
export const callsTableSchema = {
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "S" },
    { AttributeName: "live", AttributeType: "S" },
    { AttributeName: "claimedAt", AttributeType: "N" },
  ],
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: liveIndex,
      KeySchema: [
        { AttributeName: "live", KeyType: "HASH" },
        { AttributeName: "claimedAt", KeyType: "RANGE" },
      ],
      // What changes seldom, and no more: with the whole pair in it, each heartbeat would be written twice.
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["state", "launchId"] },
    },
  ],
  BillingMode: "PAY_PER_REQUEST",
} satisfies Omit<CreateTableCommandInput, "TableName">;

/** The table's time to live attribute: DynamoDB deletes what is older (epoch in seconds). */
export const callsTableTtlAttribute = "expiresAt";
