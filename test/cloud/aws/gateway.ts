import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Guard } from "./authorization.ts";
import { credentialOf } from "./credential.ts";
import type { LocalDynamoDb } from "./dynamodb.ts";
import { forwardToDynamoDb } from "./dynamodb-proxy.ts";
import { createEcrApi } from "./ecr-api.ts";
import type { Ecs } from "./ecs.ts";
import { createEcsApi } from "./ecs-api.ts";
import type { Faults } from "./faults.ts";
import type { Functions } from "./functions.ts";
import { createJsonServices } from "./json-services.ts";
import { createLambdaApi } from "./lambda-api.ts";
import type { LogGroups } from "./log-groups.ts";
import { createLogsApi } from "./logs-api.ts";
import type { Parameters } from "./parameters.ts";
import type { Quotas } from "./quotas.ts";
import { createQuotasApi } from "./quotas-api.ts";
import { S3 } from "./s3-api.ts";
import { createSsmApi } from "./ssm-api.ts";
import { answerSts } from "./sts-api.ts";

type Env = { Bindings: HttpBindings };

export interface GatewayParts {
  ecs: Ecs;
  functions: Functions;
  parameters: Parameters;
  logs: LogGroups;
  quotas: Quotas;
  dynamoDb: LocalDynamoDb;
  faults: Faults;
  guard: Guard;
  /** Aborted when the local cloud closes. */
  closing: AbortSignal;
}

const dynamoDbPrefix = "DynamoDB_20120810.";

/**
 * One address for every service. Which one is meant, a request says itself: in X-Amz-Target (DynamoDB, ECS, SSM, Logs, Service
 * Quotas, ECR), in its path (Lambda), or in the scope of its signature (STS, S3).
 */
export const createGateway = (parts: GatewayParts): Hono<Env> => {
  const { ecs, functions, parameters, logs, quotas, dynamoDb, faults, guard, closing } = parts;
  const services = [
    createEcsApi(ecs),
    createSsmApi(parameters),
    createLogsApi(logs),
    createQuotasApi(quotas),
    createEcrApi(),
  ];
  const answerJson = createJsonServices({ services, faults, guard, closing });
  const s3 = new S3(guard);
  const credential = (c: Context) => credentialOf({ header: (name) => c.req.header(name), url: c.req.url });
  const app = new Hono<Env>();
  app.post("/", async (c, next) => {
    const target = c.req.header("x-amz-target");
    const { accessKeyId, service } = credential(c);
    if (target === undefined && service === "sts") return answerSts(await c.req.text(), accessKeyId);
    if (target === undefined) return next();
    if (!target.startsWith(dynamoDbPrefix)) return answerJson(c);
    const action = target.slice(dynamoDbPrefix.length);
    return forwardToDynamoDb(dynamoDb, guard, {
      action,
      headers: c.req.raw.headers,
      body: await c.req.text(),
      accessKeyId,
    });
  });
  app.route("/", createLambdaApi({ functions, quotas, guard }));
  app.all("*", async (c) => {
    const { accessKeyId, service } = credential(c);
    if (service !== "s3") {
      return c.json(
        {
          __type: "UnknownOperationException",
          message: `The local cloud has no ${c.req.method} ${c.req.path} of ${service || "nobody"}`,
        },
        404,
      );
    }
    const body = Buffer.from(await c.req.arrayBuffer());
    const header = (name: string) => c.req.header(name);
    return s3.answer({ method: c.req.method, url: new URL(c.req.url), header, body, accessKeyId });
  });
  return app;
};
