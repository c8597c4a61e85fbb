import { beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "./synthesize.ts";
import { type Statement, Template } from "./template.ts";

let template: Template;

beforeAll(async () => {
  template = new Template(await synthesize());
});

const allow = (Action: string[], Resource: string[], Condition?: Statement["Condition"]): Statement => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

const logs = (group: string): Statement =>
  allow(
    ["logs:CreateLogStream", "logs:PutLogEvents"],
    [`arn:aws:logs:us-east-1:123456789012:log-group:/stream-agent-bridge/test/${group}:*`],
  );

const read = (...names: string[]): Statement =>
  allow(
    ["ssm:GetParameters"],
    names.map((name) => template.parameterArn(name)),
  );

const streamKeys = ["StreamApiKeyParameter", "StreamApiSecretParameter"];

/** What cannot be given for one resource, and why it is given at all. */
const everywhere: Readonly<Record<string, string>> = {
  "ecs:ListTasks": "a list is of no task; the condition says of which cluster",
  "ecr:GetAuthorizationToken": "Fargate logs in to the registry as a whole; what it may fetch there is one repository",
};

describe("the rights of all roles", () => {
  it("are in their own policies, where this test sees them", () => {
    const types = new Set(template.evaluation.resources.map(({ type }) => type).filter((type) => /:iam\//.test(type)));
    expect([...types]).toEqual(["aws:iam/role:Role"]);
    const managed = template.all("aws:iam/role:Role").flatMap(({ inputs }) => inputs.managedPolicyArns ?? []);
    expect(managed).toEqual([]);
    expect(template.roles.length).toBeGreaterThanOrEqual(8);
  });

  it("name actions, never all of a service", () => {
    const actions = template.roles.flatMap((role) => template.statements(role).flatMap(({ Action }) => Action));
    expect(actions.length).toBeGreaterThan(10);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });

  it("name resources, but for what cannot be given for one", () => {
    const open = template.roles
      .flatMap((role) => template.statements(role))
      .filter(({ Resource }) => Resource.some((resource) => /^\*|^arn:aws:[^:]*:[^:]*:[^:]*:\*?$/.test(resource)));
    expect(open.flatMap(({ Action }) => Action).toSorted()).toEqual(Object.keys(everywhere).toSorted());
  });

  it("are taken on by one service of AWS each, and by no account", () => {
    const trusted = template.all("aws:iam/role:Role").map(({ name, inputs }) => {
      const policy = inputs.assumeRolePolicy;
      const { Statement } = (typeof policy === "string" ? JSON.parse(policy) : policy) as { Statement: unknown[] };
      const [first] = Statement as { Principal: unknown }[];
      return [name, Statement.length, first?.Principal];
    });
    const serviceOf = (role: string): string =>
      role.startsWith("Bridge") ? "ecs-tasks" : role === "SweepScheduleRole" ? "scheduler" : "lambda";
    expect(trusted).toEqual(template.roles.map((role) => [role, 1, { Service: `${serviceOf(role)}.amazonaws.com` }]));
  });

  it("belong to one function each", () => {
    const roles = template.functions.map(({ inputs }) => inputs.role);
    expect(new Set(roles).size).toBe(template.functions.length);
    expect(roles).not.toContain(template.taskDefinition.taskRoleArn);
  });
});

describe("the rights of each role", () => {
  /** Start, tag and look at this stage's tasks, and keep its table. */
  const dispatch = (component: string): Statement[] => {
    const cluster = template.arn("aws:ecs/cluster:Cluster", "ClusterCluster");
    const tasks = [`${cluster.replace(":cluster/", ":task/")}/*`];
    const definition = template.arn("aws:ecs/taskDefinition:TaskDefinition", "BridgeTask");
    const roles = ["BridgeTaskRole", "BridgeExecutionRole"].map((role) => template.arn("aws:iam/role:Role", role));
    return [
      allow(["ecs:RunTask"], [definition.replace(/:1$/, ":*")], { ArnEquals: { "ecs:cluster": [cluster] } }),
      allow(["ecs:TagResource"], tasks, { StringEquals: { "ecs:CreateAction": ["RunTask"] } }),
      allow(["ecs:DescribeTasks"], tasks),
      allow(["iam:PassRole"], roles, { StringEquals: { "iam:PassedToService": ["ecs-tasks.amazonaws.com"] } }),
      allow(
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        [template.tableArn("Calls")],
      ),
      allow(["dynamodb:Query"], [`${template.tableArn("Calls")}/index/live`]),
      read(...streamKeys, ...(component === "Webhook" ? ["AgentsApiKey"] : [])),
      logs(component),
    ];
  };

  it.each(["Webhook", "TaskStopped", "Sweep"])(
    "%s may run and tag this task, pass its roles and keep its table",
    (name) => {
      expect(template.statements(`${name}Role`)).toEqual(dispatch(name));
    },
  );

  it("the bridge may invoke its tools and keep its claim", () => {
    expect(template.statements("BridgeTaskRole")).toEqual([
      allow(["dynamodb:GetItem", "dynamodb:PutItem"], [template.tableArn("Calls")]),
      allow(
        ["lambda:InvokeFunction"],
        ["ToolGetCurrentTime", "ToolSubmitSupportTicket"].map((tool) => template.functionArn(tool)),
      ),
    ]);
  });

  it("Fargate may fetch the image, read the bridge's secrets and write its lines", () => {
    const repository = "arn:aws:ecr:us-east-1:123456789012:repository/sst-asset";
    expect(template.statements("BridgeExecutionRole")).toEqual([
      allow(["ecr:GetAuthorizationToken"], ["*"]),
      allow(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [repository]),
      read(...streamKeys, "OpenAiApiKeyParameter", "AgentsApiKey"),
      logs("Bridge"),
    ]);
    // The one that the image is pushed to.
    expect(template.container.image).toMatch(/^123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com\/sst-asset@sha256:/);
  });

  it("a tool may do what it was given, and nothing where it was given nothing", () => {
    expect(template.statements("ToolGetCurrentTimeRole")).toEqual([logs("ToolGetCurrentTime")]);
    expect(template.statements("ToolSubmitSupportTicketRole")).toEqual([
      allow(["dynamodb:GetItem", "dynamodb:PutItem"], [template.tableArn("Tickets")]),
      logs("ToolSubmitSupportTicket"),
    ]);
  });

  it("whoever registers with Stream may read its key and secret, and stop this stage's tasks before they are removed", () => {
    const cluster = template.arn("aws:ecs/cluster:Cluster", "ClusterCluster");
    expect(template.statements("RegisterRole")).toEqual([
      read(...streamKeys),
      allow(["ecs:ListTasks"], ["*"], { ArnEquals: { "ecs:cluster": [cluster] } }),
      allow(["ecs:DescribeTasks", "ecs:StopTask"], [`${cluster.replace(":cluster/", ":task/")}/*`]),
      logs("Register"),
    ]);
  });

  it("the schedule may invoke what it is for", () => {
    expect(template.statements("SweepScheduleRole")).toEqual([
      allow(["lambda:InvokeFunction"], [template.functionArn("Sweep")]),
    ]);
  });

  it("nobody else is there", () => {
    expect(template.roles.toSorted()).toEqual(
      [
        ...["Webhook", "TaskStopped", "Sweep", "Register", "ToolGetCurrentTime", "ToolSubmitSupportTicket"],
        ...["BridgeTask", "BridgeExecution", "SweepSchedule"],
      ]
        .map((name) => `${name}Role`)
        .toSorted(),
    );
  });
});

describe("who may invoke functions", () => {
  it("is everybody through the webhook's URL, and no other way; ECS's events for task-stopped; nobody else", () => {
    const permissions = template.all("aws:lambda/permission:Permission").map(({ inputs }) => inputs);
    const webhook = template.physicalName("aws:lambda/function:Function", "WebhookFunction");
    expect(permissions).toEqual([
      { action: "lambda:InvokeFunctionUrl", function: webhook, functionUrlAuthType: "NONE", principal: "*" },
      { action: "lambda:InvokeFunction", function: webhook, invokedViaFunctionUrl: true, principal: "*" },
      {
        action: "lambda:InvokeFunction",
        function: template.physicalName("aws:lambda/function:Function", "TaskStoppedFunction"),
        principal: "events.amazonaws.com",
        sourceArn: template.arn("aws:cloudwatch/eventRule:EventRule", "TaskStoppedRule"),
      },
    ]);
  });

  it("has one URL, without CORS: no browser has business with it", () => {
    expect(template.all("aws:lambda/functionUrl:FunctionUrl").map(({ inputs }) => inputs)).toEqual([
      {
        functionName: template.physicalName("aws:lambda/function:Function", "WebhookFunction"),
        authorizationType: "NONE",
        invokeMode: "BUFFERED",
      },
    ]);
  });
});
