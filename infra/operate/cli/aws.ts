import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import { withDeadline } from "../../../bridge-task/deadline.ts";
import { fromAws } from "./aws-failure.ts";

/** Of AWS, what an operator needs. Region and credentials come by the SDK's own rules, endpoints too. */
export interface Aws {
  readonly sts: STSClient;
  readonly ssm: SSMClient;
  readonly logs: CloudWatchLogsClient;
  readonly quotas: ServiceQuotasClient;
  readonly ecs: ECSClient;
  readonly lambda: LambdaClient;
  readonly dynamoDb: DynamoDBClient;
  /** Lets go of connections. */
  close(): void;
}

const config = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

/** With the search for credentials, which has no deadline of its own, and all tries. */
const askedMs = 25_000;

/** What AWS answers. Rejects with a CommandError that says what to do. `what`: "reading the deployment". */
export const ask = <T>(what: string, request: Promise<T>): Promise<T> =>
  withDeadline(request, askedMs, "the answer").catch((error: unknown) => {
    throw fromAws(what, error);
  });

export const createAws = (): Aws => {
  const clients = {
    sts: new STSClient(config),
    ssm: new SSMClient(config),
    // A search takes many requests, and AWS allows few a second: this waits as the throttling tells.
    logs: new CloudWatchLogsClient({ ...config, retryMode: "adaptive", maxAttempts: 6 }),
    quotas: new ServiceQuotasClient(config),
    ecs: new ECSClient(config),
    lambda: new LambdaClient(config),
    dynamoDb: new DynamoDBClient(config),
  };
  const close = () => {
    for (const client of Object.values(clients)) client.destroy();
  };
  return { ...clients, close };
};
