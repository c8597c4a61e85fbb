import { ECSClient } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTaskRunner } from "../../functions/dispatch/ecs.ts";
import { type AwsCloud, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import { credentials, target } from "./fixture.ts";

let aws: AwsCloud;
let ecs: ECSClient;

beforeAll(async () => {
  aws = await startAwsCloud({
    log: new EventLog(),
    functions: {},
    taskDefinitions: { bridge: { container: "bridge", command: ["sleep", "60"], env: {}, stopTimeoutSeconds: 1 } },
  });
  ecs = new ECSClient({ endpoint: aws.endpointUrl, region: "us-east-1", credentials, maxAttempts: 1 });
});

afterAll(async () => {
  ecs.destroy();
  await aws.close(0);
});

it("a task is looked for in its own cluster, also after a deploy that renamed ours", async () => {
  const job = { version: 2, call: { type: "default", id: "1" }, agentUserId: "lucy", launchId: "launch-1" } as const;
  const started = await createTaskRunner(ecs, target).run(job);
  if (started.kind !== "task") throw new Error("no task was started");
  const renamed = createTaskRunner(ecs, { ...target, cluster: "renamed" });
  const forgotten = started.taskArn.replace(/[^/]+$/, "0123456789abcdef");
  expect([...(await renamed.describe([started.taskArn, forgotten])).values()]).toEqual([
    { kind: "alive" },
    { kind: "missing" },
  ]);
});
