import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import { type Item, keyOf } from "./calls-items.ts";

/** A request has 1 s and three tries: the table answers in milliseconds, and the webhook has 4.5 s in all. */
export const dynamoDbClientConfig: DynamoDBClientConfig = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 1_000, throwOnRequestTimeout: true },
};

/** DynamoDB did not answer, or refused. */
export class TableError extends BridgeError {
  constructor(request: string, cause: unknown) {
    super("table_failed", `the calls table did not take ${request}: ${messageOf(cause)}`, { retryable: true, cause });
  }
}

/** Requests to one DynamoDB table, all reads consistent but those of an index. Rejections are TableErrors. */
export class ItemTable {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #options: { abortSignal?: AbortSignal };

  constructor(client: DynamoDBClient, tableName: string, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#tableName = tableName;
    this.#options = signal === undefined ? {} : { abortSignal: signal };
  }

  async get(cid: string, sk: string): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#tableName, Key: keyOf(cid, sk), ConsistentRead: true });
    return (await this.#named("a read", this.#client.send(command, this.#options))).Item;
  }

  /** False when the condition did not hold, and nothing was written. */
  put(item: Item, condition: Omit<PutItemCommandInput, "TableName" | "Item"> = {}): Promise<boolean> {
    const command = new PutItemCommand({ ...condition, TableName: this.#tableName, Item: item });
    return this.#written("an item", this.#client.send(command, this.#options));
  }

  /** False when the condition did not hold, and nothing was written. */
  update(cid: string, sk: string, update: Omit<UpdateItemCommandInput, "TableName" | "Key">): Promise<boolean> {
    const command = new UpdateItemCommand({ ...update, TableName: this.#tableName, Key: keyOf(cid, sk) });
    return this.#written("an update", this.#client.send(command, this.#options));
  }

  /** All pages; with `Limit` the first alone. */
  async query(input: Omit<QueryCommandInput, "TableName">): Promise<Item[]> {
    const items: Item[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const command = new QueryCommand({
        ConsistentRead: input.IndexName === undefined,
        ...input,
        TableName: this.#tableName,
        ExclusiveStartKey,
      });
      const page = await this.#named("a query", this.#client.send(command, this.#options));
      items.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined && input.Limit === undefined);
    return items;
  }

  async #written(what: string, request: Promise<unknown>): Promise<boolean> {
    try {
      await request;
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw new TableError(what, error);
    }
  }

  async #named<T>(what: string, request: Promise<T>): Promise<T> {
    try {
      return await request;
    } catch (error) {
      throw new TableError(what, error);
    }
  }
}
