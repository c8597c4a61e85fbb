import { createLogger } from "../bridge-task/log.ts";
import { readConfig } from "./config.ts";
import { dispatcherFrom } from "./dispatch/from-config.ts";
import { withParameters } from "./parameters.ts";

const logger = createLogger();
const dispatcher = dispatcherFrom(readConfig(await withParameters(process.env)), logger);

/** The next sweep begins a minute after this one did. */
const budgetMs = 50_000;

/** The Lambda that a schedule calls every minute: it makes up for answers and events that were lost. */
export const handler = async (): Promise<void> => {
  const outcome = await dispatcher.until(AbortSignal.timeout(budgetMs)).sweep();
  logger[outcome.failedCount > 0 ? "warn" : "info"]("sweep", { ...outcome });
};
