import { ECSClient } from "@aws-sdk/client-ecs";
import { InvalidInputError } from "../bridge-task/errors.ts";
import { createLogger } from "../bridge-task/log.ts";
import { readBridgeCluster, readStreamKeys, type StreamKeys } from "./config.ts";
import { withParameters } from "./parameters.ts";
import { register, unregister } from "./registration/index.ts";
import { stoppingClientConfig, stopTasks } from "./registration/stop-tasks.ts";
import { createStreamApp } from "./registration/stream-app.ts";
import type { RegistrationReport, RegistrationRequest } from "./registration/types.ts";

const logger = createLogger();

/* Together less than the function's own timeout of 240 s, so that the deploy shows what took so long. */

/** For all that is asked of Stream. */
const streamMs = 50_000;
/** For taking back a hook whose stage could not be created. */
const undoMs = 20_000;
/** The deploy made the function's role a moment ago, and its rights come a few seconds after it. */
const parametersMs = 15_000;
/** A task is killed 120 s after it was told to stop; until Fargate has cleared it away it takes some more. */
const tasksMs = 170_000;

const readKeys = async (): Promise<StreamKeys> =>
  readStreamKeys(await withParameters(process.env, { deadlineMs: parametersMs }));

/** Undefined where SSM does not have them any more. */
const findKeys = (): Promise<StreamKeys | undefined> =>
  readKeys().catch((error: unknown) => {
    if (!(error instanceof InvalidInputError)) throw error;
    logger.warn("no_stream_keys", { error });
    return undefined;
  });

const add = async (request: RegistrationRequest): Promise<RegistrationReport> => {
  const signal = AbortSignal.timeout(streamMs);
  const keys = await readKeys();
  const appFor = (within: AbortSignal) => createStreamApp({ ...keys, signal: within });
  return register({ app: appFor(signal), undoApp: () => appFor(AbortSignal.timeout(undoMs)) }, request);
};

/** First the hook, so that nobody is called into a call any more; then those leave who are in calls. */
const remove = async (request: RegistrationRequest): Promise<RegistrationReport> => {
  const signal = AbortSignal.timeout(streamMs);
  const cluster = readBridgeCluster(process.env);
  const keys = await findKeys();
  const app = keys === undefined ? undefined : createStreamApp({ ...keys, signal });
  const report = await unregister({ app, logger }, request);
  const ecs = new ECSClient(stoppingClientConfig);
  try {
    const { stopped } = await stopTasks({
      ecs,
      cluster,
      reason: `Stage ${request.stage} is being removed`,
      logger,
      signal: AbortSignal.timeout(tasksMs),
    });
    logger.info("tasks_stopped", { stage: request.stage, stopped });
  } finally {
    ecs.destroy();
  }
  return report;
};

/**
 * The Lambda that the deploy invokes when it creates, updates and removes a stage. What it throws fails the deploy with its
 * message.
 */
export const handler = async (request: RegistrationRequest): Promise<RegistrationReport> => {
  const action = request.tf?.action;
  try {
    const report = action === "delete" ? await remove(request) : await add(request);
    logger.info("registered", { stage: request.stage, action, ...report });
    return report;
  } catch (error) {
    logger.error("not_registered", { stage: request.stage, action, error });
    throw error;
  }
};
