import { randomUUID } from "node:crypto";
import type { Job } from "../../bridge-task/job.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import { Claim, type ClaimOptions } from "../../bridge-task/task/claim.ts";
import { CallsTable, callsTableSchema } from "../../functions/dispatch/calls-table.ts";
import type { Input, Pair } from "../../functions/dispatch/protocol.ts";
import { type LocalDynamoDb, startDynamoDb } from "../cloud/aws/dynamodb.ts";

const tableName = "calls";

export const startTable = (): Promise<LocalDynamoDb> => startDynamoDb([{ ...callsTableSchema, TableName: tableName }]);

/** A pair of its own in a real table, seen from both of its ends. */
export class PairUnderTest {
  readonly job: Job = {
    version: 2,
    call: { type: "default", id: randomUUID() },
    agentUserId: "lucy",
    launchId: "launch-1",
  };
  readonly cid = `default:${this.job.call.id}`;
  readonly table: CallsTable;
  readonly claim: Claim;

  constructor({ client }: LocalDynamoDb, options: Partial<ClaimOptions> = {}) {
    this.table = new CallsTable({ client, tableName });
    this.claim = this.claimOf("launch-1", options);
  }

  /** The claim as the task of another launch has it. */
  claimOf(launchId: string, options: Partial<ClaimOptions> = {}): Claim {
    const { table } = this;
    return new Claim({
      table,
      job: { ...this.job, launchId },
      logger: silentLogger,
      confirmIntervalMs: 10,
      ...options,
    });
  }

  /** Somebody else's input, as the dispatcher makes it. */
  async input(input: Input): Promise<Pair | undefined> {
    return (await this.table.change(this.cid, this.job.agentUserId, input)).pair;
  }

  ask(launchId = "launch-1"): Promise<Pair | undefined> {
    return this.input({ type: "ask", source: "post", launchId, configId: "config", eventAtMs: Date.now() });
  }

  knock(): Promise<Pair | undefined> {
    const trigger = "participant_joined" as const;
    return this.input({ type: "return", launchId: "launch-x", trigger, eventAtMs: Date.now() });
  }

  pair(): Promise<Pair | undefined> {
    return this.table.pair(this.cid, this.job.agentUserId);
  }

  /** Launched and confirmed. */
  async begin(): Promise<this> {
    await this.ask();
    await this.claim.confirm("task-1", new AbortController().signal);
    return this;
  }
}
