import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import { messageOf } from "../../../../bridge-task/errors.ts";
import { AgentsApiError, createAgentsClient } from "../../../../functions/api/client.ts";
import { type Deployment, parameterNames } from "../../deployment.ts";
import { type Aws, ask } from "../aws.ts";
import { CommandError, exitCodes } from "../failure.ts";
import type { Operator } from "../operator.ts";
import { printJson } from "../terminal.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const keyLength = 40;

const newKey = (): string => Array.from({ length: keyLength }, () => letters[randomInt(letters.length)]).join("");

const pollMs = 500;
/** Lambda takes seconds. */
const updatedWithinMs = 90_000;
/** Sandboxes that are answering finish first. */
const acceptedWithinMs = 60_000;

/** Asks until it is so. Rejects with CommandError when that takes longer than `withinMs`. */
const until = async (
  isSo: () => Promise<boolean>,
  withinMs: number,
  signal: AbortSignal,
  late: string,
): Promise<void> => {
  const startMs = performance.now();
  signal.throwIfAborted();
  while (!(await isSo())) {
    if (performance.now() - startMs > withinMs) throw new CommandError(exitCodes.failed, late);
    await sleep(pollMs, undefined, { signal });
  }
};

/** Lambda starts new processes of a function whose configuration changed; those read the parameters anew. */
const restart = async ({ lambda }: Aws, functionName: string, description: string, signal: AbortSignal) => {
  const update = new UpdateFunctionConfigurationCommand({ FunctionName: functionName, Description: description });
  await ask(`starting ${functionName} anew`, lambda.send(update));
  const isDone = async () => {
    const command = new GetFunctionConfigurationCommand({ FunctionName: functionName });
    const { LastUpdateStatus, LastUpdateStatusReason } = await ask(`looking at ${functionName}`, lambda.send(command));
    if (LastUpdateStatus !== "Failed") return LastUpdateStatus === "Successful";
    const why = LastUpdateStatusReason ?? "AWS does not say why";
    throw new CommandError(exitCodes.failed, `${functionName} did not start anew (${why})`);
  };
  const late = `${functionName} was not updated within ${updatedWithinMs / 1_000} s`;
  await until(isDone, updatedWithinMs, signal, late);
};

/** Whether the API takes the key: asked about a call that nobody has. */
const isAccepted = async ({ agentsUrl }: Deployment, key: string): Promise<boolean> => {
  try {
    await createAgentsClient({ url: agentsUrl, key }).list({ type: "default", id: "no-such-call" });
    return true;
  } catch (error) {
    if (error instanceof AgentsApiError && error.status === 401) return false;
    throw error;
  }
};

/** The new key is stored, and something kept the webhook from taking it. */
const halfWay = (error: unknown): CommandError =>
  new CommandError(
    error instanceof CommandError ? error.exitCode : exitCodes.failed,
    `${messageOf(error)}. The new key is stored (npm run agents -- env prints it), but the API may still take the old one only: mend that, then run env --rotate again`,
    error,
  );

/** Puts a new key in the place of the old one. Resolves with it once the API takes it. */
const rotate = async ({ aws, stage, now, signal, terminal, deployment }: Operator): Promise<string> => {
  const found = await deployment();
  const key = newKey();
  const name = parameterNames(stage).AGENTS_API_KEY;
  const put = new PutParameterCommand({ Name: name, Value: key, Type: "SecureString", Overwrite: true });
  await ask("storing the new key", aws.ssm.send(put));
  terminal.err("the new key is stored; the webhook starts anew. If this is stopped, run it again …\n");
  const description = `API key of ${new Date(now()).toISOString()}`;
  const late = `the API does not take the new key ${acceptedWithinMs / 1_000} s after the webhook was updated; to find out why: npm run agents -- doctor`;
  try {
    // No other function has it; a task is given it when it starts.
    await restart(aws, found.functions.webhook, description, signal);
    await until(() => isAccepted(found, key), acceptedWithinMs, signal, late);
  } catch (error) {
    throw halfWay(error);
  }
  terminal.err(
    "the API takes the new key, and no longer the old one. Agents that are in calls sign with the old key until they leave\n",
  );
  return key;
};

/** What an application needs to use this deployment. */
export const showEnv = async (operator: Operator, { rotate: isNew }: { rotate: boolean }): Promise<void> => {
  const { terminal, isJson } = operator;
  const { agentsUrl } = await operator.deployment();
  const env = { AGENTS_URL: agentsUrl, AGENTS_KEY: isNew ? await rotate(operator) : await operator.agentsKey() };
  if (isJson) return printJson(terminal, env);
  terminal.out(`AGENTS_URL=${env.AGENTS_URL}\nAGENTS_KEY=${env.AGENTS_KEY}\n`);
};
