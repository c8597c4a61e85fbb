import { DescribeTaskDefinitionCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bundle } from "../../infra/build/bundles.ts";
import { deploymentParameter, parameterNames } from "../../infra/operate/deployment.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type LocalDeployment, type LocalDeploymentOptions, startLocalDeployment } from "../cloud/local-deployment.ts";
import { startStreamCloud } from "../cloud/stream/index.ts";
import { sharedBundles } from "../support/bundles.ts";
import { clientOf, createClientPool, runTaskInput } from "./aws-fixture.ts";

const secrets = { streamApiSecret: "stream-secret", openAiApiKey: "openai-secret", agentsKey: "agents-secret" };

let bundles: readonly Bundle[];
let log: EventLog;
let local: LocalDeployment;
const { using, destroy } = createClientPool();

beforeAll(async () => {
  bundles = await sharedBundles();
});

const start = async (more: Partial<LocalDeploymentOptions> = {}): Promise<void> => {
  log = new EventLog();
  local = await startLocalDeployment({
    log,
    bundles,
    agentsKey: secrets.agentsKey,
    // No port that fetch would try.
    services: { streamApiKey: "stream-key", streamBaseUrl: "http://127.0.0.1:9", ...secrets },
    bridgeCommand: () => [process.execPath, "-e", "console.log(process.env.OPENAI_API_KEY)"],
    ...more,
  });
};

beforeEach(() => start());

afterEach(async () => {
  destroy();
  await local.close();
});

const environmentOf = async (FunctionName: string) => {
  const lambda = using(new LambdaClient(clientOf(local.aws)));
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  return Environment?.Variables ?? {};
};

const taskDefinition = async () => {
  const ecs = using(new ECSClient(clientOf(local.aws)));
  const named = new DescribeTaskDefinitionCommand({ taskDefinition: local.deployment.taskDefinition });
  return (await ecs.send(named)).taskDefinition?.containerDefinitions?.[0];
};

describe("the local deployment", () => {
  it("says in SSM what was deployed, and all that it names is there", async () => {
    const ssm = using(new SSMClient(clientOf(local.aws)));
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: deploymentParameter("local") }));
    expect(JSON.parse(Parameter?.Value ?? "")).toEqual(local.deployment);
    const { tools, ...dispatchers } = local.deployment.functions;
    expect(Object.keys(tools)).toContain("get_current_time");
    for (const name of [...Object.values(dispatchers), ...Object.values(tools)]) {
      expect(await environmentOf(name)).toBeTypeOf("object");
    }
    expect((await taskDefinition())?.name).toBe(local.deployment.container);
  });

  it("keeps its secrets in SSM, where nobody reads them who may only look at functions and tasks", async () => {
    const functions = ["webhook", "task-stopped", "sweep", "register"];
    const seen = [await taskDefinition(), ...(await Promise.all(functions.map(environmentOf))), local.deployment];
    for (const secret of Object.values(secrets)) expect(JSON.stringify(seen)).not.toContain(secret);
    const names = local.aws.parameters.list().filter(({ type }) => type === "SecureString");
    expect(names.map(({ name }) => name).toSorted()).toEqual(Object.values(parameterNames("local")).toSorted());
  });

  it("has an API that knows its key, and a webhook that knows Stream's", async () => {
    const ask = (authorization: string) =>
      fetch(`${local.agentsUrl}/calls/default/x/agents`, { headers: { authorization } });
    expect((await ask("Bearer other")).status).toBe(401);
    expect((await ask(`Bearer ${secrets.agentsKey}`)).status).toBe(200);
    expect((await fetch(local.webhookUrl, { method: "POST", body: "{}" })).status).toBe(401);
    // What a process prints comes by a pipe of its own, and may be behind its answer.
    await expect.poll(() => local.aws.logs.lines(local.deployment.logGroups.webhook)).not.toEqual([]);
  });

  it("names the parameter that a function misses where its operator looks", async () => {
    const name = parameterNames("local").STREAM_API_SECRET;
    local.aws.parameters.delete(name);
    expect(await local.aws.invoke("sweep")).toMatchObject({ functionError: "Unhandled" });
    expect(local.aws.logs.lines(local.deployment.logGroups.sweep, name)).not.toEqual([]);
    local.aws.parameters.put(name, "another", "SecureString");
    expect(await local.aws.invoke("sweep")).not.toHaveProperty("functionError");
  });

  it("starts tasks with their secrets, and tells of their end", async () => {
    const ecs = using(new ECSClient(clientOf(local.aws)));
    await ecs.send(new RunTaskCommand(runTaskInput(local.deployment.taskDefinition)));
    const told = ({ type, data }: { type: string; data: Record<string, unknown> }) =>
      type === "lambda.invoked" && data.function === "task-stopped";
    expect((await log.waitFor(told, 10_000, "the event")).data).not.toHaveProperty("functionError");
    expect(local.aws.logs.lines(local.deployment.logGroups.bridge)).toEqual([secrets.openAiApiKey]);
  });
});

it("speaks to the live services where no others are named, and joins no calls where that is said", async () => {
  await local.close();
  await start({ callTypes: [], services: { streamApiKey: "stream-key", ...secrets }, streamWebhook: "register" });
  expect(local.deployment).toMatchObject({ callTypes: [], streamWebhook: "register" });
  expect(local.deployment).not.toHaveProperty("streamBaseUrl");
  const webhook = await environmentOf("webhook");
  expect(webhook.CALL_TYPES).toBe("none");
  const bridge = Object.fromEntries(
    (await taskDefinition())?.environment?.map(({ name, value }) => [name ?? "", value]) ?? [],
  );
  for (const environment of [webhook, bridge, await environmentOf("register")]) {
    for (const name of ["STREAM_BASE_URL", "OPENAI_BASE_URL", "NODE_EXTRA_CA_CERTS", "STAGE"]) {
      expect(environment).not.toHaveProperty(name);
    }
  }
});

it("tells Stream of its webhook as a deploy does, where that is said", async () => {
  await local.close();
  log = new EventLog();
  const stream = await startStreamCloud({ log, apiKey: "stream-key", apiSecret: secrets.streamApiSecret });
  try {
    const services = { streamApiKey: "stream-key", streamBaseUrl: stream.serverBaseUrl, ...secrets };
    await start({ services, streamWebhook: "register" });
    const client = new StreamClient("stream-key", secrets.streamApiSecret, { basePath: stream.serverBaseUrl });
    const hooks = async () => (await client.getApp()).app.event_hooks ?? [];
    expect(await hooks()).toEqual([]);
    await local.register();
    expect(await hooks()).toMatchObject([{ enabled: true, webhook_url: expect.stringContaining(local.webhookUrl) }]);
  } finally {
    await stream.close();
  }
});
