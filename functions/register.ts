import { createLogger } from "../bridge-task/log.ts";
import { readStreamKeys } from "./config.ts";
import { withParameters } from "./parameters.ts";
import { register } from "./registration/index.ts";
import { createStreamApp } from "./registration/stream-app.ts";
import type { RegistrationReport, RegistrationRequest } from "./registration/types.ts";

const logger = createLogger();

/** Less than the function's own timeout of 60 s, so that the deploy shows what took so long. */
const budgetMs = 50_000;
/** The deploy made the function's role a moment ago, and its rights come a few seconds after it. */
const parametersMs = 15_000;

/**
 * The Lambda that the deploy invokes when it creates, updates and removes a stage. What it throws fails the deploy with its
 * message.
 */
export const handler = async (request: RegistrationRequest): Promise<RegistrationReport> => {
  const signal = AbortSignal.timeout(budgetMs);
  try {
    const keys = readStreamKeys(await withParameters(process.env, { deadlineMs: parametersMs }));
    const app = createStreamApp({ ...keys, signal });
    const report = await register(app, request);
    logger.info("registered", { stage: request.stage, action: request.tf?.action, ...report });
    return report;
  } catch (error) {
    logger.error("not_registered", { stage: request.stage, action: request.tf?.action, error });
    throw error;
  }
};
