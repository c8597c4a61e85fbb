import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ECSClient } from "@aws-sdk/client-ecs";
import type { Logger } from "../../bridge-task/log.ts";
import type { DispatchConfig } from "../config.ts";
import { createJoiningAnnouncer } from "./announce-joining.ts";
import { CallsTable, dynamoDbClientConfig } from "./calls-table.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { createTaskRunner, ecsClientConfig } from "./ecs.ts";

/** The dispatcher of a function, with its AWS clients: made once per process, so that connections are used again. */
export const dispatcherFrom = (config: DispatchConfig, logger: Logger): Dispatcher =>
  createDispatcher({
    table: new CallsTable({ client: new DynamoDBClient(dynamoDbClientConfig), tableName: config.callsTable }),
    tasks: createTaskRunner(new ECSClient(ecsClientConfig), config.bridge),
    caps: config.caps,
    announceJoining: createJoiningAnnouncer({ ...config, logger }),
    logger,
    now: Date.now,
  });
