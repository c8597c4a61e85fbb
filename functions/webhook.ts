import { handle } from "hono/aws-lambda";
import { createLogger } from "../bridge-task/log.ts";
import { createApp } from "./app.ts";
import { readWebhookConfig } from "./config.ts";
import { candidates } from "./dispatch/agents.ts";
import { dispatcherFrom } from "./dispatch/from-config.ts";
import { withParameters } from "./parameters.ts";

const config = readWebhookConfig(await withParameters(process.env));
const logger = createLogger();

/** The Lambda behind the Function URL: Stream posts its events to it, and applications ask it for agents. */
export const handler = handle(
  createApp({ ...config, agents: candidates, dispatcher: dispatcherFrom(config, logger), logger }),
);
