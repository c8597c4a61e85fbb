import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";

/** Keys and billing of the table in which `submit_support_ticket` files its tickets; TICKETS_TABLE tells it the name. */
export const ticketsTableSchema = {
  AttributeDefinitions: [{ AttributeName: "ticketId", AttributeType: "S" }],
  KeySchema: [{ AttributeName: "ticketId", KeyType: "HASH" }],
  BillingMode: "PAY_PER_REQUEST",
} satisfies Omit<CreateTableCommandInput, "TableName">;
