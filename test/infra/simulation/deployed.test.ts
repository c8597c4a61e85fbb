import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { samplesPerMs } from "../../../bridge-task/audio/pcm.ts";
import { eventTypes } from "../../../functions/dispatch/decide.ts";
import { placeOf } from "../../../infra/operate/deployment.ts";
import { leastScore } from "../../caller/evidence.ts";
import { isVoice } from "../../caller/person.ts";
import { greeting, Scene } from "../../calls/stage.ts";
import { accountId, region } from "../../cloud/aws/index.ts";
import type { CloudEvent } from "../../cloud/event-log.ts";
import { correlate, signal } from "../../support/signals.ts";
import { forbidden } from "./forbidden.ts";
import { readablePlaces } from "./readable-places.ts";
import { type Simulation, startSimulation } from "./simulation.ts";
import type { SstRun } from "./sst.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const stage = "simulated";

/** Somebody else's, as it was on the app before. */
const foreignHook = {
  id: "7d1f3c1e-5a53-4f0e-9d8a-3a1f1f0d9c11",
  enabled: true,
  hook_type: "webhook",
  webhook_url: "http://127.0.0.1:9/somebody-elses",
  event_types: ["user.banned"],
  created_at: "2026-01-01T00:00:00Z",
  product: "chat",
};

let simulation: Simulation;
let deploy: SstRun;

beforeAll(async () => {
  simulation = await startSimulation();
  simulation.stream.coordinator.app.restore({ event_hooks: [foreignHook] });
  simulation.openai.mind.add([greeting]);
  await simulation.setSecrets(stage);
  deploy = await simulation.sst("deploy", "--stage", stage);
}, 120_000);

afterAll(() => simulation?.close());

/** Each write of the list dates all of its hooks anew, as Stream does. */
const hooks = (): unknown => {
  const { event_hooks } = simulation.stream.coordinator.app.settings;
  return (event_hooks as Record<string, unknown>[]).map(({ updated_at: _, ...hook }) => hook);
};

const ourHook = (agentsUrl: string) => ({
  enabled: true,
  hook_type: "webhook",
  webhook_url: `${agentsUrl}/webhooks/stream?app=stream-agent-bridge&stage=${stage}&place=${placeOf(accountId, region)}&calls=all`,
  event_types: eventTypes,
  should_send_custom_events: false,
});

const refused = () => simulation.provisioner.decisions().filter(({ verdict }) => verdict !== "allowed");

const tables = async (): Promise<string[]> =>
  (await simulation.aws.dynamoDb.send(new ListTablesCommand({}))).TableNames ?? [];

/** A role by the component it belongs to. */
const roleOf = (component: string): string => {
  const name = simulation.provisioner.roles.names().find((role) => role.includes(`-${component}-`));
  if (name === undefined) throw new Error(`there is no role of ${component}: ${simulation.provisioner.roles.names()}`);
  return name;
};

describe("three secrets and `sst deploy`", () => {
  test("end in a system that says where it is", () => {
    expect(deploy.output).toMatch(/Complete/);
    expect(deploy.exitCode).toBe(0);
    const { agentsUrl, stage: told } = simulation.deployment(stage);
    expect(told).toBe(stage);
    expect(deploy.output).toContain(`agentsUrl: ${agentsUrl}\n`);
    expect(deploy.output).toContain(`streamWebhook: ${agentsUrl}/webhooks/stream\n`);
    expect(deploy.output).not.toContain(simulation.agentsKey(stage));
  });

  test("write the types that are committed", async () => {
    const [written, committed] = await Promise.all(
      [simulation.folder, root].map((folder) => readFile(path.join(folder, "sst-env.d.ts"), "utf8")),
    );
    expect(written).toBe(committed);
  });

  test("leave nothing that waits for a permission", () => {
    expect(simulation.provisioner.unpermitted()).toEqual([]);
  });

  test.each([
    ["Webhook", 450],
    ["TaskStopped", 450],
    ["Sweep", 450],
    ["Register", 450],
    ["ToolGetCurrentTime", 450],
    ["ToolSubmitSupportTicket", 450],
  ])("make a bundle of %s of at most %d kB", async (name, limitKb) => {
    const { size } = await stat(path.join(simulation.folder, ".sst", "artifacts", `${name}-src`, "bundle.mjs"));
    process.stdout.write(`${name} as SST builds it: ${(size / 1_000).toFixed(1)} kB\n`);
    expect(size).toBeLessThanOrEqual(limitKb * 1_000);
  });

  test("register the webhook with Stream, and leave other hooks as they were", () => {
    const { agentsUrl } = simulation.deployment(stage);
    expect(hooks()).toEqual([foreignHook, expect.objectContaining(ourHook(agentsUrl))]);
  });
});

/** When the model's server was given what a tool answered. */
const toolOutput = (scene: Scene): CloudEvent | undefined =>
  scene.modelEvents().find(({ type, data }) => {
    const { item } = (data.event ?? {}) as { item?: { type?: string } };
    return type === "client.conversation.item.create" && item?.type === "function_call_output";
  });

