import { ECSClient } from "@aws-sdk/client-ecs";
import { handle } from "hono/aws-lambda";
import { createLogger } from "../bridge-task/log.ts";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { candidates } from "./dispatch/agents.ts";
import { createLaunchTask, ecsClientConfig } from "./dispatch/launch.ts";

const { bridge, ...stream } = readConfig(process.env);

/** The Lambda behind the Function URL that Stream posts its events to. */
export const handler = handle(
  createApp({
    ...stream,
    agents: candidates,
    launchTask: createLaunchTask(new ECSClient(ecsClientConfig), bridge),
    logger: createLogger(),
  }),
);
