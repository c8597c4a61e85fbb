import { CreateTableCommand, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { handler } from "../../functions/tools/submit-support-ticket.ts";
import { ticketsTableSchema } from "../../infra/build/tickets-table.ts";
import { type LocalDynamoDb, startDynamoDb } from "../cloud/aws/dynamodb.ts";
import { requestOf } from "./tool-request.ts";

let dynamoDb: LocalDynamoDb;
let table: string;
let tableCount = 0;

beforeAll(async () => {
  dynamoDb = await startDynamoDb([]);
  vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", dynamoDb.endpointUrl);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "LOCAL");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await dynamoDb?.close();
});

const useNewTable = async () => {
  tableCount += 1;
  table = `tickets-${tableCount}`;
  await dynamoDb.client.send(new CreateTableCommand({ ...ticketsTableSchema, TableName: table }));
  vi.stubEnv("TICKETS_TABLE", table);
};

beforeEach(useNewTable);

const details = { customer_name: "Ann Lee", email: "ann@example.com", issue: "The door does not open." };

const submit = async (idempotencyKey: string): Promise<string> => {
  const result = await handler(requestOf("submit_support_ticket", details, { idempotencyKey }));
  const { success, ticket_id } = result as { success: unknown; ticket_id: string };
  expect(success).toBe(true);
  return ticket_id;
};

const stored = async () => (await dynamoDb.client.send(new ScanCommand({ TableName: table }))).Items ?? [];

test("files the ticket with what the customer said and the call it came from, and answers eight digits", async () => {
  const ticketId = await submit("default:demo:call_1");
  expect(ticketId).toMatch(/^\d{8}$/);
  expect(await stored()).toEqual([
    {
      ticketId: { S: ticketId },
      idempotencyKey: { S: "default:demo:call_1" },
      customerName: { S: "Ann Lee" },
      email: { S: "ann@example.com" },
      issue: { S: "The door does not open." },
      callCid: { S: "default:demo" },
      agentUserId: { S: "lucy" },
      createdAt: { S: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
    },
  ]);
});

test("the same call of the model's, tried again and at once, has one ticket; another call has another", async () => {
  const first = await submit("default:demo:call_1");
  const again = await Promise.all([1, 2, 3].map(() => submit("default:demo:call_1")));
  expect(again).toEqual([first, first, first]);
  expect(await submit("default:demo:call_2")).not.toBe(first);
  expect(await stored()).toHaveLength(2);
});

test("a number that another ticket has is not given twice, and a retry still finds its own", async () => {
  const taken = await submit("default:demo:call_1");
  await useNewTable();
  const other = { ticketId: { S: taken }, idempotencyKey: { S: "somebody else's" } };
  await dynamoDb.client.send(new PutItemCommand({ TableName: table, Item: other }));
  const mine = await submit("default:demo:call_1");
  expect(mine).not.toBe(taken);
  expect(await submit("default:demo:call_1")).toBe(mine);
  expect(await stored()).toHaveLength(2);
});

test.each([
  [{ ...details, email: "ann at example dot com" }, /email: is no email address/],
  [{ ...details, issue: "   " }, /issue: /],
  [{ customer_name: "Ann Lee" }, /email: .+ issue: /],
])("%o is refused with the field's name, and nothing is filed", async (args, problem) => {
  await expect(handler(requestOf("submit_support_ticket", args))).rejects.toThrow(problem);
  expect(await stored()).toEqual([]);
});

test("a table that is not there is no story for the customer", async () => {
  vi.stubEnv("TICKETS_TABLE", "no-such-table");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const filing = handler(requestOf("submit_support_ticket", details));
  await expect(filing).rejects.toThrow(/^submit_support_ticket could not do its work/);
  vi.restoreAllMocks();
});

test("a function without its table says so", async () => {
  vi.stubEnv("TICKETS_TABLE", "");
  await expect(handler(requestOf("submit_support_ticket", details))).rejects.toThrow("TICKETS_TABLE is not set");
});
