import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { messageOf } from "../../../bridge-task/errors.ts";
import { functionArn } from "./arns.ts";
import { checkNeeds, type Guard } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import { credentialOf } from "./credential.ts";
import type { Functions } from "./functions.ts";
import { parseInput } from "./json.ts";
import { describeFunction, updatedDefinition } from "./lambda-configuration.ts";
import type { LambdaFunction } from "./lambda-function.ts";
import type { Quotas } from "./quotas.ts";

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

const invoke = async (c: Context, called: LambdaFunction): Promise<Response> => {
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
};

export interface LambdaApiParts {
  functions: Functions;
  quotas: Quotas;
  guard: Guard;
}

/** Lambda as SDKs speak to it. Invoke: a handler that threw is a 200 with X-Amz-Function-Error, and the error is the payload. */
export const createLambdaApi = ({ functions, quotas, guard }: LambdaApiParts): Hono => {
  const app = new Hono();
  const check = (c: Context, action: string, resource: string): void => {
    const { accessKeyId } = credentialOf({ header: (name) => c.req.header(name), url: c.req.url });
    checkNeeds(guard, accessKeyId, [{ action: `lambda:${action}`, resource }], 403);
  };
  /** Whether its caller may ask comes before whether there is such a function. */
  const found = (c: Context, action: string): LambdaFunction => {
    const identifier = c.req.param("name") ?? "";
    const name = nameOf(identifier);
    check(c, action, functionArn(name));
    const called = functions.find(name);
    if (called) return called;
    throw new AwsError("ResourceNotFoundException", `Function not found: ${identifier}`, { status: 404 });
  };
  app.onError((error, c) => {
    if (!(error instanceof AwsError)) throw error;
    return fail(c, error);
  });
  app.post("/2015-03-31/functions/:name/invocations", (c) => invoke(c, found(c, "InvokeFunction")));
  app.get("/2015-03-31/functions/:name", (c) => {
    const called = found(c, "GetFunction");
    return c.json({ Configuration: describeFunction(called), Code: { RepositoryType: "S3" }, Tags: {} });
  });
  app.get("/2015-03-31/functions/:name/configuration", (c) =>
    c.json(describeFunction(found(c, "GetFunctionConfiguration"))),
  );
  app.put("/2015-03-31/functions/:name/configuration", async (c) => {
    const called = found(c, "UpdateFunctionConfiguration");
    called.update(updatedDefinition(called.definition, parseInput(await c.req.text())));
    // Lambda is still at it when it answers: who reads the configuration next sees that it is done.
    return c.json(describeFunction(called, "InProgress"));
  });
  app.get("/2021-10-31/functions/:name/url", (c) => {
    const { name, changedAtMs } = found(c, "GetFunctionUrlConfig");
    const url = functions.findUrl(name);
    if (url === undefined) {
      throw new AwsError("ResourceNotFoundException", "The resource you requested does not exist.", { status: 404 });
    }
    const atIso = new Date(changedAtMs).toISOString();
    return c.json({
      FunctionUrl: url,
      FunctionArn: functionArn(name),
      AuthType: "NONE",
      InvokeMode: "BUFFERED",
      CreationTime: atIso,
      LastModifiedTime: atIso,
    });
  });
  app.get("/2016-08-19/account-settings", (c) => {
    check(c, "GetAccountSettings", "*");
    const concurrency = quotas.find("L-B99A9384")?.value;
    return c.json({
      AccountLimit: {
        ConcurrentExecutions: concurrency,
        UnreservedConcurrentExecutions: concurrency,
        TotalCodeSize: 75 * 1024 ** 3,
        CodeSizeUnzipped: 250 * 1024 ** 2,
        CodeSizeZipped: 50 * 1024 ** 2,
      },
      AccountUsage: { FunctionCount: functions.list().length, TotalCodeSize: 0 },
    });
  });
  return app;
};
