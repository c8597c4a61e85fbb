import { createLogger } from "../bridge-task/log.ts";
import { readConfig } from "./config.ts";
import { dispatcherFrom } from "./dispatch/from-config.ts";
import { withParameters } from "./parameters.ts";

const logger = createLogger();
const dispatcher = dispatcherFrom(readConfig(await withParameters(process.env)), logger);

/** Less than the function's own timeout, so that the log tells what took so long. */
const budgetMs = 8_000;

/**
 * The Lambda that EventBridge calls with each "ECS Task State Change" to STOPPED of the cluster. An agent whose task crashed
 * is launched again. What it throws, Lambda tries twice more; after that the sweeper sees to it.
 */
export const handler = async (event: { detail?: unknown }): Promise<void> => {
  const outcome = await dispatcher.until(AbortSignal.timeout(budgetMs)).stopped(event.detail);
  logger.info("task_stopped", { outcome });
};