/** A person's connection may come up when the agent is speaking already, and a busy machine loses a packet: the end is enough. */
const endOf = (speech: Int16Array): Int16Array => speech.subarray(-900 * samplesPerMs);

describe("what was deployed", () => {
  test("brings an agent into a call, who greets, hears, uses a tool and answers", { timeout: 60_000 }, async () => {
    const { mind } = simulation.openai;
    const ticket = { customer_name: "Ann", email: "ann@example.com", issue: "No sound." };
    mind.add([
      {
        when: { after: "user" },
        times: 1,
        reply: { toolCalls: [{ name: "submit_support_ticket", arguments: ticket, callId: "call_ticket" }] },
      },
      { when: { after: "tool" }, reply: { text: "Filed: {output}.", speech: { signal: "filed" } } },
    ]);
    const scene = new Scene(simulation.cloud(stage));
    const ann = await scene.join("ann");
    await ann.hears(isVoice, 15_000, "the greeting", 0);
    await ann.hearsSilence(700, 10_000);
    const { lastPacketAtMs } = await ann.say(signal("question"));
    const filed = await ann.until(() => toolOutput(scene), 20_000, "what the tool answered");
    await ann.hears(isVoice, 15_000, "the answer", Math.max(filed.atMs, lastPacketAtMs));
    await ann.hearsSilence(1_500, 15_000);
    expect(correlate(ann.heard(lastPacketAtMs), endOf(signal("filed"))).score).toBeGreaterThan(leastScore);
    expect(correlate(ann.heard(), endOf(signal("greeting", 3_000))).score).toBeGreaterThan(leastScore);

    const TableName = (await tables()).find((name) => name.includes("Tickets"));
    const { Items = [] } = await simulation.aws.dynamoDb.send(new ScanCommand({ TableName }));
    expect(Items).toMatchObject([{ customerName: { S: "Ann" }, callCid: { S: scene.cid } }]);
    await ann.leave();
    await scene.streamCall.end();
    expect(await scene.taskEnds(10_000)).toEqual({ exitCode: 0, reason: "call_ended" });
    expect(await scene.record()).toMatchObject({ reason: "call_ended", people: [{ userId: "ann" }] });
    expect(refused()).toEqual([]);
  });

  test("answers the application's backend by the key that the deploy made, and its sweeper runs", {
    timeout: 30_000,
  }, async () => {
    const scene = new Scene(simulation.cloud(stage));
    await scene.create({ custom: { agent: false } });
    expect(await scene.post({ user: { id: "nova" } })).toMatchObject({ status: 202 });
    await scene.agentJoins("nova");
    expect(await scene.api("GET")).toMatchObject({ body: { agents: [{ userId: "nova", state: "running" }] } });
    // What the schedule invokes every minute finds everything in order, and may look.
    const { sweep } = simulation.deployment(stage).functions;
    expect(await simulation.aws.invoke(sweep)).not.toHaveProperty("functionError");
    expect((await scene.api("DELETE", "/nova")).status).toBe(202);
    expect(await scene.taskEnds(10_000)).toMatchObject({ reason: "removed" });
    await scene.streamCall.end();
    expect(refused()).toEqual([]);
  });

  test("brings the agent back when its task was killed", { timeout: 60_000 }, async () => {
    const scene = new Scene(simulation.cloud(stage));
    const ann = await scene.join("ann");
    await ann.hears(isVoice, 15_000, "the greeting", 0);
    const first = scene.task();
    process.kill(first.pid ?? Number.NaN, "SIGKILL");
    await scene.taskEnds(10_000, first);
    const second = await scene.taskStarts(2, 10_000);
    await ann.hearsSilence(500, 10_000);
    await ann.hears(isVoice, 20_000, "the next greeting");
    await scene.streamCall.end();
    await scene.taskEnds(10_000, second);
    await ann.leave();
    expect(refused()).toEqual([]);
  });

  test("has its secrets in no bundle, configuration, override or line", async () => {
    const secrets = [simulation.keys.streamApiSecret, simulation.keys.openAiApiKey, simulation.agentsKey(stage)];
    const places = { ...(await readablePlaces(simulation, stage)), "what sst printed": deploy.output };
    // Six functions' environments and bundles, and four more.
    expect(Object.keys(places)).toHaveLength(16);
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(0);
      const found = secrets.filter((secret) => text.includes(secret));
      expect(found, place).toEqual([]);
    }
  });
});

/** What a task needs for its goodbye: its way out, its rights, its table and where its lines go. */
const neededToLeave = [
  "aws:ec2/internetGateway:InternetGateway NetworkInternetGateway",
  "aws:ec2/routeTable:RouteTable NetworkPublicRouteTable1",
  "aws:ec2/routeTableAssociation:RouteTableAssociation NetworkPublicRouteTableAssociation1",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup NetworkSecurityGroup",
  "aws:iam/role:Role BridgeTaskRole",
  "aws:dynamodb/table:Table CallsTable",
  "aws:cloudwatch/logGroup:LogGroup BridgeLogGroupBridge",
  "aws:ecs/cluster:Cluster ClusterCluster",
  // While tasks run on spot capacity, ECS does not let go of it.
  "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders ClusterCapacityProviders",
];

