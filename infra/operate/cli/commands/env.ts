import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
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
    throw new CommandError(
      exitCodes.failed,
      `${functionName} did not start anew (${LastUpdateStatusReason ?? "AWS does not say why"}): the new key is stored, the function still takes the old one. Run this again`,
    );
  };
  const late = `${functionName} was not updated within ${updatedWithinMs / 1_000} s: the new key is stored. Run this again`;
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

/** Puts a new key in the place of the old one. Resolves with it once the API takes it. */
const rotate = async ({ aws, stage, now, signal, terminal, deployment }: Operator): Promise<string> => {
  const found = await deployment();
  const key = newKey();
  const name = parameterNames(stage).AGENTS_API_KEY;
  const put = new PutParameterCommand({ Name: name, Value: key, Type: "SecureString", Overwrite: true });
  await ask("storing the new key", aws.ssm.send(put));
  terminal.err("the new key is stored; the functions start anew …\n");
  const { webhook, taskStopped, sweep } = found.functions;
  const description = `API key of ${new Date(now()).toISOString()}`;
  await Promise.all([webhook, taskStopped, sweep].map((one) => restart(aws, one, description, signal)));
  const late = `the API does not take the new key ${acceptedWithinMs / 1_000} s after the functions were updated. To find out why: npm run agents -- doctor`;
  await until(() => isAccepted(found, key), acceptedWithinMs, signal, late);
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
