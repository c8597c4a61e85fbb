import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { region } from "./arns.ts";

export interface LocalDynamoDb {
  /** Straight to it. */
  endpointUrl: string;
  /** For tests that look into a table. */
  client: DynamoDBClient;
  /** Table → its attribute for the time to live, of those that have one. Nothing expires here. */
  timesToLive: Map<string, string>;
  createTable(input: CreateTableCommandInput, timeToLiveAttribute?: string): Promise<void>;
  deleteTable(name: string): Promise<void>;
  close(): Promise<void>;
}

/** DynamoDB in memory (dynalite), with these tables. */
export const startDynamoDb = async (tables: readonly CreateTableCommandInput[]): Promise<LocalDynamoDb> => {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const timesToLive = new Map<string, string>();
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
  const createTable = async (input: CreateTableCommandInput, timeToLiveAttribute?: string): Promise<void> => {
    await client.send(new CreateTableCommand(input));
    if (timeToLiveAttribute !== undefined) timesToLive.set(input.TableName ?? "", timeToLiveAttribute);
  };
  const deleteTable = async (name: string): Promise<void> => {
    await client.send(new DeleteTableCommand({ TableName: name }));
    timesToLive.delete(name);
  };
  try {
    for (const table of tables) await createTable(table);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpointUrl, client, timesToLive, createTable, deleteTable, close };
};
