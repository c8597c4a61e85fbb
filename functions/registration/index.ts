import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import type { Logger } from "../../bridge-task/log.ts";
import { hookIdOf } from "./hook.ts";
import { type HookReport, registerHook } from "./register-hook.ts";
import { RegistrationError, type StreamApp } from "./stream-app.ts";
import type { RegistrationReport, RegistrationRequest } from "./types.ts";
import { ensureUsers } from "./users.ts";

const problemsOf = ({ stage, place, calls, webhookUrl, users }: Partial<RegistrationRequest>): string[] => {
  const problems: string[] = [];
  if (typeof stage !== "string" || stage === "") problems.push("stage must be the name of a stage");
  if (typeof place !== "string" || place === "") problems.push("place must be a hash of AWS account and region");
  if (calls !== "all" && calls !== "own") problems.push('calls must be "all" or "own"');
  if (
    webhookUrl !== null &&
    !(typeof webhookUrl === "string" && /^https?:\/\//.test(webhookUrl) && URL.canParse(webhookUrl))
  )
    problems.push("webhookUrl must be an http(s) URL, or null");
  if (!Array.isArray(users) || users.some((user) => typeof user?.id !== "string" || user.id === ""))
    problems.push("users must be a list of { id, name?, image? }");
  return problems;
};

const check = (request: RegistrationRequest): void => {
  const problems = problemsOf(request);
  if (problems.length > 0) throw new InvalidInputError(`the registration cannot be made: ${problems.join("; ")}`);
};

const byHand = (request: RegistrationRequest): string =>
  `delete it in Stream's dashboard or by its API, its id is ${hookIdOf(request)}`;

export interface RegisterParts {
  app: StreamApp;
  /** The same, with time of its own: to take back what failed. */
  undoApp: () => StreamApp;
}

/** What a failed create has written is nobody's: no later deploy or removal would find it. */
const takeBack = async (undoApp: StreamApp, request: RegistrationRequest, error: unknown): Promise<unknown> => {
  try {
    await registerHook(undoApp, { ...request, webhookUrl: null });
    return error;
  } catch (cause) {
    return new RegistrationError(
      `${messageOf(error)}. The stage's hook may have been left on the Stream app (${messageOf(cause)}): ${byHand(request)}`,
      { cause: error },
    );
  }
};

/**
 * Registers a stage with its Stream app. Rejects with InvalidInputError, or with RegistrationError whose message says what to do;
 * where the stage was to be created there is no hook of it then.
 */
export const register = async (
  { app, undoApp }: RegisterParts,
  request: RegistrationRequest,
): Promise<RegistrationReport> => {
  check(request);
  // First: the hook brings agents into calls, and they are these users.
  const usersCreated = await ensureUsers(app, request.users);
  let hasWritten = false;
  const watched: StreamApp = {
    ...app,
    write: (changes) => {
      hasWritten = true;
      return app.write(changes);
    },
  };
  try {
    const { hook, otherHooks } = await registerHook(watched, request);
    return { hook, otherHooks, usersCreated };
  } catch (error) {
    if (request.tf?.action !== "create" || !hasWritten) throw error;
    throw await takeBack(undoApp(), request, error);
  }
};

export interface UnregisterParts {
  /** Undefined where the keys are gone. */
  app: StreamApp | undefined;
  logger: Logger;
}

const areKeysRefused = (error: unknown): boolean =>
  error instanceof RegistrationError && (error.data.status === 401 || error.data.status === 403);

const removeHook = async (app: StreamApp, request: RegistrationRequest): Promise<HookReport | undefined> => {
  const { stage } = request;
  try {
    return await registerHook(app, { ...request, webhookUrl: null });
  } catch (error) {
    if (areKeysRefused(error)) return undefined;
    throw new RegistrationError(
      `The hook of stage "${stage}" was not removed, and the stage is still there: ${messageOf(error)}. Run npx sst remove ` +
        `--stage ${stage} again. If Stream stays unreachable: npx sst state remove Registration --stage ${stage} (it asks ` +
        `whether to commit: y), stop the tasks of the stage's ECS cluster, and remove again. The hook is left then: ${byHand(request)}`,
      { cause: error, retryable: error instanceof RegistrationError && error.retryable },
    );
  }
};

/**
 * Takes a stage's hook away when the deploy removes it; its users stay, for calls name them. Keys that Stream does not take any
 * more cannot be mended from here, and are no reason to keep the stage. Rejects as register does.
 */
export const unregister = async (
  { app, logger }: UnregisterParts,
  request: RegistrationRequest,
): Promise<RegistrationReport> => {
  check(request);
  const removed = app === undefined ? undefined : await removeHook(app, request);
  if (removed === undefined) {
    logger.warn("hook_not_removed", {
      stage: request.stage,
      detail: `Stream's keys are gone or refused. If the Stream app is still there: ${byHand(request)}`,
    });
  }
  return { hook: removed?.hook ?? "none", otherHooks: removed?.otherHooks ?? 0, usersCreated: [] };
};
