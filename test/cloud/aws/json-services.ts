import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { checkNeeds, type Guard } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import { credentialOf } from "./credential.ts";
import type { Fault, Faults } from "./faults.ts";
import { type Json, parseInput } from "./json.ts";
import type { JsonAction, JsonService } from "./json-service.ts";

type Env = { Bindings: HttpBindings };

export interface JsonServicesParts {
  services: readonly JsonService[];
  faults: Faults;
  guard: Guard;
  closing: AbortSignal;
}

const answer = (c: Context, status: number, body: Json): Response =>
  c.newResponse(JSON.stringify(body), status as 200, {
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-requestid": randomUUID(),
  });

/** Throws what a fault that keeps the action from being done answers. */
export const throwIfPlanned = (fault: Fault | undefined): void => {
  if (fault?.kind === "throttle") throw new AwsError("ThrottlingException", "Rate exceeded");
  if (fault?.kind === "error") {
    const { code, message = "A fault planned by the test", status = 400, members = {} } = fault;
    throw new AwsError(code, message, { status, members });
  }
};

/** Ends early when the local cloud closes: whoever asked is cut off anyway. */
export const delay = (delayMs: number, closing: AbortSignal): Promise<void> =>
  sleep(delayMs, undefined, { signal: closing }).catch(() => undefined);

const findAction = (services: readonly JsonService[], target: string): { name: string; action: JsonAction } => {
  const [prefix, name = ""] = target.split(".");
  const service = services.find((one) => one.target === prefix);
  const action = service && Object.hasOwn(service.actions, name) ? service.actions[name] : undefined;
  if (action === undefined) {
    throw new AwsError("UnknownOperationException", `The local cloud has no action ${target}`);
  }
  return { name, action };
};

/** The services as SDKs speak to them: POST / in awsJson1.1, service and action in X-Amz-Target. */
export const createJsonServices = ({ services, faults, guard, closing }: JsonServicesParts) => {
  return async (c: Context<Env>): Promise<Response> => {
    try {
      const { name, action } = findAction(services, c.req.header("x-amz-target") ?? "");
      const input = parseInput(await c.req.text());
      const fault = faults.take(name);
      throwIfPlanned(fault);
      if (fault?.kind === "failures") {
        const failure = { reason: fault.reason, detail: "A fault planned by the test" };
        return answer(c, 200, { tasks: [], failures: [failure] });
      }
      if (fault?.kind === "delay") await delay(fault.delayMs, closing);
      const { accessKeyId } = credentialOf({ header: (header) => c.req.header(header), url: c.req.url });
      if (guard.authorize !== undefined) checkNeeds(guard, accessKeyId, action.needs(input));
      const output = action.perform(input, accessKeyId);
      if (fault?.kind === "lose_answer") c.env.incoming.socket.destroy();
      return answer(c, 200, output);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return answer(c, error.status, { __type: error.code, message: error.message, ...error.members });
    }
  };
};
