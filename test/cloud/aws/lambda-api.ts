import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { messageOf } from "../../../bridge-task/errors.ts";
import { AwsError } from "./aws-error.ts";
import type { LambdaFunction } from "./lambda-function.ts";

/** The largest payload of a synchronous invocation. */
const maxPayloadBytes = 6 * 1024 * 1024;

/** The name in "name", "name:qualifier" or an ARN. */
const nameOf = (identifier: string): string => {
  const parts = identifier.split(":");
  return (parts.length >= 7 ? parts[6] : parts[0]) ?? "";
};

const checkPayload = (payload: string): string => {
  if (Buffer.byteLength(payload) > maxPayloadBytes) {
    throw new AwsError(
      "RequestTooLargeException",
      "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
      { status: 413 },
    );
  }
  if (payload === "") return "{}";
  try {
    JSON.parse(payload);
  } catch (error) {
    throw new AwsError("InvalidRequestContentException", `Could not parse request body into json: ${messageOf(error)}`);
  }
  return payload;
};

const fail = (c: Context, { code, message, status, members }: AwsError): Response =>
  c.newResponse(JSON.stringify({ Type: status >= 500 ? "Service" : "User", message, ...members }), status as 400, {
    "content-type": "application/json",
    "x-amzn-errortype": code,
    "x-amzn-requestid": randomUUID(),
  });

/** Lambda's Invoke: a handler that threw is a 200 with X-Amz-Function-Error, and the error is the payload. */
export const createLambdaApi = (functions: ReadonlyMap<string, LambdaFunction>): Hono => {
  const app = new Hono();
  app.post("/2015-03-31/functions/:name/invocations", async (c) => {
    try {
      const called = functions.get(nameOf(c.req.param("name")));
      if (!called)
        throw new AwsError("ResourceNotFoundException", `Function not found: ${c.req.param("name")}`, { status: 404 });
      const payload = checkPayload(await c.req.text());
      const type = c.req.header("x-amz-invocation-type") ?? "RequestResponse";
      if (type === "DryRun") return c.body(null, 204);
      if (type === "Event") {
        // Lambda would try twice more after an error; the log has what went wrong here.
        void called.invoke(payload).catch(() => undefined);
        return c.body(null, 202, { "x-amzn-requestid": randomUUID() });
      }
      const { payload: answer, functionError, requestId } = await called.invoke(payload);
      return c.body(answer, 200, {
        "content-type": "application/json",
        "x-amz-executed-version": "$LATEST",
        "x-amzn-requestid": requestId,
        ...(functionError === undefined ? {} : { "x-amz-function-error": functionError }),
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return fail(c, error);
    }
  });
  return app;
};
