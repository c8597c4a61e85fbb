import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { region } from "./arns.ts";

export interface LocalDynamoDb {
  /** What AWS_ENDPOINT_URL_DYNAMODB points to. */
  endpointUrl: string;
  /** For tests that look into a table. */
  client: DynamoDBClient;
  close(): Promise<void>;
}

/** DynamoDB in memory (dynalite), with these tables. */
export const startDynamoDb = async (tables: readonly CreateTableCommandInput[]): Promise<LocalDynamoDb> => {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new DynamoDBClient({
    endpoint: endpointUrl,
    region,
    credentials: { accessKeyId: "LOCAL", secretAccessKey: "local" },
  });
  const close = async () => {
    client.destroy();
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  try {
    for (const table of tables) await client.send(new CreateTableCommand(table));
  } catch (error) {
    await close();
    throw error;
  }
  return { endpointUrl, client, close };
};
