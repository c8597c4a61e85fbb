import { setTimeout as sleep } from "node:timers/promises";
import { BridgeError } from "../errors.ts";

const attempts = 3;
const timeoutMs = 1_000;
const pauseMs = 200;

/** This task's ARN, as ECS tells it at the task's own address. Throws BridgeError. */
export const readTaskArn = async (metadataUrl: string): Promise<string> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(`${metadataUrl}/task`, { signal: AbortSignal.timeout(timeoutMs) });
      const { TaskARN: arn } = (await response.json()) as { TaskARN?: unknown };
      if (typeof arn === "string" && arn !== "") return arn;
      throw new TypeError(`status ${response.status}, without a TaskARN`);
    } catch (cause) {
      if (attempt === attempts) {
        const message = "ECS did not tell the task its ARN: ECS_CONTAINER_METADATA_URI_V4 must be the agent's own";
        throw new BridgeError("no_task_arn", message, { cause, retryable: true });
      }
      await sleep(pauseMs);
    }
  }
};
