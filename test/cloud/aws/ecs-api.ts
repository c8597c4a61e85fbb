import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { messageOf } from "../../../bridge-task/errors.ts";
import { AwsError } from "./aws-error.ts";
import type { Ecs } from "./ecs.ts";
import type { Fault, Faults } from "./faults.ts";

type Json = Record<string, unknown>;
type Env = { Bindings: HttpBindings };

const service = "AmazonEC2ContainerServiceV20141113";

const parseInput = (text: string): Json => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Json;
  } catch (error) {
    throw new AwsError("SerializationException", messageOf(error));
  }
  throw new AwsError("SerializationException", "The request is no JSON object.");
};

const answer = (c: Context, status: number, body: Json): Response =>
  c.newResponse(JSON.stringify(body), status as 200, {
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-requestid": randomUUID(),
  });

const throwIfPlanned = (fault: Fault | undefined): void => {
  if (fault?.kind === "throttle") throw new AwsError("ThrottlingException", "Rate exceeded");
  if (fault?.kind === "error") {
    const { code, message = "A fault planned by the test", status = 400, members = {} } = fault;
    throw new AwsError(code, message, { status, members });
  }
};

/** Ends early when the local cloud closes: whoever asked is cut off anyway. */
const delay = (delayMs: number, closing: AbortSignal): Promise<void> =>
  sleep(delayMs, undefined, { signal: closing }).catch(() => undefined);

/** ECS as SDKs speak to it: POST / in awsJson1.1, the action in X-Amz-Target. */
export const createEcsApi = (ecs: Ecs, faults: Faults, closing: AbortSignal): Hono<Env> => {
  const actions: Record<string, (input: Json) => Json> = {
    RunTask: (input) => ecs.runTask(input),
    DescribeTasks: (input) => ecs.describeTasks(input),
    ListTasks: (input) => ecs.listTasks(input),
    StopTask: (input) => ecs.stopTask(input),
  };
  const app = new Hono<Env>();
  app.post("/", async (c) => {
    try {
      const [prefix, action = ""] = (c.req.header("x-amz-target") ?? "").split(".");
      const perform = prefix === service && Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!perform)
        throw new AwsError("UnknownOperationException", `The local cloud has no action ${prefix}.${action}`);
      const input = parseInput(await c.req.text());
      const fault = faults.take(action);
      throwIfPlanned(fault);
      if (fault?.kind === "failures") {
        return answer(c, 200, {
          tasks: [],
          failures: [{ reason: fault.reason, detail: "A fault planned by the test" }],
        });
      }
      if (fault?.kind === "delay") await delay(fault.delayMs, closing);
      const output = perform(input);
      if (fault?.kind === "lose_answer") c.env.incoming.socket.destroy();
      return answer(c, 200, output);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return answer(c, error.status, { __type: error.code, message: error.message, ...error.members });
    }
  });
  return app;
};
