import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { jobVariable, parseJob } from "../../bridge-task/job.ts";
import { CallsTable } from "../../functions/dispatch/calls-table.ts";
import { orderFor } from "../../functions/dispatch/protocol.ts";

/*
 * The bridge's part of the protocol as a process of its own: confirms, says whether it may join, stays as long as it may.
 */

const job = parseJob(process.env[jobVariable] ?? "");
const cid = `${job.call.type}:${job.call.id}`;
const { agentUserId, launchId } = job;
const table = new CallsTable({ client: new DynamoDBClient({}), tableName: process.env.CALLS_TABLE ?? "" });

const metadata = await fetch(`${process.env.ECS_CONTAINER_METADATA_URI_V4}/task`);
const { TaskARN: taskArn } = (await metadata.json()) as { TaskARN: string };

const confirm = async (): Promise<string> => {
  const { step } = await table.change(cid, agentUserId, { type: "confirm", launchId, taskArn });
  if (step.answer.type !== "wait") return step.answer.type;
  await sleep(100);
  return confirm();
};

const answer = await confirm();
console.log(JSON.stringify({ event: answer, cid, agentUserId, launchId }));
if (answer === "confirmed") {
  while (orderFor(await table.pair(cid, agentUserId), launchId, undefined) === undefined) await sleep(100);
  console.log(JSON.stringify({ event: "left", cid, agentUserId, launchId }));
  const end = { type: "end", launchId, reason: "removed", knockCount: 0, isOut: true } as const;
  await table.change(cid, agentUserId, end);
}
