import { createHash } from "node:crypto";
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { BridgeError, InvalidInputError } from "../../bridge-task/errors.ts";
import { defineTool, type ToolCallContext, toolHandler } from "./define-tool.ts";

export const definition = defineTool({
  name: "submit_support_ticket",
  description:
    "Creates a support ticket in the customer service system and answers its number. Ask for name, email and issue first, and read the email back to the customer.",
  input: z.object({
    customer_name: z.string().trim().min(1).max(200).describe("Customer name"),
    email: z.email("is no email address, such as ann@example.com").max(320).describe("Customer email"),
    issue: z.string().trim().min(1).max(4_000).describe("Issue description, in the customer's words"),
  }),
  timeout: "10 seconds",
  speaking: "One moment, I am filing your ticket.",
});

type Ticket = z.output<typeof definition.input>;

interface StoredTicket {
  ticketId: string;
  idempotencyKey: string;
  customerName: string;
  email: string;
  issue: string;
  callCid: string;
  agentUserId: string;
  createdAt: string;
}

/** Two tries of 2 s: whoever waits for it is in a conversation. */
const dynamoDb = new DynamoDBClient({
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
});

/** Numbers that are tried before giving up: with a million tickets, one in a hundred finds its first number taken. */
const candidateCount = 5;

/** Eight digits, which can be said. The same for the same key, so that a retry finds the ticket of the first try. */
const ticketIdOf = (idempotencyKey: string, candidate: number): string => {
  const digest = createHash("sha256").update(`${idempotencyKey}\0${candidate}`).digest();
  return String(digest.readUInt32BE() % 100_000_000).padStart(8, "0");
};

const tableName = (): string => {
  const name = process.env.TICKETS_TABLE;
  if (name) return name;
  throw new InvalidInputError("TICKETS_TABLE is not set: give the function the name of the tickets table");
};

const ticketOf = (
  ticketId: string,
  ticket: Ticket,
  { call, agent, idempotencyKey }: ToolCallContext,
): StoredTicket => ({
  ticketId,
  idempotencyKey,
  customerName: ticket.customer_name,
  email: ticket.email,
  issue: ticket.issue,
  callCid: call.cid,
  agentUserId: agent.userId,
  createdAt: new Date().toISOString(),
});

/** True when the ticket is there, from now or from an earlier try; false when the number is another ticket's. */
const put = async (ticket: StoredTicket, TableName: string, abortSignal: AbortSignal): Promise<boolean> => {
  const Item = Object.fromEntries(Object.entries(ticket).map(([name, value]) => [name, { S: value }]));
  try {
    const ConditionExpression = "attribute_not_exists(ticketId)";
    await dynamoDb.send(new PutItemCommand({ TableName, Item, ConditionExpression }), { abortSignal });
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
  const Key = { ticketId: { S: ticket.ticketId } };
  const { Item: there } = await dynamoDb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }), {
    abortSignal,
  });
  return there?.idempotencyKey?.S === ticket.idempotencyKey;
};

export const handler = toolHandler(definition, async (ticket, context) => {
  const table = tableName();
  for (let candidate = 0; candidate < candidateCount; candidate += 1) {
    const ticketId = ticketIdOf(context.idempotencyKey, candidate);
    if (await put(ticketOf(ticketId, ticket, context), table, context.signal))
      return { success: true, ticket_id: ticketId };
  }
  throw new BridgeError("no_ticket_number", "No free ticket number was found: try again.", { retryable: true });
});