describe("a role", () => {
  test.each(forbidden)("$role may not $action of $of", ({ role, action, resource, context }) => {
    const deployment = simulation.deployment(stage);
    const asked = { action, resource: resource(deployment), context: context?.(deployment) ?? {} };
    expect(simulation.provisioner.roles.verdictOf(roleOf(role), asked)).toBe("not allowed");
  });

  test("is what a request is refused by", async () => {
    const accessKeyId = simulation.provisioner.roles.accessKeyOf(roleOf("BridgeTaskRole"));
    const credentials = { accessKeyId, secretAccessKey: "local" };
    const options = { endpoint: simulation.aws.endpointUrl, region, credentials };
    const [lambda, ssm] = [new LambdaClient(options), new SSMClient(options)];
    try {
      const FunctionName = simulation.deployment(stage).functions.webhook;
      await expect(lambda.send(new InvokeCommand({ FunctionName }))).rejects.toThrow(
        /not authorized to perform: lambda:InvokeFunction/,
      );
      const Name = `/stream-agent-bridge/${stage}/OpenAiApiKey`;
      await expect(ssm.send(new GetParameterCommand({ Name }))).rejects.toThrow(
        /not authorized to perform: ssm:GetParameter/,
      );
    } finally {
      lambda.destroy();
      ssm.destroy();
    }
  });
});

test("a second deploy looks after the registration, changes nothing else, and the agent still comes", {
  timeout: 90_000,
}, async () => {
  const before = { hooks: hooks(), deployment: simulation.deployment(stage) };
  const keyName = `/stream-agent-bridge/${stage}/AgentsApiKey`;
  const rotated = "rotated-by-the-operator-0123456789abcdef";
  simulation.aws.parameters.put(keyName, rotated, "SecureString");

  const again = await simulation.sst("deploy", "--stage", stage);

  expect(again).toMatchObject({ exitCode: 0 });
  const changes = again.output.split("\n").filter((line) => /^\| +(Created|Updated|Deleted|Replaced)/.test(line));
  expect(changes).toEqual([expect.stringMatching(/Updated +Registration aws:lambda:Invocation/)]);
  expect({ hooks: hooks(), deployment: simulation.deployment(stage) }).toEqual(before);
  expect(simulation.agentsKey(stage)).toBe(rotated);

  const scene = new Scene(simulation.cloud(stage));
  const ann = await scene.join("ann");
  await ann.hears(isVoice, 15_000, "the greeting", 0);
  await ann.leave();
  await scene.streamCall.end();
  await scene.taskEnds(10_000);
});

test("`sst remove` during a call: the agent leaves, everything goes from Stream and AWS, and other hooks stay", {
  timeout: 90_000,
}, async () => {
  const { agentsUrl } = simulation.deployment(stage);
  const scene = new Scene(simulation.cloud(stage));
  const ann = await scene.join("ann");
  await ann.hears(isVoice, 15_000, "the greeting", 0);
  const task = scene.task();
  const refusedBefore = refused();
  const removing = simulation.sst("remove", "--stage", stage);
  const ended = await scene.taskEnds(60_000, task);
  // What the order of deletion guarantees: the engine deletes whatever does not have to wait, as soon as it may.
  const left = simulation.provisioner.resources();
  const removal = await removing;

  expect(removal).toMatchObject({ exitCode: 0 });
  expect(removal.output).toContain("Removed");
  expect(ended).toEqual({ exitCode: 0, reason: "stopped" });
  expect(left).toEqual(expect.arrayContaining(neededToLeave));
  expect(simulation.aws.tasks().filter(({ status }) => status !== "STOPPED")).toEqual([]);
  const [{ stopCode, stoppedReason, output } = task] = scene.tasks();
  expect({ stopCode, stoppedReason }).toEqual({
    stopCode: "UserInitiated",
    stoppedReason: `Stage ${stage} is being removed`,
  });
  // Its last words were taken: nothing failed on its way out.
  const lines = output.map(({ line }) => JSON.parse(line) as { level: string });
  expect(lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  expect(scene.present()).toEqual(["ann"]);
  expect(refused()).toEqual(refusedBefore);
  await ann.leave();
  expect(hooks()).toEqual([foreignHook]);
  expect(simulation.provisioner.resources()).toEqual([]);
  expect(await tables()).toEqual([]);
  expect(simulation.aws.logs.list()).toEqual([]);
  expect(simulation.aws.parameters.list().filter(({ name }) => name.startsWith("/stream-agent-bridge"))).toEqual([]);
  expect(simulation.provisioner.roles.names()).toEqual([]);
  await expect(fetch(agentsUrl)).rejects.toThrow();
});
