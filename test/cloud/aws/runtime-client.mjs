// What Lambda's managed Node runtime does, in plain JavaScript so that nothing adds to the start: load the handler that
// _HANDLER names from LAMBDA_TASK_ROOT, then ask the Runtime API for one invocation after the other.
import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const env = process.env;
const [hostname, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** @returns {Promise<{ headers: http.IncomingHttpHeaders, body: string }>} */
const call = (method, route, body) =>
  new Promise((resolve, reject) => {
    const options = { hostname, port, agent, method, path: `/2018-06-01/runtime/${route}` };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });

const describe = (error) => ({
  errorType: error?.name ?? "Error",
  errorMessage: error?.message ?? String(error),
  trace: String(error?.stack ?? "").split("\n"),
});

const loadHandler = async () => {
  const [module, name] = env._HANDLER.split(".");
  const file = [".mjs", ".js"].map((ending) => path.join(env.LAMBDA_TASK_ROOT, module + ending)).find(existsSync);
  if (!file) throw Object.assign(new Error(`Cannot find module '${module}'`), { name: "Runtime.ImportModuleError" });
  const handler = (await import(pathToFileURL(file).href))[name];
  if (typeof handler === "function") return handler;
  throw Object.assign(new Error(`${env._HANDLER} is undefined or not exported`), { name: "Runtime.HandlerNotFound" });
};

const contextOf = (headers) => ({
  callbackWaitsForEmptyEventLoop: true,
  functionName: env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
  invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
  memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  awsRequestId: headers["lambda-runtime-aws-request-id"],
  logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  getRemainingTimeInMillis: () => Math.max(0, Number(headers["lambda-runtime-deadline-ms"]) - Date.now()),
});

const run = async () => {
  let handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    await call("POST", "init/error", JSON.stringify(describe(error)));
    process.exit(1);
  }
  for (;;) {
    const { headers, body } = await call("GET", "invocation/next");
    const context = contextOf(headers);
    try {
      const result = await handler(JSON.parse(body), context);
      await call("POST", `invocation/${context.awsRequestId}/response`, JSON.stringify(result) ?? "null");
    } catch (error) {
      await call("POST", `invocation/${context.awsRequestId}/error`, JSON.stringify(describe(error)));
    }
  }
};

// The Runtime API is gone when the local cloud has closed: there is nothing left to run for.
run().catch(() => process.exit(0));
