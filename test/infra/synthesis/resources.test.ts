import { beforeAll, describe, expect, it } from "vitest";
import { bridgeRuntime } from "../../../infra/build/bridge-runtime.ts";
import { synthesize } from "./synthesize.ts";
import { Template } from "./template.ts";

let template: Template;

beforeAll(async () => {
  template = new Template(await synthesize());
});

describe("the network", () => {
  it("lets nothing in", () => {
    const groups = template.evaluation.resources.filter(({ type }) => /securitygroup/i.test(type));
    expect(groups.map(({ type, name, inputs }) => [type, name, inputs.ingress])).toEqual([
      ["aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "NetworkSecurityGroup", []],
    ]);
  });

  it("lets everything out: media goes to addresses that only Stream knows", () => {
    const { egress } = template.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "NetworkSecurityGroup").inputs;
    expect(egress).toEqual([{ cidrBlocks: ["0.0.0.0/0"], fromPort: 0, toPort: 0, protocol: "-1" }]);
  });

  it("has nothing that costs while nobody calls", () => {
    const types = template.evaluation.resources.map(({ type }) => type);
    expect(
      types.filter((type) => /nat|loadbalancer|lb\/|ec2\/instance|eip|vpcEndpoint|ecs\/service/i.test(type)),
    ).toEqual([]);
    expect(types).toContain("aws:ec2/vpc:Vpc");
  });
});

describe("the functions", () => {
  it("are what is deployed, each bundled from its source", () => {
    expect(
      Object.fromEntries(template.evaluation.builds.map(({ functionID, handler }) => [functionID, handler])),
    ).toEqual({
      Webhook: "functions/webhook.handler",
      TaskStopped: "functions/task-stopped.handler",
      Sweep: "functions/sweep.handler",
      Register: "functions/register.handler",
      ToolGetCurrentTime: "functions/tools/get-current-time.handler",
      ToolSubmitSupportTicket: "functions/tools/submit-support-ticket.handler",
    });
    expect(template.functions).toHaveLength(6);
  });

  it("run on Node 24 on arm64, said and not left to a default", () => {
    const pinned = template.functions.map(({ inputs }) => [inputs.runtime, inputs.architectures]);
    expect(pinned).toEqual(template.functions.map(() => ["nodejs24.x", ["arm64"]]));
    expect(template.evaluation.builds.map(({ runtime }) => runtime)).toEqual(
      template.functions.map(() => "nodejs24.x"),
    );
  });

  it("write JSON to a log group of their own that forgets", () => {
    for (const { name, inputs } of template.functions) {
      const component = name.replace(/Function$/, "");
      const group = `/stream-agent-bridge/test/${component}`;
      expect(inputs.loggingConfig).toEqual({ logFormat: "JSON", logGroup: group });
      expect(template.one("aws:cloudwatch/logGroup:LogGroup", `${component}Logs`).inputs.name).toBe(group);
    }
  });

  it("end in time: the webhook before Stream gives up, a tool after its own time is up, the removal with the last goodbye", () => {
    const timeouts = template.functions.map(({ name, inputs }) => [name.replace(/Function$/, ""), inputs.timeout]);
    expect(Object.fromEntries(timeouts)).toEqual({
      Webhook: 10,
      TaskStopped: 10,
      Sweep: 60,
      Register: 240,
      ToolGetCurrentTime: 7,
      ToolSubmitSupportTicket: 12,
    });
  });

  it("reserve no share of the account's concurrency: a new account has none to give", () => {
    const reserved = template.functions.map(({ inputs }) => inputs.reservedConcurrentExecutions);
    expect(reserved.filter((share) => share !== undefined)).toEqual([]);
  });
});

describe("log groups", () => {
  it("all forget, after two weeks", () => {
    const groups = template.all("aws:cloudwatch/logGroup:LogGroup");
    expect(groups.map(({ name, inputs }) => [name, inputs.retentionInDays])).toEqual(
      groups.map(({ name }) => [name, 14]),
    );
    expect(groups).toHaveLength(7);
  });
});

describe("the task", () => {
  it("is of arm64, of the size in the settings, in a network of its own", () => {
    expect(template.taskDefinition).toMatchObject({
      cpu: "1024",
      memory: "2048",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      runtimePlatform: { cpuArchitecture: "ARM64", operatingSystemFamily: "LINUX" },
    });
  });

  it("has two minutes to say goodbye, and hears that it is to go", () => {
    expect(template.container).toMatchObject({ stopTimeout: 120, linuxParameters: { initProcessEnabled: true } });
  });

  it("has no terminal, no ports, and nothing to write to", () => {
    expect(template.container).toMatchObject({ pseudoTerminal: false, readonlyRootFilesystem: true });
    expect(template.container.portMappings ?? []).toEqual([]);
  });

  it("writes to a log group that forgets, and does not wait for it", () => {
    const { logConfiguration } = template.container;
    expect(logConfiguration).toMatchObject({
      logDriver: "awslogs",
      options: {
        "awslogs-group": "/stream-agent-bridge/test/Bridge",
        "awslogs-region": "us-east-1",
        mode: "non-blocking",
      },
    });
    const group = template.one("aws:cloudwatch/logGroup:LogGroup", "BridgeLogGroupBridge").inputs;
    expect(group).toMatchObject({ name: "/stream-agent-bridge/test/Bridge", retentionInDays: 14 });
  });

  it("has the settings of Node that its compile cache was made with", () => {
    const environment = Object.fromEntries(template.container.environment.map(({ name, value }) => [name, value]));
    expect(environment).toMatchObject(bridgeRuntime);
  });

  it("is of the project's Dockerfile, built for arm64, and told nothing while it is built", () => {
    const { inputs } = template.one("docker-build:index:Image", "BridgeImageBridge");
    expect(inputs).toMatchObject({
      platforms: ["linux/arm64"],
      context: { location: expect.stringMatching(/\/project$/) },
      dockerfile: { location: expect.stringMatching(/\/project\/bridge-task\/Dockerfile$/) },
    });
    // No cache in the registry: it would hold all of what the image is built with.
    expect([inputs.cacheFrom, inputs.cacheTo]).toEqual([undefined, undefined]);
    expect(inputs.buildArgs ?? {}).toEqual({});
    expect(Object.keys(inputs.secrets ?? {})).toEqual(["SST_RESOURCE_App"]);
  });
});

describe("the tables", () => {
  it("of calls has the keys, index and time to live that the code uses", () => {
    expect(template.one("aws:dynamodb/table:Table", "CallsTable").inputs).toMatchObject({
      hashKey: "pk",
      rangeKey: "sk",
      globalSecondaryIndexes: [
        {
          name: "live",
          hashKey: "live",
          rangeKey: "claimedAt",
          projectionType: "INCLUDE",
          nonKeyAttributes: ["state", "launchId"],
        },
      ],
      ttl: { attributeName: "expiresAt", enabled: true },
    });
  });

  it("of tickets has the key that the tool uses", () => {
    expect(template.one("aws:dynamodb/table:Table", "TicketsTable").inputs).toMatchObject({ hashKey: "ticketId" });
  });

  it("cost nothing while they are idle", () => {
    const tables = template.all("aws:dynamodb/table:Table");
    expect(tables.map(({ inputs }) => inputs.billingMode)).toEqual(["PAY_PER_REQUEST", "PAY_PER_REQUEST"]);
  });
});
